"""Ranks to metrics: HR@k, NDCG@k and MRR of one held-out target per case, with ties handled exactly.

A case is two integers: `greater`, the candidates scored above the target, and `equal`, the other candidates
scored the same. The target's place is then one of `equal + 1` consecutive places, each equally likely when ties
are broken at random, so that every metric is the mean of its gain over those places. Nothing is sampled.

Not for groups of users: see `hydrarec.comparison`.
"""

from typing import Literal, TypeAlias, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Ties: TypeAlias = Literal["expected", "optimistic", "pessimistic"]
"""How tied scores count: averaged over all their orders, in favour of the target, or against it."""


def hit_rate(greater: ArrayLike, equal: ArrayLike, k: int, ties: Ties = "expected") -> NDArray[np.float64]:
    """Return HR@k of each case: whether the target is among the first k (with one target the same as recall@k).

    Parameters
    ----------
    greater
        Candidates scored above the target, for each case.
    equal
        Other candidates scored the same as the target, for each case.
    k
        Length of the list that counts, from 1.
    ties
        How tied scores count.

    Returns
    -------
    numpy.ndarray
        A value from 0 to 1 for each case.

    Raises
    ------
    ValueError
        If `k` is below 1, counts are negative, or the two shapes differ.

    Examples
    --------
    Third place hits at 5; three places (2, 3, 4) shared by three equal scores hit at 2 in one order of three.

    >>> hit_rate([2, 1], [0, 2], k=5)
    array([1., 1.])
    >>> hit_rate([2, 1], [0, 2], k=2)
    array([0.        , 0.33333333])
    >>> hit_rate([1], [2], k=2, ties="optimistic"), hit_rate([1], [2], k=2, ties="pessimistic")
    (array([1.]), array([0.]))
    """
    return _mean_gain(gains("hr", k), greater, equal, ties)


def ndcg(greater: ArrayLike, equal: ArrayLike, k: int, ties: Ties = "expected") -> NDArray[np.float64]:
    """Return NDCG@k of each case: 1 / log2(place + 1) if the place is at most k, else 0; the ideal is 1.

    Parameters and errors are those of `hit_rate`. The expected value equals what `sklearn.metrics.ndcg_score`
    computes, which averages over ties too.

    References
    ----------
    Järvelin & Kekäläinen 2002; the average over ties: McSherry & Najork 2008.

    Examples
    --------
    >>> ndcg([0, 2, 10], [0, 0, 0], k=10)
    array([1. , 0.5, 0. ])

    Places 1 and 2 are equally likely: (1 + 1 / log2(3)) / 2.

    >>> ndcg([0], [1], k=10)
    array([0.81546488])
    """
    return _mean_gain(gains("ndcg", k), greater, equal, ties)


def mrr(greater: ArrayLike, equal: ArrayLike, ties: Ties = "expected") -> NDArray[np.float64]:
    """Return the reciprocal rank of each case: 1 / place, without a cut-off.

    Parameters and errors are those of `hit_rate`.

    Examples
    --------
    >>> mrr([0, 3], [0, 0])
    array([1.  , 0.25])
    >>> mrr([0], [2])  # (1 + 1/2 + 1/3) / 3
    array([0.61111111])
    """
    return _mean_gain(gains("mrr", _last_place(greater, equal)), greater, equal, ties)


def tie_variance(
    metric: Literal["hr", "ndcg", "mrr"], greater: ArrayLike, equal: ArrayLike, k: int | None = None
) -> NDArray[np.float64]:
    """Return each case's variance over the orders of its equal scores: E[gain^2] - E[gain]^2.

    The expected value is what is reported. This says how far one random order of equal scores would have been from it.

    Parameters
    ----------
    metric
        Which metric.
    greater, equal
        As of `hit_rate`.
    k
        Length of the list that counts, of HR and NDCG.

    Raises
    ------
    ValueError
        As `hit_rate`.

    Examples
    --------
    In place 1 or 2 with equal chances; without equal scores nothing is left to chance.

    >>> tie_variance("hr", [0, 3], [1, 0], k=1)
    array([0.25, 0.  ])
    """
    worth = gains(metric, _last_place(greater, equal) if k is None else k)
    mean = _mean_gain(worth, greater, equal, "expected")
    # Where there is but one place rounding must not leave a variance, nor anywhere one below 0.
    spread = np.maximum(_mean_gain(worth**2, greater, equal, "expected") - mean**2, 0)
    return np.where(np.asarray(equal) > 0, spread, 0.0)


def user_mean(values: NDArray[np.float64], users: ArrayLike) -> NDArray[np.float64]:
    """Average over the cases of each user and then over users, so that a user counts once however many cases he has.

    Parameters
    ----------
    values
        Metrics in columns, a row for each case.
    users
        The user of each case.

    Returns
    -------
    numpy.ndarray
        The mean of each column.

    Examples
    --------
    >>> user_mean(np.array([[1.0, 0.5], [0.0, 0.5], [1.0, 0.0]]), users=[7, 7, 8])
    array([0.75, 0.25])
    """
    by_user = cast(pd.DataFrame, pd.DataFrame(values).groupby(np.asarray(users)).mean())
    return by_user.mean().to_numpy()


def gains(metric: Literal["hr", "ndcg", "mrr"], k: int) -> NDArray[np.float64]:
    """Return what place 1, 2, ..., k is worth.

    Parameters
    ----------
    metric
        Which metric.
    k
        The last place, from 1.

    Raises
    ------
    ValueError
        If `k` is below 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, found {k}")
    places = np.arange(1, k + 1)
    return np.ones(k) if metric == "hr" else 1 / np.log2(places + 1) if metric == "ndcg" else 1 / places


def _last_place(greater: ArrayLike, equal: ArrayLike) -> int:
    """Return a place that no target is behind."""
    return int(np.max(np.asarray(greater), initial=0)) + int(np.max(np.asarray(equal), initial=0)) + 1


def _mean_gain(worth: NDArray[np.float64], greater: ArrayLike, equal: ArrayLike, ties: Ties) -> NDArray[np.float64]:
    """Average what places are worth (place 1, 2, ...; 0 beyond them) over the places a target can have."""
    above, same = np.asarray(greater, dtype=np.int64), np.asarray(equal, dtype=np.int64)
    if above.shape != same.shape:
        raise ValueError(f"greater and equal must have one shape, found {above.shape} and {same.shape}")
    if np.any(above < 0) or np.any(same < 0):
        raise ValueError("greater and equal are counts and must not be negative")
    # `before` places are certainly taken by others; the target has one of the `places` that follow.
    if ties == "expected":
        before, places = above, same + 1
    elif ties == "optimistic":
        before, places = above, np.ones_like(same)
    elif ties == "pessimistic":
        before, places = above + same, np.ones_like(same)
    else:
        raise ValueError(f"ties must be expected, optimistic or pessimistic, found {ties!r}")
    cumulated = np.concatenate([[0.0], np.cumsum(worth)])
    end = len(worth)
    return (cumulated[np.minimum(before + places, end)] - cumulated[np.minimum(before, end)]) / places
