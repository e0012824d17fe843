"""The held-out cases that every run of a dataset and protocol is measured on, and the groups they fall into."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hydrarec.columns import HELD_OUT, RANKS, TRAIN
from hydrarec.comparison.runs import Finished
from hydrarec.provenance import AGAIN
from hydrarec.tables import read_table

CASE_COLUMNS = ["user", "step", "target", "n_candidates", "warm"]
"""What a case is. Two runs can be compared only if all of these agree."""


@dataclass(frozen=True)
class Group:
    """Some of the cases, in which every user counts the same however many cases it has."""

    name: str
    """`all`, `warm`, or <kind>:<bucket> such as `history:11-20`."""
    cases: NDArray[np.intp]
    """Row numbers of its cases, by user."""
    starts: NDArray[np.intp]
    """Index in `cases` of each user's first."""

    @property
    def n_users(self) -> int:
        """Users with a case in the group."""
        return len(self.starts)

    def user_means(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Average the values of cases (rows) within each user; columns stay."""
        counts = np.diff(self.starts, append=len(self.cases))
        return np.add.reduceat(values[self.cases], self.starts, axis=0) / counts[:, None]


@dataclass(frozen=True)
class EvaluationCases:
    """The cases of a dataset and protocol, by user and step."""

    source: Path
    """The ranks file they were read from; named when another one differs."""
    frame: pd.DataFrame
    """Columns `CASE_COLUMNS`."""
    groups: list[Group]
    """`all` first; groups without any case are left out."""


def read_evaluation_cases(finished: Finished) -> EvaluationCases:
    """Read the cases of the first finished run and hold them against the split.

    Raises
    ------
    FileNotFoundError
        If a file is absent.
    ValueError
        If the run's cases are not the targets of the split's test part.
    """
    source = finished.everything[0].folder / "ranks.parquet"
    frame = _read(source)[CASE_COLUMNS]
    split = finished.split
    held_out = read_table(split / "test.parquet", HELD_OUT)
    targets = held_out[held_out["step"] >= 0].sort_values(["user", "step"], kind="stable")
    wanted = targets[["user", "step", "item"]].to_numpy()
    if not np.array_equal(frame[["user", "step", "target"]].to_numpy(), wanted):
        raise ValueError(
            f"{source}: its (user, step, target) rows are not the {len(wanted)} targets of {split / 'test.parquet'}"
        )
    trained_on = read_table(split / "train.parquet", TRAIN, ["item"])["item"].to_numpy()
    counts = np.bincount(trained_on, minlength=int(frame["target"].max()) + 1)[frame["target"]]
    return EvaluationCases(source, frame, _groups(frame, targets["position"].to_numpy(), counts))


def read_ranks(path: Path, cases: EvaluationCases) -> pd.DataFrame:
    """Read a run's ranks in the order of the cases.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is about other cases or other candidates, or its counts are impossible.
    """
    ranks = _read(path)
    if len(ranks) != len(cases.frame):
        raise ValueError(f"{path}: {len(ranks)} cases, but {cases.source} has {len(cases.frame)}; they cannot be mixed")
    for column in CASE_COLUMNS:
        differs = np.flatnonzero(ranks[column].to_numpy() != cases.frame[column].to_numpy())
        if len(differs):
            row: Any = ranks.iloc[differs[0]]
            raise ValueError(
                f"{path}: user {row['user']}, step {row['step']} has {column} {row[column]}, but "
                f"{cases.frame[column].iloc[differs[0]]} in {cases.source} ({len(differs)} such cases); "
                "they cannot be mixed"
            )
    beyond = ranks["warm"] & (ranks["greater"] + ranks["equal"] >= ranks["n_candidates"])
    if beyond.any() or (ranks[["greater", "equal"]] < 0).any(axis=None):
        raise ValueError(f"{path}: greater + equal must be from 0 to n_candidates - 1 where the target is warm")
    return ranks


def _read(path: Path) -> pd.DataFrame:
    """Read ranks by user and step."""
    try:
        ranks = read_table(path, RANKS)
    except ValueError as error:
        raise ValueError(f"{error}\n{AGAIN}") from None
    return ranks.sort_values(["user", "step"], kind="stable", ignore_index=True)


def _groups(frame: pd.DataFrame, history: NDArray[np.int_], popularity: NDArray[np.int_]) -> list[Group]:
    users, warm = frame["user"].to_numpy(), frame["warm"].to_numpy()
    masks = {"all": np.ones(len(frame), dtype=bool), "warm": warm}
    # A user's group is fixed by what was known of it before its first target, and holds all its targets.
    first = history[frame["step"].to_numpy() == 0]
    masks |= _quartiles("history", np.repeat(first, np.unique(users, return_counts=True)[1]), first, masks["all"])
    masks |= _quartiles("popularity", popularity, popularity[warm], warm)
    masks["popularity:cold"] = ~warm
    return [_group(name, mask, users) for name, mask in masks.items() if mask.any()]


def _group(name: str, mask: NDArray[np.bool_], users: NDArray[np.int_]) -> Group:
    cases = np.flatnonzero(mask)
    return Group(name, cases, np.flatnonzero(np.diff(users[cases], prepend=0)))


def _quartiles(
    kind: str, values: NDArray[np.int_], reference: NDArray[np.int_], among: NDArray[np.bool_]
) -> dict[str, NDArray[np.bool_]]:
    """Cut `values[among]` at the quartiles of `reference`; equal values stay together, so buckets may be fewer."""
    if not among.any():
        return {}
    edges = np.unique(np.quantile(reference, [0.25, 0.5, 0.75], method="lower"))
    bucket = np.searchsorted(edges, values)
    masks = {}
    for index in range(len(edges) + 1):
        mask = among & (bucket == index)
        if mask.any():
            low, high = values[mask].min(), values[mask].max()
            masks[f"{kind}:{low}" if low == high else f"{kind}:{low}-{high}"] = mask
    return masks
