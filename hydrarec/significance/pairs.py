"""The crossed comparison of every run with every other one.

The variances of a difference follow from covariances, so all pairs of S runs take three S x S products:

    S2(a - b) = S2(a) + S2(b) - 2 cov(a, b)

for user means, seed means and residuals alike; what is made of them is as in `hydrarec.significance.crossed`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hydrarec.significance.crossed import independent_parts
from hydrarec.significance.estimate import reach, two_sided_p
from hydrarec.significance.seed_spread import seed_spread

Matrix = NDArray[np.float64]
"""A number for each pair of runs: row minus column."""


@dataclass(frozen=True)
class CrossedPairs:
    """The differences of all pairs of runs; fields as of `CrossedMean`, each a matrix."""

    difference: Matrix
    """Mean of the row's run minus the column's."""
    standard_error: Matrix
    """Crossed users x seeds standard error."""
    low: Matrix
    """Lower bounds of the intervals, each on its own."""
    high: Matrix
    """Upper bounds."""
    p: Matrix
    """Two-sided p-values, not adjusted for their number; 1 on the diagonal."""
    variance_users: Matrix
    """Users' part of the squared standard error; holds the residual's."""
    variance_residual: Matrix | None
    """The part of it that is users x seeds noise; None with one seed."""
    variance_seeds: Matrix | None
    """Seeds' part of the squared standard error; None with one seed."""
    variance_seed_means: Matrix | None
    """Seeds' part and residual's as they were measured; None with one seed."""
    least_seed_means: Matrix | None
    """What all runs together say of it; where that is larger, intervals and p-values are made of it. None with one
    seed."""
    seeds_df: float
    """Degrees of freedom of the larger of both."""


def crossed_pairs(values: NDArray[np.float64], alpha: float = 0.05) -> CrossedPairs:
    """Estimate how much every run differs from every other one.

    Parameters
    ----------
    values
        A value for each run, user and seed, in this order of axes; users and seeds are the same for all runs. Where
        the seed changes nothing, the single result is repeated.
    alpha
        Each interval covers 1 - alpha.

    Raises
    ------
    ValueError
        If there are fewer than two users, no seed, or values that are not finite.

    Notes
    -----
    Equal to `paired_difference` with its seeds' part at least as large as the average of these runs
    (`hydrarec.significance.seed_spread`), up to rounding: a variance of exactly 0 may come out as some 1e-16.

    Examples
    --------
    >>> found = crossed_pairs(np.array([[[0.2, 0.4], [0.6, 0.4]], [[0.1, 0.5], [0.5, 0.1]]]))
    >>> found.difference.round(3)
    array([[ 0. ,  0.1],
           [-0.1,  0. ]])
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 3 or values.shape[1] < 2 or values.shape[2] < 1:
        raise ValueError(f"values must have the shape (runs, users, seeds) with 2 users or more, found {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(values))} values are not finite")
    n_users, n_seeds = values.shape[1:]
    by_user, by_seed = values.mean(axis=2), values.mean(axis=1)
    mean = by_user.mean(axis=1)
    difference = mean[:, None] - mean
    users = _variances(by_user - mean[:, None], n_users - 1) / n_users
    residual = seeds = raw_seeds = least = counted = None
    seeds_df = n_seeds - 1.0
    if n_seeds > 1:
        noise = values - by_user[:, :, None]
        noise -= (by_seed - mean[:, None])[:, None, :]
        residual = _variances(noise.reshape(len(values), -1), (n_users - 1) * (n_seeds - 1)) / (n_users * n_seeds)
        raw_seeds = _variances(by_seed - mean[:, None], n_seeds - 1) / n_seeds
        seeds = np.maximum(raw_seeds - residual, 0)
        least = np.zeros_like(raw_seeds)
        if spread := seed_spread(by_seed):
            drawn = np.ptp(by_seed, axis=1) > 0
            least = np.where(drawn[:, None] & drawn, spread.both, np.where(drawn[:, None] ^ drawn, spread.one, 0.0))
            np.fill_diagonal(least, 0)
            seeds_df = spread.df
        counted = np.maximum(raw_seeds, least)
    error = np.sqrt(users + (0 if seeds is None else seeds))
    parts = independent_parts(users, residual, counted, n_users, seeds_df)
    far, p = reach(parts, alpha), two_sided_p(np.abs(difference), parts)
    bounds = difference - far, difference + far
    return CrossedPairs(difference, error, *bounds, p, users, residual, seeds, raw_seeds, least, seeds_df)


def adjust_pairs(p: Matrix, correction: Callable[[Matrix], Matrix]) -> Matrix:
    """Adjust the p-values of all pairs, each pair counted once.

    Parameters
    ----------
    p
        Symmetric matrix of p-values.
    correction
        Such as `hydrarec.significance.corrections.holm`.

    Examples
    --------
    >>> adjust_pairs(np.array([[1.0, 0.01], [0.01, 1.0]]), lambda p: 2 * p)
    array([[1.  , 0.02],
           [0.02, 1.  ]])
    """
    rows, columns = np.triu_indices(len(p), 1)
    adjusted = np.ones_like(p)
    adjusted[rows, columns] = adjusted[columns, rows] = correction(p[rows, columns])
    return adjusted


def _variances(centred: Matrix, df: int) -> Matrix:
    """Return the variance of the difference of each two rows, whose means are 0."""
    covariance = centred @ centred.T / df
    own = covariance.diagonal()
    variances = np.maximum(own[:, None] + own - 2 * covariance, 0)
    np.fill_diagonal(variances, 0)
    return variances
