#!/usr/bin/env python3
"""Print what became of a Job in Snakemake's words: running, success or failed. Why it failed goes to standard error."""

import json
import sys
from typing import Any

from kubectl import kubectl


def status(identity: str) -> str:
    """Return how a Job stands.

    A cluster that does not answer is no reason to give up the jobs on it, so they count as running.
    """
    namespace, name = identity.split("/")
    try:
        text = kubectl(["get", "job", name, "--namespace", namespace, "--ignore-not-found", "-o", "json"])
    except ValueError as error:
        _say(f"{identity}: not known how it stands, asking again: {error}")
        return "running"
    if not text.strip():
        _say(f"{identity}: no such Job any more; somebody deleted it")
        return "failed"
    # Others come before these while pods are still ending.
    true = {
        one["type"]: one for one in json.loads(text).get("status", {}).get("conditions", []) if one["status"] == "True"
    }
    if "Complete" in true:
        return "success"
    if "Failed" not in true:
        return "running"
    _say(f"{identity}: {true['Failed'].get('reason', 'failed')}; {_end_of_pods(namespace, name)}")
    return "failed"


def _end_of_pods(namespace: str, name: str) -> str:
    """Return why a Job's pods ended, as far as that can be asked, such as `OOMKilled, exit code 137`."""
    try:
        text = kubectl(["get", "pods", "--selector", f"job-name={name}", "--namespace", namespace, "-o", "json"])
    except ValueError as error:
        return str(error)
    return "; ".join(_end_of(pod["status"]) for pod in json.loads(text)["items"]) or "its pod is gone"


def _end_of(pod: dict[str, Any]) -> str:
    ends = [container.get("state", {}).get("terminated") for container in pod.get("containerStatuses", [])]
    said = [f"{end.get('reason', 'ended')}, exit code {end['exitCode']}" for end in ends if end]
    return ", ".join([*([pod["reason"]] if "reason" in pod else []), *said]) or pod.get("phase", "unknown")


def _say(text: str) -> None:
    sys.stderr.write(f"kubernetes: {text}\n")


if __name__ == "__main__":
    sys.stdout.write(status(sys.argv[1]) + "\n")
