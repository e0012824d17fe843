#!/usr/bin/env python3
"""Create a Job of Kubernetes for a job script of Snakemake and print its id, `namespace/name`."""

import json
import sys
from pathlib import Path

from kubectl import kubectl
from manifest import manifest, read_properties
from settings import read_settings


def main() -> None:
    """Submit the job script that is the only argument."""
    jobscript = Path(sys.argv[1])
    try:
        settings = read_settings()
        # Not resolved: a link to the interpreter is how an environment is known.
        programs = Path(sys.executable).parent
        job = manifest(read_properties(jobscript), jobscript.absolute(), Path.cwd(), programs, settings)
        created = kubectl(["create", "--namespace", settings.namespace, "-f", "-", "-o", "name"], json.dumps(job))
    except (OSError, ValueError) as error:
        sys.exit(f"kubernetes: nothing was submitted:\n{error}")
    # Snakemake hands it back to ask and to cancel; both must know the namespace.
    sys.stdout.write(f"{settings.namespace}/{created.strip().removeprefix('job.batch/')}\n")


if __name__ == "__main__":
    main()
