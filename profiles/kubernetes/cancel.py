#!/usr/bin/env python3
"""Delete Jobs, given by their ids; their processes get SIGTERM and time to save where they stand."""

import subprocess
import sys
from collections import defaultdict


def main() -> None:
    """Delete the Jobs that are the arguments."""
    names: dict[str, list[str]] = defaultdict(list)
    for identity in sys.argv[1:]:
        namespace, name = identity.split("/")
        names[namespace].append(name)
    # Snakemake waits two seconds and no longer, so kubectl is started and left alone.
    for namespace, jobs in names.items():
        command = ["kubectl", "delete", "job", *jobs, "--namespace", namespace, "--ignore-not-found", "--wait=false"]
        # They are there until their pods are gone, so that the next Snakemake does not start the same beside them.
        command += ["--cascade=foreground"]
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)


if __name__ == "__main__":
    main()
