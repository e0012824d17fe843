"""Raw file to the prepared tables: duplicates and rare users and items removed, dense ids, a fixed order, a card.

Order and ids, on which every split and every result depends:

* A user's interactions stand by time and, where times are equal, in the order of the raw file. Formats without
  times are taken to be in the order of time already.
* Users and items are numbered from 1 in the order of their first remaining appearance in the raw file.

Removal, in this order: exact duplicates (same user, item and second; only where there are times, because without them
a duplicate cannot be told from a second visit), then repeated pairs if `repeats: first`, then rare users and items.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from hydrarec.columns import INTERACTIONS, ITEMS, USERS, content_hash, write_table
from hydrarec.config.datasets import DatasetConfig, FilterConfig
from hydrarec.data import readers
from hydrarec.data.card import counts, describe, measure
from hydrarec.data.filters import first_of_pair, frequent, not_duplicated
from hydrarec.files import sha256, write_json


def prepare(dataset: DatasetConfig, raw: Path | None, output: Path) -> None:
    """Write `interactions.parquet`, `items.parquet`, `users.parquet` and `card.json` of a dataset.

    Parameters
    ----------
    dataset
        Reader, filter, and what the card says of the source.
    raw
        The downloaded file; None for a dataset without one.
    output
        Folder to write to; the card is written last.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is not what the reader expects, or the filter removes everything.
    """
    frame = readers.read(raw, dataset.reader)
    events, stages = select(frame, dataset.filter)
    if not len(events):
        raise ValueError(
            f"{dataset.id}: the filter ({dataset.filter.model_dump()}) removes all {stages[0]['interactions']} "
            "interactions; lower the minimum counts"
        )
    users, raw_users = _dense(events["user"])
    items, raw_items = _dense(events["item"])
    has_times = bool(events["timestamp"].notna().all())
    times = events["timestamp"].to_numpy(dtype=np.int64) if has_times else None
    # Both sorts are stable, so what is equal stays in the order of the file.
    order = np.lexsort((times, users)) if times is not None else np.argsort(users, kind="stable")
    users, items = users[order], items[order]
    times = times[order] if times is not None else None

    _write_interactions(users, items, times, output / "interactions.parquet")
    _write_ids("item", raw_items, np.bincount(items)[1:], output / "items.parquet")
    _write_ids("user", raw_users, np.bincount(users)[1:], output / "users.parquet")
    card = {
        **describe(dataset, sha256(raw) if raw is not None else None),
        **measure(users, items, times),
        "stages": stages,
        "content_hash": content_hash(output / "interactions.parquet"),
    }
    write_json(output / "card.json", card)


def select(frame: pd.DataFrame, settings: FilterConfig) -> tuple[pd.DataFrame, list[dict[str, str | int]]]:
    """Remove what the configuration says.

    Parameters
    ----------
    frame
        Raw interactions in file order, as a reader returns them.
    settings
        Block `filter` of the dataset.

    Returns
    -------
    tuple
        The remaining rows in file order, and the counts before and after each step.
    """
    users, items = frame["user"].cat.codes.to_numpy(), frame["item"].cat.codes.to_numpy()
    times = frame["timestamp"].to_numpy(dtype=np.int64) if frame["timestamp"].notna().all() else None
    rows = np.arange(len(frame), dtype=np.int64)
    stages = [counts("raw", users, items)]

    if times is not None:
        rows = rows[not_duplicated(users, items, times)]
        stages.append(counts("exact duplicates removed", users[rows], items[rows]))
    if settings.repeats == "first":
        of_rows = times[rows] if times is not None else None
        rows = rows[first_of_pair(users[rows], items[rows], of_rows)]
        stages.append(counts("first of each user and item", users[rows], items[rows]))
    least_user, least_item = settings.min_user_interactions, settings.min_item_interactions
    if max(least_user, least_item) > 1:
        stays = frequent(users[rows], items[rows], min_user=least_user, min_item=least_item, iterate=settings.iterate)
        rows = rows[stays]
        how = "repeated until nothing changes" if settings.iterate else "counted once"
        stages.append(
            counts(f"users with {least_user} or more, items with {least_item} or more, {how}", users[rows], items[rows])
        )
    return frame.iloc[rows], stages


def _dense(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Give a categorical numbers from 1 by first appearance; return them and the raw value of each."""
    codes, seen = pd.factorize(column.cat.codes.to_numpy())
    return (codes + 1).astype(np.int32), column.cat.categories.to_numpy(dtype=object)[seen]


def _write_interactions(users: np.ndarray, items: np.ndarray, times: np.ndarray | None, path: Path) -> None:
    starts = np.flatnonzero(np.diff(users, prepend=0))
    position = np.arange(len(users)) - np.repeat(starts, np.diff(starts, append=len(users)))
    timestamp = pd.array(times if times is not None else [pd.NA] * len(users), dtype="Int64")
    columns = {"user": users, "item": items, "position": position.astype(np.int32), "timestamp": timestamp}
    write_table(pd.DataFrame(columns), path, INTERACTIONS)


def _write_ids(name: str, raw: np.ndarray, n_interactions: np.ndarray, path: Path) -> None:
    ids = np.arange(1, len(raw) + 1, dtype=np.int32)
    columns = {name: ids, f"raw_{name}": raw, "n_interactions": n_interactions.astype(np.int32)}
    write_table(pd.DataFrame(columns), path, {"item": ITEMS, "user": USERS}[name])
