"""Recommendation lists of any origin to ranks, after a check of everything a stranger's list can have wrong."""

import numpy as np
import pandas as pd
import torch

from hydrarec.columns import RECOMMENDATIONS
from hydrarec.config.protocol import LIST_LENGTH
from hydrarec.ranking.candidates import Candidates
from hydrarec.sequences.log import Cases, Catalogue

SHOWN = 1
"""Offending rows that a message shows, below the names of their columns."""


class ListError(ValueError):
    """A recommendation list is wrong; the message has the number of offending rows and the first of them."""


def rank_lists(recommendations: pd.DataFrame, cases: Cases, catalogue: Catalogue) -> pd.DataFrame:
    """Turn recommendation lists into ranks.

    Position p of the target means p - 1 candidates above it and none level with it: a list has already decided its
    ties. A target outside its user's list comes last of all candidates, a miss at every k up to the list's length.

    Parameters
    ----------
    recommendations
        Columns of `hydrarec.columns.RECOMMENDATIONS`, of any numeric type, rows in any order. At least `LIST_LENGTH`
        rows per case, or as many as the case has candidates.
    cases
        The held-out targets, all of which need a list.
    catalogue
        The items.

    Returns
    -------
    pandas.DataFrame
        Columns of `hydrarec.columns.RANKS`. The unfiltered ones repeat the filtered ones, since a list without
        seen items cannot tell where these would stand.

    Raises
    ------
    ListError
        If ids or positions are null or no whole numbers, items are unknown, cold or seen, positions or items occur
        twice, positions leave a gap, scores are not finite or increase with the position, cases are unknown or have no
        list, or lists are too short.
    """
    if set(recommendations.columns) != set(RECOMMENDATIONS.names):
        raise ListError(f"columns are {list(recommendations.columns)}; expected {RECOMMENDATIONS.names}")
    candidates = Candidates(cases, catalogue)
    known = _case_table(cases, candidates)
    rows = _numbers(recommendations).merge(known[["user", "step", "case"]], how="left", on=["user", "step"])
    _refuse(rows, rows["case"].isna(), "a user and step that is no held-out target of test.parquet")
    rows = rows.astype({"case": np.int64}).sort_values(["case", "position"], kind="stable", ignore_index=True)
    _check_items(rows, catalogue, candidates)
    _check_order(rows)
    _check_lengths(rows, known)
    hit = rows.loc[rows["item"].to_numpy() == known["target"].to_numpy()[rows["case"]], ["case", "position"]]
    greater = (known["n_candidates"] - known["warm"]).to_numpy(copy=True)
    greater[hit["case"]] = hit["position"] - 1
    ranks = known.drop(columns="case").assign(greater=greater, equal=0, greater_unfiltered=greater, equal_unfiltered=0)
    return ranks.astype(dict.fromkeys(ranks.columns.drop("warm"), np.int32))


def _numbers(recommendations: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with ids and positions in 64 bits and scores in 32, in which they are stored."""
    ids = ["user", "step", "position", "item"]
    values, largest = recommendations[ids], np.iinfo(np.int32).max
    # A null has become NaN, for which no comparison holds.
    whole = ((values % 1 == 0) & (values.abs() <= largest)).all(axis=1)
    _refuse(recommendations, ~whole, f"a user, step, position or item that is no whole number up to {largest}")
    with np.errstate(over="ignore"):
        return recommendations.astype({**dict.fromkeys(ids, np.int64), "score": np.float32})


def _case_table(cases: Cases, candidates: Candidates) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "user": cases.users.cpu().numpy(),
            "step": cases.steps.cpu().numpy(),
            "case": np.arange(len(cases)),
            "target": cases.targets.cpu().numpy(),
            "n_candidates": candidates.n_candidates,
            "warm": candidates.warm_target,
        }
    )


def _check_items(rows: pd.DataFrame, catalogue: Catalogue, candidates: Candidates) -> None:
    known = rows["item"].between(1, catalogue.n_items)
    _refuse(rows, ~known, f"an item outside 1..{catalogue.n_items}")
    cold = ~catalogue.warm.cpu().numpy()[rows["item"]]
    _refuse(rows, cold, "an item that never occurs in the training data and so is no candidate")
    _refuse(rows, rows.duplicated(["case", "item"]), "an item that stands in its list already")
    seen = candidates.seen(torch.arange(len(candidates.targets)), torch.device("cpu"))
    width = catalogue.n_items + 1
    listed, known_pairs = (rows["case"] * width + rows["item"]).to_numpy(), (seen.row * width + seen.item).numpy()
    # No pair stands twice on either side; finding that out takes twenty times as long.
    in_history = np.isin(listed, known_pairs, assume_unique=True)
    _refuse(rows, in_history, "an item of the user's known history, which is filtered here")


def _check_order(rows: pd.DataFrame) -> None:
    _refuse(rows, rows.duplicated(["case", "position"]), "a position that its list has already")
    _refuse(rows, rows["position"] != rows.groupby("case").cumcount() + 1, "a gap before it: positions are 1, 2, 3, …")
    _refuse(rows, ~np.isfinite(rows["score"]), "a score that is no finite 32-bit number")
    rising = (rows["case"].diff() == 0) & (rows["score"].diff() > 0)
    _refuse(rows, rising, "a score above that of the position before it")


def _check_lengths(rows: pd.DataFrame, known: pd.DataFrame) -> None:
    length = np.bincount(rows["case"], minlength=len(known))
    lists = known.assign(length=length, needed=known["n_candidates"].clip(upper=LIST_LENGTH))
    _refuse(lists, lists["length"] == 0, "no list", "held-out targets")
    short = f"a list that is too short: {LIST_LENGTH} items are needed, or all candidates"
    _refuse(lists, lists["length"] < lists["needed"], short, "held-out targets")


def _refuse(table: pd.DataFrame, wrong: "pd.Series[bool] | np.ndarray", what: str, rows: str = "rows") -> None:
    """Raise if rows are wrong, showing the first."""
    wrong = np.asarray(wrong)
    if wrong.any():
        first = table.loc[wrong].drop(columns="case", errors="ignore").head(SHOWN).to_string(index=False)
        raise ListError(f"{wrong.sum()} of {len(wrong)} {rows} have {what}; the first:\n{first}")
