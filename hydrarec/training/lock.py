"""One process for one training: who is at work notes it beside the state."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hydrarec.files import write_json
from hydrarec.unfinished import PROCESS_FILE, process_at_work, this_process


@contextmanager
def lock_training(folder: Path) -> Iterator[None]:
    """Note that this process trains here for as long as a `with` block runs.

    A Snakemake that is killed leaves its local trainings running, and the next one begins them again. Of processes on
    other machines nobody can tell here: schedulers end a job before they begin it anew.

    Parameters
    ----------
    folder
        Where the training's state is kept.

    Raises
    ------
    ValueError
        If another process of this machine does so still.
    """
    this, other = this_process(), process_at_work(folder)
    if other and other["host"] == this["host"] and other["pid"] != this["pid"]:
        raise ValueError(
            f"{folder}: process {other['pid']} is training this still; its Snakemake was killed, perhaps.\n"
            f"Wait until it is done, or end it (kill {other['pid']}), which saves where it stands; then start again."
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / PROCESS_FILE, this)
    try:
        yield
    finally:
        (folder / PROCESS_FILE).unlink(missing_ok=True)
        # Where nothing has been saved yet, nothing stays.
        with suppress(OSError):
            folder.rmdir()
