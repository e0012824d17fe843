"""A few users of a data set: enough for a training step or a ranking that is like those of the whole."""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from hydrarec.layout import data_folder, split_folder
from hydrarec.sequences.log import Cases, Catalogue, Log, read_cases, read_catalogue, read_train

SAMPLE_SEED = 0


@dataclass(frozen=True)
class Data:
    """What training and validation of a data set see; the test part is not opened."""

    train: Log
    validation: Cases
    catalogue: Catalogue


@cache
def read_data(results: Path, dataset: str, protocol: str, *, with_timestamps: bool) -> Data:
    """Read a data set once, however many runs are measured on it."""
    split = split_folder(results, dataset, protocol)
    return Data(
        read_train(split, with_timestamps=with_timestamps),
        read_cases(split, "validation", with_timestamps=with_timestamps),
        read_catalogue(data_folder(results, dataset), split),
    )


def some_users(log: Log, n_users: int) -> Log:
    """Draw users with at least two events, as many as there are at most; equal arguments draw the same ones."""
    rows = np.flatnonzero(log.lengths.numpy() > 1)
    return _of_users(log, _draw(rows, n_users))


def some_cases(cases: Cases, n_cases: int) -> Cases:
    """Draw cases, with the events of their users and of nobody else."""
    chosen = _draw(np.arange(len(cases)), n_cases)
    users = cases.users[chosen].numpy()
    rows = np.searchsorted(cases.log.users.numpy(), users)
    whose, index = np.unique(rows, return_inverse=True)
    log = _of_users(cases.log, torch.from_numpy(whose))
    moved = log.offsets[:-1][index] - cases.log.offsets[rows]
    return replace(
        cases,
        log=log,
        users=cases.users[chosen],
        steps=cases.steps[chosen],
        targets=cases.targets[chosen],
        starts=cases.starts[chosen] + moved,
        stops=cases.stops[chosen] + moved,
    )


def _draw(rows: np.ndarray, n: int) -> Int[Tensor, " n"]:
    stream = np.random.default_rng(SAMPLE_SEED)
    return torch.from_numpy(np.sort(stream.permutation(rows)[:n]))


def _of_users(log: Log, rows: Int[Tensor, " U"]) -> Log:
    """Return a log of the users of these rows."""
    lengths = log.lengths[rows]
    offsets = torch.nn.functional.pad(lengths.cumsum(0), (1, 0))
    events = torch.arange(int(offsets[-1])) + torch.repeat_interleave(log.offsets[rows] - offsets[:-1], lengths)
    timestamps = None if log.timestamps is None else log.timestamps[events]
    return Log(log.items[events], offsets, log.users[rows], timestamps)
