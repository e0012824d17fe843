"""Sampled candidates of every test target, one frozen file per dataset, protocol and kind, which every run reads.

Many papers rank a target among 100 sampled items. What comes of it depends on the draw and does not keep the order of
methods (Krichene & Rendle 2020; Dallmann et al. 2021), so it is here for comparison with them and for showing how far
it is from the full ranking. A draw for each run would add noise between runs that users do not account for, hence one
for all.

Items are drawn without replacement: one after the other, each time among those left, in proportion to their weight.
The weight is 1 (`uniform`) or the training interactions (`popularity`). Neither the target is drawn, nor, unless the
training data have repeats, an item of the history.
"""

import zlib
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from hydrarec.columns import CANDIDATES, HELD_OUT, ITEMS, TRAIN
from hydrarec.config.protocol import SampledKind, sample_size
from hydrarec.data.filters import n_repeated
from hydrarec.tables import read_table, write_table

SEED = 12345
"""Seed of every draw, the one of BERT4Rec's published evaluation."""
TABLE = 2**22
"""Pairs of case and item that are held at a time."""


def sample_candidates(data: Path, protocol: str, kind: SampledKind, output: Path) -> None:
    """Draw candidates for every test target.

    Parameters
    ----------
    data
        Dataset folder, with a folder per protocol.
    protocol
        Which split.
    kind
        How, and how many for each.
    output
        The Parquet file, columns of `hydrarec.columns.CANDIDATES`. A case has fewer rows than its kind says if there
        are not as many items.
    """
    how, number = kind.partition("-")[0], sample_size(kind)
    split, columns = data / protocol, ["user", "item", "position"]
    train = read_table(split / "train.parquet", TRAIN, columns)
    held_out = {name: read_table(split / f"{name}.parquet", HELD_OUT) for name in ("validation", "test")}
    n_items = len(read_table(data / "items.parquet", ITEMS, ["item"]))
    events = pd.concat([train, *(part[columns] for part in held_out.values())])
    events = events.sort_values(["user", "position"], kind="stable", ignore_index=True)
    test = held_out["test"]
    targets = test[test["step"] >= 0].sort_values(["user", "step"], kind="stable", ignore_index=True)
    first = np.searchsorted(events["user"].to_numpy(), targets["user"].to_numpy())
    # Positions count a user's events from 0 without a gap.
    last = first + targets["position"].to_numpy()
    if n_repeated(train["user"].to_numpy(), train["item"].to_numpy()):
        first = last
    pool = train["item"].to_numpy()
    pool = np.unique(pool) if how == "uniform" else pool
    stream = np.random.default_rng([SEED, zlib.crc32(kind.encode())])
    found = []
    for begin in range(0, len(targets), max(1, TABLE // n_items)):
        part = slice(begin, begin + max(1, TABLE // n_items))
        taken = _taken(events["item"].to_numpy(), first[part], last[part], n_items)
        taken[np.arange(len(taken)), targets["item"].to_numpy()[part]] = True
        found.append(np.sort(sample_items(pool, taken, int(number), stream), axis=1))
    items = np.concatenate(found)
    sampled = items > 0
    table = targets[["user", "step"]].loc[np.repeat(targets.index, sampled.sum(axis=1))]
    write_table(table.assign(item=items[sampled]), output, CANDIDATES)


def sample_items(
    pool: Int[np.ndarray, " P"], taken: Bool[np.ndarray, "C N1"], number: int, stream: np.random.Generator
) -> Int[np.ndarray, "C number"]:
    """Draw different items for each row.

    Parameters
    ----------
    pool
        Items from 1; one that stands there more often is drawn more often, in proportion.
    taken
        By row and item: what must not be drawn. Changed to what must not be drawn any more.
    number
        Items to draw for each row.
    stream
        Random stream.

    Returns
    -------
    numpy.ndarray
        The drawn items in the order of the draw, 0 where a row has no more to draw from.
    """
    rows, n_sampled = np.arange(len(taken)), np.zeros(len(taken), dtype=np.intp)
    sampled = np.zeros((len(taken), number), dtype=np.int32)
    # A draw with replacement of which only what is new counts is one without. This is over quickly for most rows.
    for item in pool[stream.integers(len(pool), size=(2 * number, len(taken)))]:
        new = rows[~taken[rows, item] & (n_sampled < number)]
        sampled[new, n_sampled[new]] = item[new]
        taken[new, item[new]] = True
        n_sampled[new] += 1
    rows = np.flatnonzero(n_sampled < number)
    if len(rows):
        # The others go on by the order of exponential times with their weights as rates (Efraimidis & Spirakis 2006).
        weight = np.bincount(pool, minlength=taken.shape[1])
        free = ~taken[rows] & (weight > 0)
        with np.errstate(divide="ignore"):
            times = np.where(free, stream.standard_exponential(free.shape) / weight, np.inf)
        order = _smallest(times, number)
        for row, items, n_free in zip(rows, order, free.sum(axis=1), strict=True):
            more = items[: min(number - n_sampled[row], n_free)]
            sampled[row, n_sampled[row] : n_sampled[row] + len(more)] = more
            taken[row, more] = True
    return sampled


def _smallest(values: Float[np.ndarray, "R N1"], number: int) -> Int[np.ndarray, "R K"]:
    """Return the columns of the smallest values of each row, ascending by value."""
    least = np.argpartition(values, min(number, values.shape[1] - 1), axis=1)[:, :number]
    return np.take_along_axis(least, np.take_along_axis(values, least, axis=1).argsort(axis=1), axis=1)


def _taken(
    items: Int[np.ndarray, " E"], first: Int[np.ndarray, " C"], last: Int[np.ndarray, " C"], n_items: int
) -> Bool[np.ndarray, "C N1"]:
    """Mark the items of each case's events `first` to `last - 1`, and the padding."""
    taken = np.zeros((len(first), n_items + 1), dtype=bool)
    taken[:, 0] = True
    lengths = last - first
    row = np.repeat(np.arange(len(first)), lengths)
    event = np.arange(len(row)) + np.repeat(first - (lengths.cumsum() - lengths), lengths)
    taken[row, items[event]] = True
    return taken
