"""Recommendation lists and histories as exposure: how much of each user's list an item fills."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from hydrarec.columns import HELD_OUT, ITEMS, RECOMMENDATIONS, TRAIN
from hydrarec.comparison.cases import EvaluationCases
from hydrarec.layout import data_folder, split_folder
from hydrarec.tables import read_table


@dataclass(frozen=True)
class Known:
    """What was known before the test targets of a dataset and protocol."""

    popularity: NDArray[np.int64]
    """By item id, entry 0 unused: training users that met the item; 0 if it is cold."""
    n_users: int
    """Training users."""
    history: NDArray[np.float64]
    """By test user, ascending: mean popularity of the history before its first target."""

    @property
    def warm(self) -> NDArray[np.bool_]:
        """By item id: it is in the catalogue that is recommended from."""
        return self.popularity > 0


def read_known(results: Path, dataset: str, protocol: str) -> Known:
    """Read the parts of a split and count."""
    split = split_folder(results, dataset, protocol)
    n_items = len(read_table(data_folder(results, dataset) / "items.parquet", ITEMS, ["item"]))
    train = read_table(split / "train.parquet", TRAIN, ["user", "item", "position"])
    met = train.drop_duplicates(["user", "item"])["item"]
    popularity = np.bincount(met, minlength=n_items + 1)
    held_out = [read_table(split / f"{name}.parquet", HELD_OUT) for name in ("validation", "test")]
    events = pd.concat([train, *(part[["user", "item", "position"]] for part in held_out)])
    events = events.sort_values(["user", "position"], kind="stable", ignore_index=True)
    first = held_out[1].query("step == 0").sort_values("user", kind="stable")
    begin = np.searchsorted(events["user"].to_numpy(), first["user"].to_numpy())
    running = np.concatenate([[0], np.cumsum(popularity[events["item"]])])
    # Positions count a user's events from 0 without a gap, and a target has at least one event before it.
    length = first["position"].to_numpy()
    history = (running[begin + length] - running[begin]) / length
    return Known(popularity, int(train["user"].nunique()), history)


def read_exposure(path: Path, cases: EvaluationCases, k: int, warm: NDArray[np.bool_]) -> sparse.csr_matrix:
    """Read a run's lists.

    Parameters
    ----------
    path
        A `recommendations.parquet`.
    cases
        The cases, all of which need a list.
    k
        Places of a list that count.
    warm
        By item id: it may be recommended.

    Returns
    -------
    scipy.sparse.csr_matrix
        A row for each user, a column for each item id: the share of the user's first `k` places that the item fills,
        averaged over the user's lists. Rows sum to 1, but for users without candidates.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a case has no list, a list is about no case, or an item may not be recommended.
    """
    table = read_table(path, RECOMMENDATIONS, ["user", "step", "position", "item"])
    table = table[table["position"] <= k]
    asked = cases.frame[["user", "step"]]
    rows = table.merge(asked.assign(case=asked.index), how="left", on=["user", "step"])
    lengths = np.bincount(rows["case"].dropna().astype(np.int64), minlength=len(asked))
    item = rows["item"].to_numpy()
    known = (item > 0) & (item < len(warm))
    wrong = {
        "rows about no test target": int(rows["case"].isna().sum()),
        # Whoever has met every item has no candidates, and an empty list.
        "targets without a list": int(((lengths == 0) & (cases.frame["n_candidates"].to_numpy() > 0)).sum()),
        "items that are not in the training data": int((~(known & warm[np.where(known, item, 0)])).sum()),
    }
    if any(wrong.values()):
        raise ValueError(f"{path}: " + ", ".join(f"{count} {what}" for what, count in wrong.items() if count))
    case = rows["case"].to_numpy(dtype=np.int64)
    user = np.unique(asked["user"], return_inverse=True)[1]
    share = 1 / lengths[case] / np.bincount(user)[user[case]]
    shape = int(user.max()) + 1, len(warm)
    return sparse.coo_matrix((share, (user[case], item)), shape=shape).tocsr()
