"""Which metrics are computed, and their values for every case of a run."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hydrarec.metrics import Ties, hit_rate, mrr, ndcg, tie_variance

MRR = "mrr"
"""The one metric that looks at every rank, however far down."""

Values: TypeAlias = Callable[..., NDArray[np.float64]]


def metric_names(cutoffs: Sequence[int]) -> list[str]:
    """Return the names of the metrics, such as `ndcg@10`, in the order of the columns of `case_values`."""
    return [*(f"hr@{k}" for k in cutoffs), *(f"ndcg@{k}" for k in cutoffs), MRR]


def paired_names(cutoffs: Sequence[int], *, from_lists: bool) -> list[str]:
    """Return the metrics on which two runs can be compared.

    Where one of them was handed in as lists, the mean reciprocal rank is none: a target beyond the end of its list has
    a rank nobody knows, and taken for the last one it would make a method worse than itself.
    """
    return [name for name in metric_names(cutoffs) if not (from_lists and name == MRR)]


def case_values(ranks: pd.DataFrame, cutoffs: Sequence[int], ties: Ties = "expected") -> NDArray[np.float64]:
    """Compute every metric of every case.

    Parameters
    ----------
    ranks
        Columns `greater`, `equal`, `warm`.
    cutoffs
        The k of HR@k and NDCG@k.
    ties
        How tied scores count.

    Returns
    -------
    numpy.ndarray
        A row for each case, a column for each of `metric_names(cutoffs)`.
    """
    return _case_columns(ranks, cutoffs, *(partial(metric, ties=ties) for metric in (hit_rate, ndcg, mrr)))


def case_tie_variances(ranks: pd.DataFrame, cutoffs: Sequence[int]) -> NDArray[np.float64]:
    """Compute every metric's variance over the orders of equal scores, of every case.

    Parameters and the shape of what is returned are those of `case_values`.
    """
    return _case_columns(ranks, cutoffs, *(partial(tie_variance, metric) for metric in ("hr", "ndcg", "mrr")))


def _case_columns(
    ranks: pd.DataFrame, cutoffs: Sequence[int], hr: Values, ndcg: Values, mrr: Values
) -> NDArray[np.float64]:
    """Return a column for each of `metric_names`, from what computes a metric of `greater`, `equal` and a cut-off."""
    greater, equal = ranks["greater"].to_numpy(), ranks["equal"].to_numpy()
    columns = [
        *(hr(greater, equal, k=k) for k in cutoffs),
        *(ndcg(greater, equal, k=k) for k in cutoffs),
        mrr(greater, equal),
    ]
    # A cold target cannot be recommended. It has no rank, so it is a miss even where the list is longer than the
    # catalogue, and its reciprocal rank is 0.
    return np.stack(columns, axis=1) * ranks["warm"].to_numpy()[:, None]
