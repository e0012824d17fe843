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

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Int, UInt8

from hydrarec import heap
from hydrarec.columns import HELD_OUT, INTERACTIONS, TRAIN
from hydrarec.config.protocol import Protocol
from hydrarec.data.chunked import Ordered, chunk_slices, n_pairs_below, n_runs, occurs
from hydrarec.data.filters import first_of_pair, n_repeated
from hydrarec.data.threads import N_THREADS, each
from hydrarec.files import atomic_folder, read_object, write_json
from hydrarec.layout import PARTS
from hydrarec.tables import read_arrow, table_hash, write_table

QUANTILE = 0.9
"""Share of the interactions before each cut of `gts`."""
MAX_TARGETS = 20
"""Most targets of one user in one part."""
SHORTEST_HELD_OUT = 3
"""Fewest interactions of a user from whom something is held out under `loo`: one to learn from and two targets."""
CONTEXT = -1
"""Step of a held-out interaction that is no target."""


def split(data: Path, protocol: Protocol, output: Path) -> None:
    """Write `train.parquet`, `validation.parquet`, `test.parquet` and `split.json`.

    Parameters
    ----------
    data
        Folder with `interactions.parquet`, and the `card.json` that preparing left.
    protocol
        How targets are held out.
    output
        Folder to write to; the files appear when all are complete, `split.json` last.

    Raises
    ------
    FileNotFoundError
        If there are no prepared interactions.
    ValueError
        If the interactions do not stand by user and position, `gts` is asked for without
        times, a part has no targets, or a target is one that no method could hit.
    """
    heap.share_freed()
    events = read_arrow(data / "interactions.parquet", INTERACTIONS).combine_chunks()
    if not len(events):
        raise ValueError(f"{data / 'interactions.parquet'}: no interactions; prepare the data set again")
    _refuse_disorder(events, data / "interactions.parquet")
    with ThreadPoolExecutor(1) as hasher:
        interactions_hash = hasher.submit(table_hash, events)
        part, steps, cuts = PROTOCOLS[protocol](events, data)
        for name, of_part in zip(PARTS[1:], steps, strict=True):
            if not (of_part >= 0).any():
                raise ValueError(
                    f"{data}: under {protocol} the {name} part would have no targets: {_NO_TARGETS[protocol]}"
                )
        tables = _tables(events, part, steps)
        if not _is_without_repeats(data / "card.json", interactions_hash.result()):
            _refuse_met_targets(events, part, steps, data)
        # Writers end before the folder goes: one that still wrote would make it anew.
        with atomic_folder(output, last="split.json") as new, ThreadPoolExecutor(N_THREADS) as writers:
            written = [
                writers.submit(write_table, table, new / f"{name}.parquet", TRAIN if name == "train" else HELD_OUT)
                for name, table in tables.items()
            ]
            card = {
                "protocol": protocol,
                "cuts": cuts,
                "parts": _describe(tables),
                "future_share": _future_share(tables),
                "content_hashes": {name: table_hash(table) for name, table in tables.items()},
                "interactions_hash": interactions_hash.result(),
            }
            for future in written:
                future.result()
            write_json(new / "split.json", card)


def _tables(events: pa.Table, part: UInt8[np.ndarray, " E"], steps: list[Int[np.ndarray, " H"]]) -> dict[str, pa.Table]:
    tables = {"train": events.filter(pa.array(part == 0))}
    for number, name in enumerate(PARTS[1:], 1):
        rows = np.flatnonzero(part == number)
        tables[name] = events.take(pa.array(rows)).append_column("step", pa.array(steps[number - 1]))
    return tables


def _refuse_disorder(events: pa.Table, path: Path) -> None:
    users, positions = events["user"].to_numpy(), events["position"].to_numpy()
    found = each(partial(_first_disorder, users, positions), chunk_slices(len(users)))
    if (row := next((row for row in found if row is not None), None)) is not None:
        raise ValueError(
            f"{path}: row {row + 1} has user {users[row]} at position {positions[row]}; rows must stand by user, with "
            "positions 0, 1, 2, …; prepare the data set again"
        )


def _first_disorder(users: Int[np.ndarray, " E"], positions: Int[np.ndarray, " E"], rows: slice) -> int | None:
    """Return the first of these rows that does not go on from the one before; the table's first has position 0."""
    if rows.start == 0 and positions[0]:
        return 0
    start = max(rows.start, 1)
    before = slice(start - 1, rows.stop - 1)
    same_user = users[start : rows.stop] == users[before]
    # One more than in the row before, and 0 where a user begins.
    wrong = positions[start : rows.stop] != (positions[before] + np.int32(1)) * same_user
    wrong |= users[start : rows.stop] < users[before]
    return start + int(np.argmax(wrong)) if wrong.any() else None


def _is_without_repeats(card: Path, interactions_hash: str) -> bool:
    """Return whether preparing these interactions found that nobody meets an item again.

    Without a card, or with one of other interactions, nobody knows.
    """
    told = read_object(card) if card.is_file() else {}
    return told.get("content_hash") == interactions_hash and told.get("repeats") == 0


def _refuse_met_targets(
    events: pa.Table, part: UInt8[np.ndarray, " E"], steps: list[Int[np.ndarray, " H"]], data: Path
) -> None:
    """Refuse items that their user had met before, where the training part has no such and all that is met is filtered.

    Ranking would refuse them too, but when everything is trained.
    """
    users, items = (events[name].to_numpy() for name in ("user", "item"))
    if n_repeated(users[part == 0], items[part == 0]):
        return
    targets = np.concatenate([np.flatnonzero(part == number)[step >= 0] for number, step in enumerate(steps, 1)])
    # Interactions stand in the order of time.
    met = targets[~first_of_pair(users, items, None)[targets]]
    if len(met):
        raise ValueError(
            f"{data}: user {users[met[0]]} meets item {items[met[0]]} again as a target, one of {len(met)} such; the "
            "training part has no repeats, so what a user has met is filtered, and nobody could hit them; prepare the "
            "data set with `repeats: first`"
        )


Assignment = tuple[UInt8[np.ndarray, " E"], list[Int[np.ndarray, " H"]], dict[str, int] | None]
"""Part of each interaction (0 train, 1 validation, 2 test), the steps of the held-out ones of either part in order
(-1: no target), and the cut times."""


_NO_TARGETS = {
    "loo": f"no user has {SHORTEST_HELD_OUT} interactions or more; take more data, filter or thin them less, and see "
    "that the reader's columns are those of the file",
    "gts": "nobody was there before the cut and again after it; take data over a longer time, or the protocol loo",
}
"""Why, and what to do about it."""


def _leave_one_out(events: pa.Table, _: Path) -> Assignment:
    users = events["user"].to_numpy()
    last = np.append(np.flatnonzero(users[1:] != users[:-1]), len(users) - 1)
    last = last[events["position"].to_numpy()[last] >= SHORTEST_HELD_OUT - 1]
    part = np.zeros(len(events), dtype=np.uint8)
    part[last - 1], part[last] = 1, 2
    return part, [np.zeros(len(last), dtype=np.int32)] * 2, None


def _global_temporal(events: pa.Table, data: Path) -> Assignment:
    if events["timestamp"].null_count:
        raise ValueError(f"{data}: protocol gts needs times, which these interactions do not have; allowed: loo")
    times = events["timestamp"].to_numpy()
    ordered = Ordered(times)
    test_cut, n_known = ordered.at(index_of_quantile(len(times)))
    # The interactions up to the test cut are the earliest ones.
    validation_cut, _ = ordered.at(index_of_quantile(n_known))
    part = (times > validation_cut).view(np.uint8)
    part += times > test_cut
    steps = []
    users, positions = events["user"].to_numpy(), events["position"].to_numpy()
    for number in (1, 2):
        rows = np.flatnonzero(part == number)
        if not len(rows):
            raise ValueError(
                f"{data}: too few interactions, or too many of one second, to be cut at the {QUANTILE} quantile of time"
            )
        eligible = positions[rows] > 0
        step = np.full(len(rows), CONTEXT, dtype=np.int32)
        step[eligible] = evenly_spaced(users[rows[eligible]])
        steps.append(step)
    return part, steps, {"validation": validation_cut, "test": test_cut}


PROTOCOLS: dict[Protocol, Callable[[pa.Table, Path], Assignment]] = {"loo": _leave_one_out, "gts": _global_temporal}


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


def index_of_quantile(n_first: int) -> int:
    """Return the index of the earliest time up to which a share `QUANTILE` of the `n_first` earliest ones lies."""
    return max(math.ceil(QUANTILE * n_first - 1), 0)


def _describe(tables: dict[str, pa.Table]) -> dict[str, dict[str, Any]]:
    """Count interactions, users and targets of each part, and the targets whose item is not in the training part."""
    largest = max(pc.max(table["item"]).as_py() for table in tables.values())
    warm = occurs(tables["train"]["item"].to_numpy(), 1 + largest)
    described: dict[str, dict[str, Any]] = {}
    for name, table in tables.items():
        described[name] = {"interactions": len(table), "users": n_runs(table["user"].to_numpy())}
        if name == "train":
            described[name]["items"] = int(np.count_nonzero(warm))
            continue
        targets = table.filter(pc.field("step") >= 0)
        cold = ~warm[targets["item"].to_numpy()]
        described[name] |= {
            "targets": len(targets),
            "target_users": n_runs(targets["user"].to_numpy()),
            "cold_targets": int(cold.sum()),
            "cold_target_share": float(cold.mean()),
        }
    return described


def _future_share(tables: dict[str, pa.Table]) -> float | None:
    """Return the share of training interactions, of anybody, that are later than a test target, averaged over targets.

    The future that a model could learn from under leave-one-out; 0 under a temporal split; None without times.
    """
    targets = tables["test"].filter(pc.field("step") >= 0)["timestamp"]
    if targets.null_count:
        return None
    n_later = n_pairs_below(tables["train"]["timestamp"].to_numpy(), np.sort(targets.to_numpy()))
    return n_later / len(targets) / len(tables["train"])
