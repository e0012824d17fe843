"""Slurm jobs that outlived the Snakemake that submitted them.

Killed with -9, or lost with its login node, Snakemake leaves its jobs behind. They go on and finish, but the next
Snakemake does not know them and would submit the same work again, into the same files.
"""

import logging
import os
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

ANSWER_S = 60
"""How long squeue may take."""
PATIENCE_S = 60
"""How long the start of a Snakemake waits for jobs that are ending, and for a Slurm that does not answer."""
NO_CLUSTER = "DNS SRV lookup failed"
"""What squeue says where neither a file nor the network names a cluster: there are Slurm's programs and no Slurm."""
FIELDS = {"JobID": 20, "State": 20, "TimeUsed": 20, "NodeList": 60, "Comment": 200, "WorkDir": 2000}
"""What squeue is asked for, and in how many columns; what is longer is cut off."""
ANOTHER = """\
Another Snakemake has locked files of this folder. If it is at work, let it: start this one when it is done, or in
a folder of its own (--directory). If it was killed, --unlock opens its lock."""
AWAY = """\
Jobs of an earlier Snakemake may be at work here, and the same work would be done twice. Start again when squeue
answers. Where you know that there are none, --no-hooks starts without asking."""


class NoAnswerError(ValueError):
    """Slurm was asked for jobs and did not say which there are."""


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

    Where there is no squeue there is no Slurm, and there are none.

    Raises
    ------
    NoAnswerError
        If squeue fails or takes longer than a minute; the message has its command and what it said.
    """
    if shutil.which("squeue") is None:
        return []
    wanted = ",".join(f"{field}:{width}" for field, width in FIELDS.items())
    # Without a list of states, squeue shows all that is not over. With one it shows what is in just these, and not what
    # runs on a node that still boots.
    command = ["squeue", "--me", "--noheader", f"--Format={wanted}"]
    found = []
    for line in _said(command).splitlines():
        number, state, elapsed, node, what, works_in = _columns(line)
        if Path(works_in) == folder.resolve() and what.startswith("rule_"):
            found.append(Job(number, state, elapsed, node, what))
    return found


def wait_for(folder: Path, every: float = 10) -> None:
    """Wait until Slurm says that no job of `folder` is left, asking every so many seconds.

    Raises
    ------
    NoAnswerError
        If there is no cluster that could ever answer. One that is away for a while is asked again.
    """
    away = False
    while True:
        try:
            jobs = jobs_of(folder)
        except NoAnswerError as error:
            if NO_CLUSTER in str(error):
                raise
            # A controller that restarts is away for minutes, and jobs go on. Said once, or it fills the screen.
            if not away:
                log.warning("%s\nAsking again every %g s until it answers.", error, every)
            away = True
        else:
            if away:
                log.warning("squeue answers again.")
            away = False
            if not jobs:
                return
        time.sleep(every)


def format_jobs(jobs: list[Job]) -> str:
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
    NoAnswerError
        If a cluster is there and squeue does not answer within a minute.
    """
    patience = time.monotonic() + PATIENCE_S
    while True:
        try:
            jobs = jobs_of(folder)
        except NoAnswerError as error:
            # Slurm's programs alone, as where a package brought them along. Work without a cluster must stay possible.
            if NO_CLUSTER in str(error):
                # On a machine that shares the folder with a cluster there may be jobs after all.
                if _has_used_slurm(folder):
                    log.warning(
                        "No Slurm was asked for jobs of an earlier Snakemake, as none is set up here. %s", error
                    )
                return
            # To go on with a warning would be to do twice what is at work: jobs outlive a controller that is away.
            if time.monotonic() > patience:
                raise NoAnswerError(f"{error}\n{AWAY}") from None
        else:
            if not jobs:
                return
            # Cancelled a moment ago, they are still saving where they stand.
            if any(job.state != "COMPLETING" for job in jobs) or time.monotonic() > patience:
                raise ValueError(format_jobs(jobs) + (f"\n{ANOTHER}" if _others_lock(folder) else ""))
        time.sleep(1)


def _said(command: list[str]) -> str:
    """Run squeue, whatever its user has told it to leave out, and return what it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SQUEUE_")}
    try:
        finished = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=ANSWER_S, env=environment
        )
    except subprocess.TimeoutExpired:
        why = f"it did not answer within {ANSWER_S} s"
    except OSError as error:
        why = f"it could not be started: {error}"
    else:
        if finished.returncode == 0:
            return finished.stdout
        why = f"it ended with {finished.returncode} and said: {' '.join(finished.stderr.split()) or 'nothing'}"
    raise NoAnswerError(f"Slurm did not say which jobs work in this folder.\n{shlex.join(command)}: {why}")


def _has_used_slurm(folder: Path) -> bool:
    """Return whether a Snakemake here has submitted jobs: its plugin makes the folder of their logs."""
    return (folder / ".snakemake" / "slurm_logs").is_dir()


def _others_lock(folder: Path) -> bool:
    # Each Snakemake locks what it makes in a file of its own; one of them is this one's.
    return len(list((folder / ".snakemake" / "locks").glob("*.output.lock"))) > 1


def _columns(line: str) -> list[str]:
    parts, begin = [], 0
    for width in FIELDS.values():
        parts.append(line[begin : begin + width].strip())
        begin += width
    return parts
