"""Sorting in two threads: numpy lets other threads work while it sorts, and merges what is sorted in parts quickly."""

import numpy as np
from jaxtyping import Int

from hydrarec.data.threads import each

ROWS = 2**16
"""Rows that are ordered by themselves: their keys stay in the processor's cache."""
KEY_BITS = 64
"""Of a key, its sign included."""


def sort(keys: Int[np.ndarray, " E"]) -> Int[np.ndarray, " E"]:
    """Return the keys in ascending order."""
    keys = keys.copy()
    middle = len(keys) // 2
    each(_sort_in_place, (keys[:middle], keys[middle:]))
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
    if (int(users.max()) + 1) * span >= 2 ** (KEY_BITS - 1):
        return np.lexsort((times, users))
    if not (users[1:] >= users[:-1]).all():
        return np.argsort(users * np.int64(span) + (times - first), kind="stable")
    order = np.empty(len(users), dtype=np.int64)

    def put(rows: tuple[int, int]) -> None:
        start, stop = rows
        keys = (users[start:stop] - users[start]) * np.int64(span) + (times[start:stop] - first)
        order[start:stop] = start + _order_of(keys)

    # Where the users stand in order already, as in most files, a stretch of whole users is ordered by itself.
    starts = np.unique(np.searchsorted(users, users[::ROWS])).tolist()
    each(put, zip(starts, [*starts[1:], len(users)], strict=True))
    return order


def _order_of(keys: Int[np.ndarray, " E"]) -> Int[np.ndarray, " E"]:
    """Return the order of keys of at least 0, equal ones in theirs."""
    bits = (len(keys) - 1).bit_length()
    if int(keys.max()).bit_length() + bits >= KEY_BITS:
        return np.argsort(keys, kind="stable")
    # No two are equal with their rows behind them, and numpy has faster ways to sort numbers than to find their order.
    keyed = keys << bits | np.arange(len(keys))
    keyed.sort()
    return keyed & ((1 << bits) - 1)


def _sort_in_place(keys: np.ndarray) -> None:
    keys.sort(kind="stable")
