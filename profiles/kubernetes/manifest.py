"""A job of Snakemake as a `batch/v1` Job of Kubernetes.

All that comes from rules and wildcards is a value of the JSON or an argument of its own; none of it is read by a shell.
"""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from settings import Settings

KEPT_S = 24 * 3600
"""A finished Job is kept so long: Snakemake must have seen it, and you its log."""
GRACE_S = 120
"""Between SIGTERM and SIGKILL: long enough for a training to save where it stands."""

PARAMS = "hydrarec/params"
"""The annotation that says whether two Jobs of one name compute the same."""

# Kubernetes sends SIGTERM to the first process alone, which as process 1 would ignore it; as on Slurm, all get it here.
START = """\
trap 'told=1; kill -s TERM -- "-$job"' TERM
PATH="$1:$PATH" setsid /bin/sh "$2" &
job=$! told=1
while [ "$told" ]; do told=; wait "$job"; code=$?; done
exit "$code"
"""


def read_properties(jobscript: Path) -> dict[str, Any]:
    """Return what Snakemake wrote about a job into its script: rule, wildcards, threads, resources.

    Raises
    ------
    ValueError
        If it is not there.
    """
    for line in jobscript.read_text().splitlines():
        if line.startswith("# properties = "):
            return json.loads(line.removeprefix("# properties = "))
    raise ValueError(f"{jobscript}: no line '# properties = …'; is it a job script of Snakemake?")


def manifest(
    properties: dict[str, Any], jobscript: Path, folder: Path, programs: Path, settings: Settings
) -> dict[str, Any]:
    """Return the Job that runs a job script.

    Parameters
    ----------
    properties
        What Snakemake says about the job.
    jobscript
        Its script, in a folder that pods see.
    folder
        Where Snakemake works.
    programs
        The folder with the environment's programs; it comes first on the image's PATH.
    settings
        The cluster's.

    Raises
    ------
    ValueError
        If pods do not see the job script, or a resource is no number.
    """
    for path in (jobscript, folder):
        if not path.is_relative_to(settings.mount):
            raise ValueError(f"{path} is not under {settings.mount}, where settings.toml mounts the volume")
    # A group of jobs has no rule and no wildcards of its own.
    rule, wildcards = properties.get("rule") or properties["groupid"], properties.get("wildcards") or {}
    about = {
        "labels": {"app.kubernetes.io/name": "hydrarec", "hydrarec/rule": _label(rule)}
        | {f"hydrarec/{_label(key)}": _label(value) for key, value in wildcards.items()},
        # Labels can be selected by, but not every character may stand in them.
        "annotations": {
            "hydrarec/job": json.dumps({"rule": rule, "wildcards": wildcards}),
            PARAMS: _hash(properties.get("params")),
        },
    }
    # The same job on the same files always has the same name, so that no two can be at work.
    kind = re.sub("[^a-z0-9]+", "-", rule.lower()).strip("-")[:40]
    group = None if "rule" in properties else properties["jobid"]
    name = f"hydrarec-{kind}-{_hash([settings.claim, str(folder), rule, wildcards, group])}"
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": settings.namespace, **about},
        "spec": {
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": KEPT_S,
            "template": {"metadata": about, "spec": _pod(properties, jobscript, folder, programs, settings)},
        },
    }


def _pod(
    properties: dict[str, Any], jobscript: Path, folder: Path, programs: Path, settings: Settings
) -> dict[str, Any]:
    resources = properties["resources"]
    gpus = _count(resources, "gpu")
    requests, limits = {"cpu": str(properties["threads"])}, {}
    if memory := _count(resources, "mem_mb"):
        requests["memory"] = limits["memory"] = f"{memory}M"
    if gpus:
        limits[settings.gpu_resource] = str(gpus)
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": GRACE_S,
        # Files on the volume belong to whoever started Snakemake.
        "securityContext": {"runAsUser": os.getuid(), "runAsGroup": os.getgid()},
        "volumes": [{"name": "checkout", "persistentVolumeClaim": {"claimName": settings.claim}}],
        "containers": [
            {
                "name": "job",
                "image": settings.image,
                "command": ["/bin/sh", "-c", START, "job", str(programs), str(jobscript)],
                "workingDir": str(folder),
                "env": [{"name": name, "value": value} for name, value in _environment().items()],
                "resources": {"requests": requests, "limits": limits},
                "volumeMounts": [{"name": "checkout", "mountPath": settings.mount}],
            }
        ],
    }
    if minutes := _count(resources, "runtime"):
        # The pod's and not the Job's: the time in which it waits for a node does not count.
        pod["activeDeadlineSeconds"] = 60 * minutes
    if gpus:
        pod["tolerations"] = [{"key": settings.gpu_resource, "operator": "Exists", "effect": "NoSchedule"}]
        if model := resources.get("gpu_model"):
            pod["nodeSelector"] = {"nvidia.com/gpu.product": str(model)}
    return pod


def _environment() -> dict[str, str]:
    """Return what is set in a pod: of the environment here what is this package's, as Slurm hands on all of it."""
    own = {name: value for name, value in sorted(os.environ.items()) if name.startswith("HYDRAREC_")}
    # The image need not know the user.
    return {"HOME": "/tmp", "USER": "hydrarec", **own}


def _count(resources: dict[str, Any], name: str) -> int:
    """Return a resource that is a whole number; 0 if it is not there."""
    value = resources.get(name, 0)
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"resource {name}: {value!r} is not allowed; allowed: a whole number")
    return value


def _label(text: str) -> str:
    """Return what of a text may be a label: at most 63 letters, digits, `-`, `_`, `.`, the first and last no sign."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", str(text))[:63].strip("-_.")


def _hash(value: Any) -> str:
    """Return a short hash of plain data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]
