"""One process for one training: who is at work notes it beside the state."""

import os
import socket
from pathlib import Path
from typing import Any

import psutil

from hydrarec.files import read_object, write_json

NOTE = "process.json"
"""File in the folder of the state."""


def claim(folder: Path) -> None:
    """Note that this process trains here.

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
    path = folder / NOTE
    this = {"host": socket.gethostname(), "pid": os.getpid(), "started": psutil.Process().create_time()}
    noted = _read(path)
    if noted != this and noted.get("host") == this["host"] and _runs(noted.get("pid"), noted.get("started")):
        raise ValueError(
            f"{folder}: process {noted['pid']} is training this still; its Snakemake was killed, perhaps.\n"
            f"Wait until it is done, or end it (kill {noted['pid']}), which saves where it stands; then start again."
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_json(path, this)


def _read(path: Path) -> dict[str, Any]:
    """Return a note; nothing of one that is half written, or was edited."""
    try:
        return read_object(path)
    except (OSError, ValueError):
        return {}


def _runs(pid: Any, started: Any) -> bool:
    """Return whether a process runs that had this number when it began: numbers are used again."""
    try:
        return isinstance(pid, int) and psutil.Process(pid).create_time() == started
    except (psutil.Error, ValueError, OverflowError):
        return False
