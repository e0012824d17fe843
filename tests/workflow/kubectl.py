"""A `kubectl` that runs containers' commands on this machine, and knows no more of Kubernetes than the profile uses.

Its cluster is the folder `FAKE_CLUSTER`: a file with the manifest of every Job, one with its container's process and
one with its exit code; `deletions` names the Jobs that were deleted, which leave nothing else. It refuses what an API
server would: names, labels and quantities that are none, an unknown namespace.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

# Also read by pytest, which looks for doctests.
CLUSTER = Path(os.environ.get("FAKE_CLUSTER", "/nowhere"))
NAMESPACE = "bench"
LABEL = r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?"


def main():
    """Do what the profile asks of kubectl."""
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=["create", "get", "delete", "run"])
    parser.add_argument("what", nargs="*")
    parser.add_argument("--namespace", required=True)
    parser.add_argument("--selector")
    parser.add_argument("-f")
    parser.add_argument("-o")
    parser.add_argument("--ignore-not-found", action="store_true")
    parser.add_argument("--wait", default="true")
    parser.add_argument("--cascade", default="background")
    given = parser.parse_args()
    if (CLUSTER / "away").exists():
        sys.exit("The connection to the server localhost:6443 was refused")
    if given.namespace != NAMESPACE:
        sys.exit(f'Error from server (NotFound): namespaces "{given.namespace}" not found')
    globals()[given.verb](given)


def create(given):
    """Take a manifest from standard input, and start its container."""
    assert (given.f, given.what) == ("-", [])
    job = json.load(sys.stdin)
    assert (job["apiVersion"], job["kind"], job["metadata"]["namespace"]) == ("batch/v1", "Job", NAMESPACE)
    pod = job["spec"]["template"]
    for about in (job["metadata"], pod["metadata"]):
        assert all(re.fullmatch(LABEL, value) for value in about["labels"].values()), about
        assert all(re.fullmatch(LABEL, key.split("/")[1]) for key in about["labels"]), about
        assert all(isinstance(value, str) for value in about["annotations"].values()), about
    (container,) = pod["spec"]["containers"]
    for amount in container["resources"].values():
        assert all(re.fullmatch(r"[0-9]+[kMG]?", value) for value in amount.values()), amount
    assert Path(container["workingDir"]).is_dir()
    name = job["metadata"]["name"]
    if _exists(name):
        sys.exit(f'Error from server (AlreadyExists): jobs.batch "{name}" already exists')
    assert re.fullmatch("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name), name
    (CLUSTER / f"{name}.json").write_text(json.dumps(job))
    command = [sys.executable, __file__, "run", name, "--namespace", NAMESPACE]
    # It outlives this kubectl, whose output somebody reads to the end.
    none = subprocess.DEVNULL
    subprocess.Popen(command, stdin=none, stdout=none, stderr=none, start_new_session=True)
    sys.stdout.write(f"job.batch/{name} created\n")


def run(given):
    """Run a Job's container to its end, with an image's environment and not that of whoever submitted it."""
    (name,) = given.what
    (container,) = json.loads((CLUSTER / f"{name}.json").read_text())["spec"]["template"]["spec"]["containers"]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": os.environ["PYTHONPATH"]}
    environment |= {one["name"]: one["value"] for one in container["env"]}
    with (CLUSTER / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            container["command"], cwd=container["workingDir"], env=environment, stdout=log, stderr=log
        )
    (CLUSTER / f"{name}.pid").write_text(str(process.pid))
    code = process.wait()
    part = CLUSTER / f"{name}.part"
    part.write_text(str(code))
    part.rename(CLUSTER / f"{name}.code")


def get(given):
    """Show a Job, or the pods of one."""
    if given.what == ["pods"]:
        name = given.selector.removeprefix("job-name=")
        ended = {"terminated": {"exitCode": _code(name), "reason": "Error"}}
        sys.stdout.write(json.dumps({"items": [{"status": {"containerStatuses": [{"state": ended}]}}]}))
        return
    kind, name = given.what
    assert (kind, given.o) == ("job", "json")
    if not _exists(name):
        if not given.ignore_not_found:
            sys.exit(f'Error from server (NotFound): jobs.batch "{name}" not found')
        return
    code, status = _code(name), {}
    if code is not None:
        end = {"type": "Failed", "reason": "BackoffLimitExceeded"} if code else {"type": "Complete"}
        status["conditions"] = [{"type": "FailureTarget", "status": "False"}, {**end, "status": "True"}]
    job = json.loads((CLUSTER / f"{name}.json").read_text())
    if (CLUSTER / f"{name}.deleted").exists():
        job["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    sys.stdout.write(json.dumps({**job, "status": status}))


def delete(given):
    """Delete Jobs, sending SIGTERM to the first process of each container that still runs."""
    kind, *names = given.what
    assert (kind, given.cascade) == ("job", "foreground")
    for name in filter(_exists, names):
        told = (CLUSTER / f"{name}.deleted").exists()
        (CLUSTER / f"{name}.deleted").touch()
        with (CLUSTER / "deletions").open("a") as deletions:
            deletions.write(f"{name}\n")
        if not told and (CLUSTER / f"{name}.pid").exists() and _code(name) is None:
            os.kill(int((CLUSTER / f"{name}.pid").read_text()), signal.SIGTERM)
        while given.wait == "true" and _exists(name):
            time.sleep(0.02)


def _exists(name):
    """Return whether there is such a Job; one that was deleted is there until its container has ended."""
    if (CLUSTER / f"{name}.deleted").exists() and _code(name) is not None:
        for suffix in ("json", "pid", "code", "deleted"):
            (CLUSTER / f"{name}.{suffix}").unlink(missing_ok=True)
    return (CLUSTER / f"{name}.json").exists()


def _code(name):
    path = CLUSTER / f"{name}.code"
    return int(path.read_text()) if path.exists() else None


if __name__ == "__main__":
    main()
