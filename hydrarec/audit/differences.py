"""Where two results of the same run part: epoch, weights, case."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from hydrarec.columns import CLOCKS, HISTORY, RANKS, RECOMMENDATIONS, SAMPLED
from hydrarec.files import sha256
from hydrarec.metrics import ndcg, user_mean
from hydrarec.tables import read_table


@dataclass(frozen=True)
class Difference:
    """What is not the same in a file."""

    file: str
    what: str
    relative: float | None = None
    """Of ranks about the same cases: difference in NDCG@10 as a share of the first one's."""


def differences(before: Path, after: Path) -> list[Difference]:
    """Compare two run folders in the order in which their files come to be.

    Clocks, memory and manifests are left out: they are never the same.

    Parameters
    ----------
    before, after
        Folders of finished runs.
    """
    found = []
    if (before / "history.parquet").is_file():
        histories = (read_table(folder / "history.parquet", HISTORY) for folder in (before, after))
        found.append(_history(*(table.drop(columns=CLOCKS) for table in histories)))
        if sha256(before / "model.safetensors") != sha256(after / "model.safetensors"):
            found.append(Difference("model.safetensors", "the weights are not the same bytes"))
    found.append(_ranks(*(_ranks_by_case(folder) for folder in (before, after))))
    lists = [read_table(folder / "recommendations.parquet", RECOMMENDATIONS) for folder in (before, after)]
    if not lists[0].equals(lists[1]):
        found.append(Difference("recommendations.parquet", _lists(*lists)))
    if (before / "sampled.parquet").is_file():
        found.append(_sampled_counts(*(read_table(folder / "sampled.parquet", SAMPLED) for folder in (before, after))))
    return [one for one in found if one is not None]


def _ranks_by_case(folder: Path) -> pd.DataFrame:
    return read_table(folder / "ranks.parquet", RANKS).sort_values(["user", "step"], kind="stable", ignore_index=True)


def _history(before: pd.DataFrame, after: pd.DataFrame) -> Difference | None:
    shared = min(len(before), len(after))
    for epoch in range(shared):
        one, other = before.iloc[epoch], after.iloc[epoch]
        apart = [
            name
            for name in before.columns
            if one[name] != other[name] and not (pd.isna(one[name]) and pd.isna(other[name]))
        ]
        if apart:
            values = ", ".join(f"{name} {one[name]:.10g} and {other[name]:.10g}" for name in apart)
            return Difference("history.parquet", f"first apart in epoch {epoch + 1}: {values}")
    if len(before) != len(after):
        return Difference("history.parquet", f"{len(before)} and {len(after)} epochs, the first {shared} the same")
    return None


def _ranks(before: pd.DataFrame, after: pd.DataFrame) -> Difference | None:
    if before.equals(after):
        return None
    cases = ["user", "step", "target", "n_candidates", "warm"]
    if not before[cases].equals(after[cases]):
        return Difference("ranks.parquet", "not the same cases or candidates")
    apart = np.flatnonzero((before != after).any(axis=1))
    first, second = before.iloc[apart[0]], after.iloc[apart[0]]
    one, other = _ndcg(before), _ndcg(after)
    relative = (other - one) / one if one else (0.0 if other == one else float("inf"))
    return Difference(
        "ranks.parquet",
        f"{len(apart)} of {len(before)} cases differ, the first of user {first['user']}, step {first['step']}: "
        f"greater {first['greater']} and {second['greater']}, equal {first['equal']} and {second['equal']}; "
        f"NDCG@10 {one:.6f} and {other:.6f} ({100 * relative:+.3f} %)",
        relative,
    )


def _ndcg(ranks: pd.DataFrame) -> float:
    values = ndcg(ranks["greater"].to_numpy(), ranks["equal"].to_numpy(), 10) * ranks["warm"].to_numpy()
    return float(user_mean(values[:, None], ranks["user"])[0])


def _sampled_counts(before: pd.DataFrame, after: pd.DataFrame) -> Difference | None:
    if before.equals(after):
        return None
    cases = ["user", "step", "kind"]
    if not before[cases].equals(after[cases]):
        return Difference("sampled.parquet", "not the same cases or candidates")
    apart = int((before != after).any(axis=1).sum())
    return Difference("sampled.parquet", f"{apart} of {len(before)} cases differ")


def _lists(before: pd.DataFrame, after: pd.DataFrame) -> str:
    keys = ["user", "step", "position"]
    if len(before) != len(after) or not before[keys].equals(after[keys]):
        return "not the same users and lengths of lists"
    items = int((before["item"] != after["item"]).sum())
    scores = float((before["score"] - after["score"]).abs().max())
    return f"{items} of {len(before)} places hold another item; scores differ by {scores:.3g} at most"
