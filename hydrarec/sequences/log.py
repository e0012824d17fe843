"""All users' item sequences, packed, and the held-out cases that are ranked."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from hydrarec.columns import HELD_OUT, ITEMS, TRAIN
from hydrarec.data.filters import n_repeated
from hydrarec.tables import read_table


@dataclass(frozen=True)
class Log:
    """Item sequences of all users, one after the other."""

    items: Int[Tensor, " E"]
    """Items of all events, int32, by user and then by time."""
    offsets: Int[Tensor, " U1"]
    """Where each user's events begin, int64, and where the last one's end; always on the CPU."""
    users: Int[Tensor, " U"]
    """User ids, ascending, int32; always on the CPU."""
    timestamps: Int[Tensor, " E"] | None = None
    """When each event happened, int64 seconds; None unless a model asks for it."""

    @property
    def lengths(self) -> Int[Tensor, " U"]:
        """Number of events of each user."""
        return self.offsets.diff()

    def to(self, device: torch.device) -> "Log":
        """Return the log with its events on a device; what says where they are stays on the CPU."""
        timestamps = None if self.timestamps is None else self.timestamps.to(device)
        return Log(self.items.to(device), self.offsets, self.users, timestamps)


@dataclass(frozen=True)
class Cases:
    """Held-out targets, each with the stretch of its user's events that may be known when it is predicted."""

    log: Log
    """Events of every part up to and including the one the targets are from."""
    users: Int[Tensor, " C"]
    """User of each case, int32."""
    steps: Int[Tensor, " C"]
    """Which of its user's targets each case is, from 0, int32."""
    targets: Int[Tensor, " C"]
    """Held-out item, int32."""
    starts: Int[Tensor, " C"]
    """Index in `log.items` of the user's first event, int64."""
    stops: Int[Tensor, " C"]
    """Index in `log.items` of the target; events before it are the history, int64."""

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.targets)

    def first(self, n: int) -> Self:
        """Return so many of them, on the same events."""
        columns = ("users", "steps", "targets", "starts", "stops")
        return replace(self, **{name: getattr(self, name)[:n] for name in columns})


@dataclass(frozen=True)
class Catalogue:
    """The items and which of them can be candidates."""

    n_items: int
    """Items of the data set, N; ids are 1..N."""
    warm: Bool[Tensor, " N1"]
    """By item id: occurs in the training data. Entry 0 is padding and False."""
    counts: Int[Tensor, " N1"]
    """By item id: training interactions, int64."""
    has_repeats: bool
    """Some user has met an item twice in training; then histories are not filtered from the candidates."""


def pack(events: pd.DataFrame, *, with_timestamps: bool = False) -> Log:
    """Pack events into a log.

    Parameters
    ----------
    events
        Columns `user`, `item`, `position`, in any order, and `timestamp` where it is wanted.
    with_timestamps
        Whether the log carries the times.
    """
    events = events.sort_values(["user", "position"], kind="stable")
    users, counts = np.unique(events["user"].to_numpy(), return_counts=True)
    return Log(
        items=torch.from_numpy(events["item"].to_numpy(dtype=np.int32, copy=True)),
        offsets=torch.from_numpy(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)),
        users=torch.from_numpy(users.astype(np.int32)),
        timestamps=torch.from_numpy(events["timestamp"].to_numpy(dtype=np.int64, copy=True))
        if with_timestamps
        else None,
    )


def read_train(split: Path, *, with_timestamps: bool = False) -> Log:
    """Read the training part of a split folder.

    Parameters
    ----------
    split
        Folder with `train.parquet`.
    with_timestamps
        Whether the log carries the times of the events.

    Raises
    ------
    ValueError
        If times are wanted and the data have none.
    """
    return pack(_read_events(split, {"train": TRAIN}, with_timestamps), with_timestamps=with_timestamps)


def read_catalogue(data: Path, split: Path) -> Catalogue:
    """Read the items of a dataset folder and which of them the training part of a split knows."""
    n_items = len(read_table(data / "items.parquet", ITEMS, ["item"]))
    train = read_table(split / "train.parquet", TRAIN, ["user", "item"])
    if (largest := int(train["item"].max())) > n_items:
        raise ValueError(
            f"{split / 'train.parquet'}: holds item {largest}, but {data / 'items.parquet'} lists {n_items} items; "
            "they are of different data: prepare and split again"
        )
    counts = torch.from_numpy(np.bincount(train["item"], minlength=n_items + 1).astype(np.int64))
    return Catalogue(n_items, counts > 0, counts, n_repeated(train["user"].to_numpy(), train["item"].to_numpy()) > 0)


def read_cases(split: Path, part: str, *, with_timestamps: bool = False) -> Cases:
    """Read the held-out targets of a part with everything that is known before each of them.

    Parameters
    ----------
    split
        Folder with `train.parquet`, `validation.parquet` and, for the test part, `test.parquet`.
    part
        `validation` or `test`. Validation never opens the test file.
    with_timestamps
        Whether the log carries the times of the events.

    Raises
    ------
    ValueError
        If the parts do not fit together, or times are wanted and the data have none.
    """
    before = {"validation": ["validation"], "test": ["validation", "test"]}[part]
    schemas = {"train": TRAIN, **dict.fromkeys(before, HELD_OUT)}
    log = pack(_read_events(split, schemas, with_timestamps), with_timestamps=with_timestamps)

    held_out = read_table(split / f"{part}.parquet", HELD_OUT)
    targets = held_out[held_out["step"] >= 0].sort_values(["user", "step"], kind="stable")
    if targets.empty:
        raise ValueError(f"{split / f'{part}.parquet'}: no targets; split the data set again")
    row = np.searchsorted(log.users.numpy(), targets["user"].to_numpy())
    starts = log.offsets.numpy()[row]
    # Positions count a user's events from 0 without a gap, so they are offsets into the user's stretch.
    stops = starts + targets["position"].to_numpy()
    inside = stops < log.offsets.numpy()[row + 1]
    if not inside.all() or not np.array_equal(log.items.numpy()[stops], targets["item"].to_numpy()):
        raise ValueError(f"{split}: positions of the {part} part do not continue those of the parts before it")
    as_tensor = {
        name: torch.from_numpy(targets[name].to_numpy(dtype=np.int32, copy=True)) for name in ("user", "step", "item")
    }
    return Cases(
        log,
        users=as_tensor["user"],
        steps=as_tensor["step"],
        targets=as_tensor["item"],
        starts=torch.from_numpy(starts.astype(np.int64)),
        stops=torch.from_numpy(stops.astype(np.int64)),
    )


def _read_events(split: Path, schemas: dict[str, pa.Schema], with_timestamps: bool) -> pd.DataFrame:
    columns = ["user", "item", "position", *(["timestamp"] if with_timestamps else [])]
    parts = {split / f"{name}.parquet": schema for name, schema in schemas.items()}
    frames = [read_table(path, schema, columns) for path, schema in parts.items()]
    if empty := [path for path, frame in zip(parts, frames, strict=True) if frame.empty]:
        raise ValueError(f"{empty[0]}: no interactions; split the data set again")
    events = pd.concat(frames)
    missing = int(events["timestamp"].isna().sum()) if with_timestamps else 0
    if missing:
        raise ValueError(
            f"{split}: {missing} of {len(events)} events have no timestamp, and the model needs them; "
            "allowed with these data: models without time"
        )
    return events
