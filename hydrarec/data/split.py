"""What is held out: prepared interactions to the training, validation and test parts of a protocol.

`loo` (leave-one-out)
    The last interaction of a user is the test target, the last but one the validation target. Users with fewer than
    three interactions are training only.
`gts` (global temporal split)
    The test cut is the 0.9 quantile of all times, the validation cut the 0.9 quantile of the times up to the test
    cut. What is later than the test cut is the test part, what lies between the cuts the validation part; interactions
    in the second of a cut stay before it. Targets are successive: each is predicted from everything that the user did
    before it. Every held-out interaction with at least one earlier one of its user can be a target; where a user has
    more than 20 in a part, 20 are taken, evenly spaced, the first and the last among them. The others are context.

The order of a user's interactions is that of the prepared table; nothing is sorted here.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from hydrarec.columns import HELD_OUT, INTERACTIONS, TRAIN, content_hash, read_table, write_table
from hydrarec.files import write_json

QUANTILE = 0.9
"""Share of the interactions before each cut of `gts`."""
MAX_TARGETS = 20
"""Most targets of one user in one part."""
SHORTEST_HELD_OUT = 3
"""Fewest interactions of a user from whom something is held out under `loo`: one to learn from and two targets."""
PARTS = ("train", "validation", "test")
CONTEXT = -1
"""Step of a held-out interaction that is no target."""


def split(data: Path, protocol: str, output: Path) -> None:
    """Write `train.parquet`, `validation.parquet`, `test.parquet` and `split.json`.

    Parameters
    ----------
    data
        Folder with `interactions.parquet`.
    protocol
        `loo` or `gts`.
    output
        Folder to write to; `split.json` is written last.

    Raises
    ------
    FileNotFoundError
        If there are no prepared interactions.
    ValueError
        If there is no such protocol, `gts` is asked for without times, or a part has no targets.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"no protocol {protocol!r}; allowed: {', '.join(PROTOCOLS)}")
    events = read_table(data / "interactions.parquet", INTERACTIONS)
    events["timestamp"] = events["timestamp"].astype("Int64")
    part, step, cuts = PROTOCOLS[protocol](events, data)
    events["step"] = step
    for number, name in enumerate(PARTS[1:], 1):
        if not ((part == number) & (step >= 0)).any():
            raise ValueError(f"{data}: under {protocol} the {name} part would have no targets")

    frames = {name: events[part == number] for number, name in enumerate(PARTS)}
    write_table(frames["train"].drop(columns="step"), output / "train.parquet", TRAIN)
    for name in PARTS[1:]:
        write_table(frames[name], output / f"{name}.parquet", HELD_OUT)
    card = {
        "protocol": protocol,
        "cuts": cuts,
        "parts": _describe(frames),
        "future_share": _future_share(frames),
        "content_hashes": {name: content_hash(output / f"{name}.parquet") for name in PARTS},
        "interactions_hash": content_hash(data / "interactions.parquet"),
    }
    write_json(output / "split.json", card)


Assignment = tuple[Int[np.ndarray, " E"], Int[np.ndarray, " E"], dict[str, int] | None]
"""Part of each interaction (0 train, 1 validation, 2 test), its step (-1: no target), and the cut times."""


def _leave_one_out(events: pd.DataFrame, _: Path) -> Assignment:
    lengths = np.bincount(events["user"])[events["user"]]
    from_end = lengths - events["position"].to_numpy()
    part = np.select([lengths < SHORTEST_HELD_OUT, from_end == 1, from_end == 2], [0, 2, 1], default=0)
    return part, np.where(part > 0, 0, CONTEXT), None


def _global_temporal(events: pd.DataFrame, data: Path) -> Assignment:
    if events["timestamp"].isna().any():
        raise ValueError(f"{data}: protocol gts needs times, which these interactions do not have; allowed: loo")
    times = events["timestamp"].to_numpy(dtype=np.int64)
    test_cut = _quantile(times)
    validation_cut = _quantile(times[times <= test_cut])
    part = (times > validation_cut).astype(int) + (times > test_cut)
    if len(np.unique(part)) < len(PARTS):
        raise ValueError(f"{data}: too many interactions share one second to be cut at the {QUANTILE} quantile of time")
    step = np.full(len(events), CONTEXT)
    for number in (1, 2):
        eligible = np.flatnonzero((part == number) & (events["position"].to_numpy() > 0))
        step[eligible] = evenly_spaced(events["user"].to_numpy()[eligible])
    return part, step, {"validation": validation_cut, "test": test_cut}


PROTOCOLS: dict[str, Callable[[pd.DataFrame, Path], Assignment]] = {"loo": _leave_one_out, "gts": _global_temporal}


def evenly_spaced(users: Int[np.ndarray, " E"]) -> Int[np.ndarray, " E"]:
    """Pick and number at most 20 evenly spaced entries of every user.

    Parameters
    ----------
    users
        Each user's entries stand together.

    Returns
    -------
    numpy.ndarray
        0, 1, ... within a user, -1 for entries that are left out. Of n > 20 entries, number s is entry
        floor(s (n - 1) / 19), so the first and the last are always in.
    """
    starts = np.flatnonzero(np.diff(users, prepend=users[:1] - 1))
    n_entries = np.diff(starts, append=len(users))
    index = np.arange(len(users)) - np.repeat(starts, n_entries)
    last, many = np.repeat(n_entries - 1, n_entries), np.repeat(n_entries > MAX_TARGETS, n_entries)
    # The only number that can fall on entry i is the smallest s with s (n - 1) / 19 >= i.
    number = -(-(MAX_TARGETS - 1) * index // np.maximum(last, 1))
    chosen = number * last // (MAX_TARGETS - 1) == index
    return np.where(many, np.where(chosen, number, CONTEXT), index)


def _quantile(times: Int[np.ndarray, " E"]) -> int:
    """Return the earliest time up to which at least the share `QUANTILE` of the interactions lies."""
    return int(np.quantile(times, QUANTILE, method="inverted_cdf"))


def _describe(frames: dict[str, pd.DataFrame]) -> dict[str, dict[str, Any]]:
    """Count interactions, users and targets of each part, and the targets whose item is not in the training part."""
    warm = np.unique(frames["train"]["item"])
    described: dict[str, dict[str, Any]] = {}
    for name, frame in frames.items():
        described[name] = {"interactions": len(frame), "users": int(frame["user"].nunique())}
        if name == "train":
            described[name]["items"] = len(warm)
            continue
        targets = frame[frame["step"] >= 0]
        cold = ~np.isin(targets["item"], warm)
        described[name] |= {
            "targets": len(targets),
            "target_users": int(targets["user"].nunique()),
            "cold_targets": int(cold.sum()),
            "cold_target_share": float(cold.mean()),
        }
    return described


def _future_share(frames: dict[str, pd.DataFrame]) -> float | None:
    """Return the share of training interactions, of anybody, that are later than a test target, averaged over targets.

    The future that a model could learn from under leave-one-out; 0 under a temporal split; None without times.
    """
    targets = frames["test"].loc[lambda frame: frame["step"] >= 0, "timestamp"]
    if targets.isna().any():
        return None
    train: Float[np.ndarray, " E"] = np.sort(frames["train"]["timestamp"].to_numpy(dtype=np.int64))
    later = len(train) - np.searchsorted(train, targets.to_numpy(dtype=np.int64), side="right")
    return float(later.mean() / len(train))
