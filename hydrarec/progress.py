"""Progress for people: a bar on a terminal, nothing but log lines in a file."""

import logging
import sys
import threading
from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")

# By default processes of one family share a lock, which one that is killed in the midst of a bar never gives back: all
# others would wait for ever. A thread that looks after bars could hold this one while a process is forked.
tqdm.set_lock(threading.RLock())
tqdm.monitor_interval = 0


def bar(items: Iterable[T], *, total: int | None = None, what: str, unit: str) -> Iterable[T]:
    """Show a bar on standard error while `items` are consumed, if that is a terminal."""
    return tqdm(items, total=total, desc=what, unit=unit, leave=False, disable=None, dynamic_ncols=True)


def start_logging() -> None:
    """Send the package's log lines to standard error, with the time of day."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
