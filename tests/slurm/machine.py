"""What a cluster takes from the machine it is on: root, Debian's packages, ports, processes."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PACKAGES = ("munge", "slurm-client", "slurmctld", "slurmd")


class UnavailableError(Exception):
    """This machine cannot have such a cluster; the message says why."""


def check_machine() -> None:
    """Raise `UnavailableError` with the reason if there can be no cluster here."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        raise UnavailableError("a Slurm on this machine needs root")
    if shutil.which("slurmd") is None and shutil.which("apt-get") is None:
        raise UnavailableError("neither Slurm nor Debian's apt-get is here")
    try:
        socket.gethostbyname(socket.gethostname())
    except OSError:
        raise UnavailableError(f"the host's name {socket.gethostname()} does not resolve") from None


def install() -> None:
    """Install what is missing, without letting the packages start daemons of their own."""
    if all(shutil.which(program) for program in ("munged", "squeue", "slurmctld", "slurmd")):
        return
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    get = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=180"]
    try:
        for command in ([*get, "update"], [*get, "install", "-y", "--no-install-recommends", *PACKAGES]):
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
            if done.returncode:
                raise UnavailableError(f"{' '.join(command)} failed: {done.stderr.strip()[-500:]}")
    finally:
        if ours:
            policy.unlink()


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_ports(number: int) -> int:
    """Return the first of so many neighbouring free ports."""
    for first in range(17001, 60000, number):
        try:
            for port in range(first, first + number):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
    raise RuntimeError(f"no {number} neighbouring free ports")


def end_processes(pids: set[int], number: signal.Signals, seconds: float) -> None:
    """Send a signal and wait until the processes are gone, or the time is over."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(target(Path(f"/proc/{pid}/exe")) for pid in pids):
        time.sleep(0.1)


def links(folder: Path) -> list[Path]:
    """Return what is in a folder of /proc; nothing if its process is gone."""
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def target(link: Path) -> str:
    """Return where a link of /proc points; nowhere if its process is gone."""
    try:
        return str(link.readlink())
    except OSError:
        return ""
