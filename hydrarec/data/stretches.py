"""Work on long arrays a stretch at a time.

What numpy makes on the way (indices of another type, masks, differences) then stays in the processor's cache. Made for
all rows at once, it would take new memory from the system, which costs more than the work itself.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Int

ROWS = 2**17
"""Rows of a stretch."""
SMALLEST_BITS, PAIRS_BITS = 16, 21
"""Leading bits by which values are put into buckets: few are counted anew for every stretch, many hold less each."""
UNKNOWN = -1


def stretches(n_rows: int) -> Iterator[slice]:
    """Yield the slices into which so many rows are cut."""
    for start in range(0, n_rows, ROWS):
        yield slice(start, min(start + ROWS, n_rows))


def taken(values: np.ndarray, places: Int[np.ndarray, " E"]) -> np.ndarray:
    """Return `values[places]`."""
    found = np.empty(len(places), dtype=values.dtype)
    for rows in stretches(len(places)):
        found[rows] = values[places[rows]]
    return found


def counted(ids: Int[np.ndarray, " E"], n_ids: int = 0) -> Int[np.ndarray, " N"]:
    """Return how often each number from 0 occurs, for at least `n_ids` numbers and at least one."""
    counts = np.zeros(max(int(ids.max(initial=0)) + 1, n_ids), dtype=np.int64)
    for rows in stretches(len(ids)):
        found = np.bincount(ids[rows])
        counts[: len(found)] += found
    return counts


def occurs(ids: Int[np.ndarray, " E"], n_ids: int = 0) -> Bool[np.ndarray, " N"]:
    """Return whether each number from 0 occurs, for at least `n_ids` numbers and at least one."""
    found = np.zeros(max(int(ids.max(initial=0)) + 1, n_ids), dtype=bool)
    for rows in stretches(len(ids)):
        found[ids[rows]] = True
    return found


def n_different(ids: Int[np.ndarray, " E"]) -> int:
    """Return how many different numbers, of at least 0, there are."""
    return int(np.count_nonzero(counted(ids)))


def smallest(values: Int[np.ndarray, " E"], n_smaller: int) -> int:
    """Return the value that `n_smaller` others stand before when they are sorted.

    Values are counted by their leading bits first; only those that share these with the one looked for are sorted.
    """
    first, last = int(values.min()), int(values.max())
    shift = max((last - first).bit_length() - SMALLEST_BITS, 0)
    before = np.cumsum(sum(_counted_coarsely(values[rows], first, shift) for rows in stretches(len(values))))
    bucket = int(np.searchsorted(before, n_smaller, side="right"))
    low, high = first + (bucket << shift), first + ((bucket + 1) << shift)
    parts = (values[rows] for rows in stretches(len(values)))
    inside = np.concatenate([part[(part >= low) & (part < high)] for part in parts])
    place = n_smaller - (int(before[bucket - 1]) if bucket else 0)
    return int(np.partition(inside, place)[place])


def n_pairs_below(values: Int[np.ndarray, " E"], bounds: Int[np.ndarray, " N"]) -> int:
    """Return how many pairs there are of a value and a bound below it; the bounds ascend, and there are some.

    Where no bound has the same leading bits as a value, these bits say how many are below it.
    """
    first, last = int(bounds[0]), int(bounds[-1])
    shift = max((last - first).bit_length() - PAIRS_BITS, 0)
    inside = np.bincount(_bucket(bounds, first, shift))
    below = np.where(inside, UNKNOWN, np.cumsum(inside))
    n_pairs = 0
    for rows in stretches(len(values)):
        part = values[rows]
        # As in every part of the training data that a cut in time separates from the targets.
        if part.max() <= first:
            continue
        found = below[_bucket(part.clip(first, last), first, shift)]
        unknown = np.flatnonzero(found == UNKNOWN)
        found[unknown] = np.searchsorted(bounds, part[unknown])
        n_pairs += int(found.sum())
    return n_pairs


def _counted_coarsely(values: np.ndarray, first: int, shift: int) -> np.ndarray:
    return np.bincount(_bucket(values, first, shift), minlength=2**SMALLEST_BITS)


def _bucket(values: np.ndarray, first: int, shift: int) -> np.ndarray:
    # Unsigned, since the largest may be further above the least than signed numbers go.
    return ((values - first).view(np.uint64) >> np.uint64(shift)).astype(np.int64)
