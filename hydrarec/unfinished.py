"""What a training that is not done has left, its state and who is at work, read without PyTorch and its weights."""

import json
import socket
from pathlib import Path
from typing import Any

import psutil
from safetensors import SafetensorError, safe_open

from hydrarec.files import read_object

STATE_FOLDER, LATEST_STATE, PREVIOUS_STATE = "state", "latest.safetensors", "previous.safetensors"
"""Where a run's folder holds states; the newest, and the one before, should the newest not be readable."""
PROCESS_FILE = "process.json"
"""File beside them in which the process that trains says which it is."""
CLOCK_MOVES = 60.0
"""Seconds by which the time that a process began may seem to move, as the system's clock is set."""


def latest(run: Path) -> Path:
    """Return where the newest state lies in a run's folder, or would lie; while one is being saved, the one before."""
    newest, before = (run / STATE_FOLDER / name for name in (LATEST_STATE, PREVIOUS_STATE))
    return before if before.exists() and not newest.exists() else newest


def saved_state(folder: Path) -> dict[str, Any]:
    """Return what the newest state in a run's folder says of itself: `identity`, `history` and the like.

    Empty if there is none, or one that is half written: the training itself goes by the state before it.
    """
    try:
        with safe_open(latest(folder), framework="numpy") as file:
            found = json.loads(file.metadata()["hydrarec"])
    except (TypeError, KeyError, ValueError, OSError, SafetensorError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("history"), list) else {}


def this_process() -> dict[str, Any]:
    """Return what tells this process from all others: machine, number and when it began."""
    process = psutil.Process()
    return {"host": socket.gethostname(), "pid": process.pid, "started": process.create_time()}


def process_at_work(state: Path) -> dict[str, Any] | None:
    """Return the process that trains, as `this_process` describes it; None if it has ended.

    Of another machine's nobody can tell here, and it counts as at work, as long as its note is there.

    Parameters
    ----------
    state
        The folder of the states.
    """
    try:
        noted = read_object(state / PROCESS_FILE)
    except (OSError, ValueError):
        # Half written, edited, or of before there were such notes.
        return None
    if noted.get("host") != socket.gethostname():
        return noted
    return noted if _runs(noted.get("pid"), noted.get("started")) else None


def _runs(pid: Any, started: Any) -> bool:
    """Return whether a process runs that had this number when it began: numbers are used again."""
    try:
        if not isinstance(pid, int):
            return False
        found = psutil.Process(pid)
        # One that has ended stays as a zombie until its parent looks, and in a container there may be none that does.
        return found.status() != psutil.STATUS_ZOMBIE and abs(found.create_time() - started) < CLOCK_MOVES
    except (psutil.Error, TypeError, ValueError, OverflowError):
        return False
