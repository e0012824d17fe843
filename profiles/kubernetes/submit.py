#!/usr/bin/env python3
"""Create a Job of Kubernetes for a job script of Snakemake and print its id, `namespace/name`."""

import json
import sys
from pathlib import Path
from typing import Any

from kubectl import kubectl
from manifest import GRACE_S, PARAMS, manifest, read_properties
from settings import read_settings


def main() -> None:
    """Submit the job script that is the only argument."""
    jobscript = Path(sys.argv[1])
    try:
        settings = read_settings()
        # Not resolved: a link to the interpreter is how an environment is known.
        programs = Path(sys.executable).parent
        job = manifest(read_properties(jobscript), jobscript.absolute(), Path.cwd(), programs, settings)
        if not _is_at_work(job):
            kubectl(["create", "--namespace", settings.namespace, "-f", "-"], json.dumps(job))
    except (OSError, ValueError) as error:
        sys.exit(f"kubernetes: nothing was submitted:\n{error}")
    # Snakemake hands it back to ask and to cancel; both must know the namespace.
    sys.stdout.write(f"{settings.namespace}/{job['metadata']['name']}\n")


def _is_at_work(job: dict[str, Any]) -> bool:
    """Return whether a Snakemake that was killed has left this very Job at work; one that is over is deleted.

    Raises
    ------
    ValueError
        If the one at work computes the same files from another configuration.
    """
    name, namespace = job["metadata"]["name"], job["metadata"]["namespace"]
    text = kubectl(["get", "job", name, "--namespace", namespace, "--ignore-not-found", "-o", "json"])
    if not text.strip():
        return False
    there = json.loads(text)
    ended = {"Complete", "Failed"} & {
        one["type"] for one in there.get("status", {}).get("conditions", []) if one["status"] == "True"
    }
    if not ended and "deletionTimestamp" not in there["metadata"]:
        if there["metadata"]["annotations"][PARAMS] != job["metadata"]["annotations"][PARAMS]:
            raise ValueError(
                f"{namespace}/{name} is at work on the same files with other parameters; wait for it, or end it with\n"
                f"kubectl delete job {name} --namespace {namespace} --cascade=foreground"
            )
        sys.stderr.write(f"kubernetes: {namespace}/{name} is at work already and is waited for\n")
        return True
    # In the foreground: it is gone when its pod is, which may still be saving.
    delete = ["delete", "job", name, "--namespace", namespace, "--ignore-not-found", "--cascade=foreground"]
    kubectl(delete, timeout_s=GRACE_S + 60)
    return False


if __name__ == "__main__":
    main()
