"""What a training that is not done has saved, read without PyTorch and without its weights."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

FOLDER, LATEST = "state", "latest.safetensors"
"""Where a run's folder holds states, and which of them is the newest."""


def latest(run: Path) -> Path:
    """Return where the newest state lies in a run's folder."""
    return run / FOLDER / LATEST


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
