"""Work on long arrays a chunk at a time.

What numpy makes on the way (indices of another type, masks, differences) then stays in the processor's cache. Made for
all rows at once, it would take new memory from the system, which costs more than the work itself.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Int

ROWS = 2**17
"""Rows of a chunk."""
ORDERED_BITS, PAIRS_BITS = 16, 21
"""Leading bits by which values are put into buckets: few are counted anew for every chunk, many hold less each."""
SEVERAL = 2**62
"""Stands for a bucket with several bounds, where it would be more than there can be."""


def chunk_slices(n_rows: int) -> Iterator[slice]:
    """Yield the slices into which so many rows are cut."""
    for start in range(0, n_rows, ROWS):
        yield slice(start, min(start + ROWS, n_rows))


def take_chunked(values: np.ndarray, indices: Int[np.ndarray, " E"]) -> np.ndarray:
    """Return `values[indices]`."""
    found = np.empty(len(indices), dtype=values.dtype)
    for rows in chunk_slices(len(indices)):
        found[rows] = values[indices[rows]]
    return found


def bincount_chunked(ids: Int[np.ndarray, " E"], n_ids: int = 0) -> Int[np.ndarray, " N"]:
    """Return how often each number from 0 occurs, for at least `n_ids` numbers and at least one."""
    counts = np.zeros(max(int(ids.max(initial=0)) + 1, n_ids), dtype=np.int64)
    for rows in chunk_slices(len(ids)):
        found = np.bincount(ids[rows])
        counts[: len(found)] += found
    return counts


def occurs(ids: Int[np.ndarray, " E"], n_ids: int = 0) -> Bool[np.ndarray, " N"]:
    """Return whether each number from 0 occurs, for at least `n_ids` numbers and at least one."""
    found = np.zeros(max(int(ids.max(initial=0)) + 1, n_ids), dtype=bool)
    for rows in chunk_slices(len(ids)):
        found[ids[rows]] = True
    return found


def n_runs(ids: Int[np.ndarray, " E"]) -> int:
    """Return how many different numbers there are, where equal ones stand together."""
    return int(np.count_nonzero(ids[1:] != ids[:-1])) + (len(ids) > 0)


class Ordered:
    """Values as they would stand in ascending order, which they are not put into.

    They are counted by their leading bits; only those that share these with the one looked for are sorted.

    Parameters
    ----------
    values
        One or more.
    """

    def __init__(self, values: Int[np.ndarray, " E"]) -> None:
        self.values = values
        self.first, last = int(values.min()), int(values.max())
        self.shift = max((last - self.first).bit_length() - ORDERED_BITS, 0)
        counts = sum(_coarse_counts(values[rows], self.first, self.shift) for rows in chunk_slices(len(values)))
        self.before = np.cumsum(np.append(0, counts))
        """Values in all buckets before each."""

    def at(self, index: int) -> tuple[int, int]:
        """Return the value at an index from 0, and how many values there are up to it, equal ones included."""
        bucket = int(np.searchsorted(self.before, index, side="right")) - 1
        low, high = (self.first + (number << self.shift) for number in (bucket, bucket + 1))
        parts = (self.values[rows] for rows in chunk_slices(len(self.values)))
        inside = np.sort(np.concatenate([part[(part >= low) & (part < high)] for part in parts]))
        before = int(self.before[bucket])
        value = inside[index - before]
        return int(value), before + int(np.searchsorted(inside, value, side="right"))


def n_pairs_below(values: Int[np.ndarray, " E"], bounds: Int[np.ndarray, " N"]) -> int:
    """Return how many pairs there are of a value and a bound below it; the bounds ascend, and there are some.

    Where no bound has the same leading bits as a value, or one alone, these bits say how many may be below it.
    """
    first, last = int(bounds[0]), int(bounds[-1])
    shift = max((last - first).bit_length() - PAIRS_BITS, 0)
    inside = np.bincount(_bucket(bounds, first, shift))
    up_to = np.cumsum(inside)
    # Where there is one bound alone, it is looked at, and of several the index is searched for.
    below = np.where(inside == 0, up_to, np.where(inside == 1, -up_to, SEVERAL))
    n_pairs = 0
    for rows in chunk_slices(len(values)):
        part = values[rows]
        # As in every part of the training data that a cut in time separates from the targets.
        if part.max() <= first:
            continue
        found = below[_bucket(part.clip(first, last), first, shift)]
        alone = np.flatnonzero(found < 0)
        upper = -found[alone]
        found[alone] = upper - (part[alone] <= bounds[upper - 1])
        several = np.flatnonzero(found == SEVERAL)
        found[several] = np.searchsorted(bounds, part[several])
        n_pairs += int(found.sum())
    return n_pairs


def _coarse_counts(values: np.ndarray, first: int, shift: int) -> np.ndarray:
    return np.bincount(_bucket(values, first, shift), minlength=2**ORDERED_BITS)


def _bucket(values: np.ndarray, first: int, shift: int) -> np.ndarray:
    # Unsigned, since the largest may be further above the least than signed numbers go.
    return ((values - first).view(np.uint64) >> np.uint64(shift)).astype(np.int64)
