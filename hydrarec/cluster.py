"""Slurm jobs that outlived the Snakemake that submitted them.

Killed with -9, or lost with its login node, Snakemake leaves its jobs behind. They go on and finish, but the next
Snakemake does not know them and would submit the same work again, into the same files.
"""

import logging
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

FIELDS = {"JobID": 20, "State": 20, "TimeUsed": 20, "NodeList": 60, "Comment": 200, "WorkDir": 2000}
"""What squeue is asked for, and in how many columns; what is longer is cut off."""
ANOTHER = """\
Another Snakemake has locked files of this folder. If it is at work, let it: start this one when it is done, or in
a folder of its own (--directory). If it was killed, --unlock opens its lock."""


@dataclass(frozen=True)
class Job:
    """A job in Slurm's queue."""

    id: str
    state: str
    elapsed: str
    node: str
    what: str
    """Rule and wildcards, as Snakemake's Slurm plugin notes them."""


def jobs_of(folder: Path) -> list[Job]:
    """Return this user's jobs that a Snakemake working in `folder` submitted and that are not over.

    Without Slurm there are none; where Slurm does not answer there are none either, and a warning says so.
    """
    if shutil.which("squeue") is None:
        return []
    wanted = ",".join(f"{field}:{width}" for field, width in FIELDS.items())
    command = ["squeue", "--me", "--noheader", "--states=PENDING,RUNNING,SUSPENDED,COMPLETING", f"--Format={wanted}"]
    try:
        text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("Slurm was not asked for jobs of an earlier Snakemake: %s", getattr(error, "stderr", "") or error)
        return []
    found = []
    for line in text.splitlines():
        number, state, elapsed, node, what, works_in = _columns(line)
        if Path(works_in) == folder.resolve() and what.startswith("rule_"):
            found.append(Job(number, state, elapsed, node, what))
    return found


def wait_for(folder: Path, every: float = 10) -> None:
    """Wait until no job of `folder` is left, looking every so many seconds."""
    while jobs_of(folder):
        time.sleep(every)


def described(jobs: list[Job]) -> str:
    """Return a table of jobs and what to do about them."""
    if not jobs:
        return "No Slurm job works in this folder."
    return "\n".join(
        [
            f"{len(jobs)} Slurm job(s) work in this folder:",
            *(f"  {job.id:>8}  {job.state:<10}  {job.elapsed:>10}  {job.node:<10}  {job.what}" for job in jobs),
            "If a Snakemake is running here, they are its jobs and all is well. If none is, one was killed and left",
            "them behind. Do one of these before the next is started, or the same work is done twice:",
            "  hydrarec cluster orphans --wait     wait until they are done; what they finish counts",
            f"  scancel {' '.join(job.id for job in jobs)}",
            "                                      cancel them; trainings go on from their last epoch",
        ]
    )


def refuse_orphans(folder: Path) -> None:
    """Refuse to start a Snakemake beside jobs of another one; call it when this Snakemake has locked what it makes.

    Raises
    ------
    ValueError
        If there are such jobs; the message lists them and says what to do.
    """
    patience = time.monotonic() + 60
    while jobs := jobs_of(folder):
        # Cancelled a moment ago, they are still saving where they stand.
        if any(job.state != "COMPLETING" for job in jobs) or time.monotonic() > patience:
            raise ValueError(described(jobs) + (f"\n{ANOTHER}" if _others_lock(folder) else ""))
        time.sleep(1)


def _others_lock(folder: Path) -> bool:
    # Each Snakemake locks what it makes in a file of its own; one of them is this one's.
    return len(list((folder / ".snakemake" / "locks").glob("*.output.lock"))) > 1


def _columns(line: str) -> list[str]:
    parts, begin = [], 0
    for width in FIELDS.values():
        parts.append(line[begin : begin + width].strip())
        begin += width
    return parts
