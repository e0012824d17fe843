"""Raw file to the prepared tables: duplicates and rare users and items removed, dense ids, a fixed order, a card.

Order and ids, on which every split and every result depends:

* A user's interactions stand by time and, where times are equal, in the order of the raw file, or at random if the
  data set says so (`tie_order`). Formats without times are taken to be in the order of time already.
* Users and items are numbered from 1 in the order of their first remaining appearance in the raw file.

Removal, in this order: exact duplicates (same user, item and second; only where there are times, because without them
a duplicate cannot be told from a second visit), then repeated pairs if `repeats: first`, then rare users and items,
then all but the drawn share of a data set that is thinned. Thinning leaves the catalogue as it is: items are numbered
before it, and those that lose their last interaction stay items. The minimum counts are not asked for again. Users who
lose all interactions are gone; what happens to those with few is the split's business.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Bool, Int

from hydrarec import heap
from hydrarec.columns import INTERACTIONS, ITEMS, USERS
from hydrarec.config.datasets import DatasetConfig, FilterConfig, ThinConfig
from hydrarec.data import readers
from hydrarec.data.card import counts, describe, measure
from hydrarec.data.chunked import bincount_chunked, chunk_slices, take_chunked
from hydrarec.data.filters import first_of_pair, frequent, n_repeated, not_duplicated, subsample
from hydrarec.data.sorting import order_by
from hydrarec.data.threads import each
from hydrarec.files import atomic_folder, sha256, write_json
from hydrarec.provenance import file_hashes
from hydrarec.tables import table_hash, write_table


class Events(NamedTuple):
    """Interactions, in file order."""

    users: Int[np.ndarray, " E"]
    """Codes from 0, or dense numbers from 1."""
    items: Int[np.ndarray, " E"]
    """Codes from 0, or dense numbers from 1."""
    times: Int[np.ndarray, " E"] | None
    """Seconds since 1970; None if the source has none."""

    def where(self, stays: Bool[np.ndarray, " E"]) -> Self:
        """Return those that stay; without a copy if that is all of them."""
        if stays.all():
            return self
        return self.by_column(lambda column: column[stays])

    def by_column(self, work: Callable[[np.ndarray], np.ndarray]) -> Self:
        """Return what `work` makes of each column, with no times where there are none."""
        # The widest first, beside which one thread has time for the other two.
        columns = (self.times, self.users, self.items)
        times, users, items = each(lambda column: None if column is None else work(column), columns)
        return self._replace(users=users, items=items, times=times)


def prepare(dataset: DatasetConfig, raw: Path | None, output: Path) -> None:
    """Write `interactions.parquet`, `items.parquet`, `users.parquet` and `card.json` of a dataset.

    Parameters
    ----------
    dataset
        Reader, filter, and what the card says of the source.
    raw
        The downloaded file; None for a dataset without one.
    output
        Folder to write to; the files appear when all are complete, the card last.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is not the pinned file, not what the reader expects, or nothing is left by the filter or of the share.
    """
    heap.share_freed()
    frame, found = _read(raw, dataset)
    times = frame["timestamp"].to_numpy(dtype=np.int64) if frame["timestamp"].notna().all() else None
    categories = {name: _categories(frame[name]) for name in ("user", "item")}
    events, stages, repeats = select(Events(_codes(frame["user"]), _codes(frame["item"]), times), dataset.filter)
    # What is removed is not needed again, and its memory is.
    del frame, times
    if not len(events.users):
        told = ", ".join(f"{key}: {str(value).lower()}" for key, value in dataset.filter.model_dump().items())
        raise ValueError(
            f"{dataset.id}: the filter ({told}) removes all {stages[0]['interactions']} "
            "interactions; lower the minimum counts"
        )
    with atomic_folder(output, last="card.json") as new, ThreadPoolExecutor(1) as writer:
        (users, seen_users), (items, seen_items) = each(_dense, events[:2])
        events = Events(users, items, events.times)
        if dataset.thin is not None:
            events = thin_events(events, dataset.thin)
            of_both = each(bincount_chunked, events[:2])
            stages.append(counts(f"a share of {dataset.thin.keep:g} drawn, catalogue kept", *of_both))
            repeats = n_repeated(events.users, events.items) if repeats else 0
            users, left = _dense(events.users)
            events, seen_users = events._replace(users=users), seen_users[left - 1]
        order = _order(events.users, events.times, dataset)
        users, items, times = events.by_column(lambda column: take_chunked(column, order))
        table = _interactions(users, items, times)
        written = writer.submit(write_table, table, new / "interactions.parquet", INTERACTIONS)
        lengths, popularity = bincount_chunked(users)[1:], bincount_chunked(items, len(seen_items) + 1)[1:]
        _write_ids("item", _raw(categories["item"], seen_items), popularity, new / "items.parquet")
        _write_ids("user", _raw(categories["user"], seen_users), lengths, new / "users.parquet")
        card = {
            **describe(dataset, found),
            **measure(users, times, lengths, popularity, repeats),
            "stages": stages,
            "content_hash": table_hash(table),
            "id_hashes": file_hashes(new, ("items.parquet", "users.parquet")),
        }
        written.result()
        write_json(new / "card.json", card)


def select(events: Events, settings: FilterConfig) -> tuple[Events, list[dict[str, Any]], int]:
    """Remove what the configuration says.

    Parameters
    ----------
    events
        Raw interactions.
    settings
        Block `filter` of the dataset.

    Returns
    -------
    tuple
        The remaining interactions; the counts before and after each step; how many of the remaining ones repeat an
        earlier pair of user and item.
    """
    of_both = each(bincount_chunked, events[:2])
    stages = [counts("raw", *of_both)]
    repeats = n_repeated(events.users, events.items)

    def keep(
        stage: str, stays: Bool[np.ndarray, " E"] | None, of_left: list[Int[np.ndarray, " N"]] | None = None
    ) -> Events:
        nonlocal of_both
        left = events.where(stays) if stays is not None else events
        if left is not events:
            of_both = of_left or each(bincount_chunked, left[:2])
        stages.append(counts(stage, *of_both))
        return left

    # Nothing can be a duplicate or a second visit where no pair occurs twice.
    if events.times is not None:
        events = keep("exact duplicates removed", not_duplicated(*events) if repeats else None)
    if settings.repeats == "first":
        events = keep("first of each user and item", first_of_pair(*events) if repeats else None)
    least_user, least_item = settings.min_user_interactions, settings.min_item_interactions
    if max(least_user, least_item) > 1:
        how = "repeated until nothing changes" if settings.iterate else "counted once"
        minima = {"min_user": least_user, "min_item": least_item, "iterate": settings.iterate}
        stays, *of_left = frequent(*events[:2], *of_both, **minima)
        events = keep(f"users with {least_user} or more, items with {least_item} or more, {how}", stays, of_left)
    return events, stages, n_repeated(events.users, events.items) if repeats else 0


def thin_events(events: Events, settings: ThinConfig) -> Events:
    """Keep a drawn share of the interactions.

    Raises
    ------
    ValueError
        If that is none of them.
    """
    stays = subsample(len(events.users), settings.keep, settings.seed)
    if not stays.any():
        raise ValueError(f"thin.keep: a share of {settings.keep:g} of {len(stays)} interactions is none; keep more")
    return events.where(stays)


def _read(raw: Path | None, dataset: DatasetConfig) -> tuple[pd.DataFrame, str | None]:
    """Return the interactions as they stand in the raw file, and its checksum."""
    if raw is None:
        return readers.read(raw, dataset.reader), None
    with ThreadPoolExecutor(1) as checker:
        found = checker.submit(_checked, raw, dataset)
        try:
            frame = readers.read(raw, dataset.reader)
        finally:
            # Whatever is wrong with the lines of another file, that it is another one is the reason.
            checksum = found.result()
    return frame, checksum


def _checked(raw: Path, dataset: DatasetConfig) -> str:
    """Return the checksum of the raw file, which may have changed since it was downloaded."""
    if not raw.is_file():
        raise FileNotFoundError(f"{raw}: no such file; download it first")
    found = sha256(raw)
    if dataset.source is not None and found != dataset.source.sha256:
        raise ValueError(f"{raw}: expected sha256 {dataset.source.sha256}, found {found}; remove it and download again")
    return found


def _order(users: Int[np.ndarray, " E"], times: Int[np.ndarray, " E"] | None, dataset: DatasetConfig) -> np.ndarray:
    """Return the row numbers by user and time."""
    if dataset.tie_order is None:
        return order_by(users, times)
    if times is None:
        raise ValueError(f"{dataset.id}: tie_order orders what happened in the same second, but times are missing")
    shuffled = np.random.default_rng(dataset.tie_order).permutation(len(users))
    return shuffled[order_by(users[shuffled], times[shuffled])]


def _dense(codes: Int[np.ndarray, " E"]) -> tuple[Int[np.ndarray, " E"], Int[np.ndarray, " N"]]:
    """Give codes numbers from 1 by first appearance; return them and the code of each."""
    n_codes = int(codes.max()) + 1
    first = np.full(n_codes, len(codes), dtype=np.int32)
    # From the last row to the first: of several rows with a code the one that is written last stays.
    for rows in reversed([*chunk_slices(len(codes))]):
        first[codes[rows][::-1]] = np.arange(rows.stop - 1, rows.start - 1, -1, dtype=np.int32)
    seen = np.argsort(first)[: np.count_nonzero(first < len(codes))]
    numbers = np.zeros(n_codes, dtype=np.int32)
    numbers[seen] = np.arange(1, len(seen) + 1)
    return take_chunked(numbers, codes), seen


def _codes(column: pd.Series) -> Int[np.ndarray, " E"]:
    """Return the codes of a categorical, or the numbers that stand for themselves."""
    return column.cat.codes.to_numpy() if isinstance(column.dtype, pd.CategoricalDtype) else column.to_numpy()


def _categories(column: pd.Series) -> np.ndarray | None:
    """Return the texts of a categorical's codes; None for numbers that stand for themselves."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return None
    return column.cat.categories.to_numpy(dtype=object)


def _raw(categories: np.ndarray | None, codes: Int[np.ndarray, " N"]) -> np.ndarray:
    """Return what stands in the file for each of the codes."""
    return codes.astype(str).astype(object) if categories is None else categories[codes]


def _interactions(users: np.ndarray, items: np.ndarray, times: np.ndarray | None) -> pa.Table:
    starts = np.flatnonzero(users[1:] != users[:-1]) + 1
    # One more than in the row before, and back to 0 where a user begins.
    position = np.ones(len(users), dtype=np.int32)
    position[0], position[starts] = 0, 1 - np.diff(starts, prepend=0)
    np.cumsum(position, out=position)
    timestamp = times if times is not None else pa.nulls(len(users), pa.int64())
    return pa.table({"user": users, "item": items, "position": position, "timestamp": timestamp}, schema=INTERACTIONS)


def _write_ids(name: str, raw: np.ndarray, n_interactions: np.ndarray, path: Path) -> None:
    ids = np.arange(1, len(raw) + 1, dtype=np.int32)
    columns = {name: ids, f"raw_{name}": raw, "n_interactions": n_interactions.astype(np.int32)}
    write_table(pd.DataFrame(columns), path, {"item": ITEMS, "user": USERS}[name])
