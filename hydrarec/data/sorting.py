"""Sorting in two threads: numpy lets other threads work while it sorts, and merges what is sorted in parts quickly."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jaxtyping import Int


def sort(keys: Int[np.ndarray, " E"]) -> Int[np.ndarray, " E"]:
    """Return the keys in ascending order."""
    keys = keys.copy()
    middle = len(keys) // 2
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(_sort_in_place, (keys[:middle], keys[middle:])))
    # Two ascending runs, which this merges.
    _sort_in_place(keys)
    return keys


def order_by(users: Int[np.ndarray, " E"], times: Int[np.ndarray, " E"] | None) -> Int[np.ndarray, " E"]:
    """Return the row numbers by user, then by time; rows that are equal in both stay in their order.

    Parameters
    ----------
    users
        Numbers of at least 0.
    times
        Seconds; None to order by users alone.
    """
    if times is None or not len(users):
        return np.argsort(users, kind="stable")
    first, span = int(times.min()), int(times.max()) - int(times.min()) + 1
    if (int(users.max()) + 1) * span >= 2**63:
        return np.lexsort((times, users))
    keys = users * np.int64(span) + (times - first)
    # Where the rows of a user stand together, as in most files, no user is on both sides of this cut.
    cut = int(np.searchsorted(users, users[len(users) // 2]))
    with ThreadPoolExecutor(2) as threads:
        low, high = threads.map(_stable_order, (keys[:cut], keys[cut:]))
    if cut and keys[low[-1]] > keys[cut + high[0]]:
        return _stable_order(keys)
    high += cut
    return np.concatenate([low, high])


def _sort_in_place(keys: np.ndarray) -> None:
    keys.sort(kind="stable")


def _stable_order(keys: np.ndarray) -> np.ndarray:
    return np.argsort(keys, kind="stable")
