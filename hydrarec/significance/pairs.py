"""The crossed comparison of every run with every other one.

The variances of a difference follow from covariances, so all pairs of S runs take three S x S products:

    S2(a - b) = S2(a) + S2(b) - 2 cov(a, b)

for user means, seed means and residuals alike; what is made of them is as in `hydrarec.significance.crossed`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hydrarec.significance.crossed import independent_parts, share_of_a_user
from hydrarec.significance.estimate import Parts, reach, two_sided_p
from hydrarec.significance.seed_spread import seed_parts, seed_spread

Matrix = NDArray[np.float64]
"""A number for each pair of runs: row minus column."""
Numbers = Matrix | float
"""The same, or the number of one pair."""


@dataclass(frozen=True)
class PairVariances:
    """What makes the difference of each pair, or of one, uncertain."""

    users: Numbers
    """Users' part of the squared standard error; holds the residual's."""
    residual: Numbers | None
    """The part of it that is users x seeds noise; None with one seed."""
    seed_means: Numbers | None
    """Variance of the seeds' means by their number: seeds' part and residual's as they were measured; None with one."""
    by_seeds: Numbers | None = None
    """What intervals and p-values take for it: the part that is known by seeds less one degrees of freedom. None with
    one seed."""
    by_runs: Numbers | None = None
    """The part that is known from all runs together; None with one seed."""
    runs_df: float = 0.0
    """Degrees of freedom of `by_runs`."""

    @property
    def seeds(self) -> Numbers | None:
        """Seeds' part of the squared standard error; None with one seed."""
        if self.residual is None or self.seed_means is None:
            return None
        return np.maximum(self.seed_means - self.residual, 0)

    @property
    def standard_error(self) -> Numbers:
        """Crossed users x seeds standard error."""
        return np.sqrt(self.users + (0 if self.seeds is None else self.seeds))

    def parts(self, n_users: int, n_seeds: int) -> Parts:
        """Return what intervals and p-values are made of; see `independent_parts`."""
        counted = None
        if self.by_seeds is not None and self.by_runs is not None:
            counted = [(self.by_seeds, n_seeds - 1.0), (self.by_runs, self.runs_df)]
        return independent_parts(self.users, self.residual, counted, n_users)


@dataclass(frozen=True)
class CrossedPairs:
    """The differences of all pairs of runs, each a matrix."""

    difference: Matrix
    """Mean of the row's run minus the column's."""
    low: Matrix
    """Lower bounds of the intervals, each on its own."""
    high: Matrix
    """Upper bounds."""
    p: Matrix
    """Two-sided p-values, not adjusted for their number; 1 on the diagonal."""
    variances: PairVariances
    """Of the differences."""
    ratio_variances: PairVariances
    """Of the logarithms of the means' ratios; of runs that never hit, of the differences."""


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
    Equal to `paired_difference` with its seeds' part at least as large as that of these runs together
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
    users = _covariance(by_user - mean[:, None], n_users - 1) / n_users
    residual = seed_means = None
    if n_seeds > 1:
        noise = values - by_user[:, :, None]
        noise -= (by_seed - mean[:, None])[:, None, :]
        residual = _covariance(noise.reshape(len(values), -1), (n_users - 1) * (n_seeds - 1)) / (n_users * n_seeds)
        seed_means = _covariance(by_seed - mean[:, None], n_seeds - 1) / n_seeds
    # The error of a log-ratio is that of the difference of values over their means, and half a user on either side.
    half = share_of_a_user(by_user) / 2
    more = half[:, None] + half
    np.fill_diagonal(more, 0)
    of_difference, of_ratio = (
        _variances(users, residual, seed_means, by_seed, scale, further)
        for scale, further in ((np.ones_like(mean), 0.0), (np.where(mean > 0, mean, 1), more))
    )
    difference, parts = mean[:, None] - mean, of_difference.parts(n_users, n_seeds)
    far, p = reach(parts, alpha), two_sided_p(np.abs(difference), parts)
    bounds = difference - far, difference + far
    return CrossedPairs(difference, *bounds, p, of_difference, of_ratio)


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


def _covariance(centred: Matrix, df: int) -> Matrix:
    return centred @ centred.T / df


def _variances(
    users: Matrix,
    residual: Matrix | None,
    seed_means: Matrix | None,
    by_seed: Matrix,
    scale: NDArray[np.float64],
    more: Numbers,
) -> PairVariances:
    """Make variances of differences of runs over their scales from the covariances of runs, `more` of them users'."""
    of_users = _difference_variances(users, scale) + more
    if residual is None or seed_means is None:
        return PairVariances(of_users, None, None)
    of_noise, of_seeds = (_difference_variances(one, scale) for one in (residual, seed_means))
    stochastic = (np.ptp(by_seed, axis=1) > 0).astype(int)
    both = stochastic[:, None] + stochastic
    # A run does not differ from itself.
    np.fill_diagonal(both, 0)
    spread = seed_spread(by_seed / scale[:, None])
    (by_seeds, _), (by_runs, df) = seed_parts(of_seeds, spread, both, by_seed.shape[1])
    return PairVariances(of_users, of_noise, of_seeds, np.asarray(by_seeds), np.asarray(by_runs), df)


def _difference_variances(covariance: Matrix, scale: NDArray[np.float64]) -> Matrix:
    scaled = covariance / scale[:, None] / scale
    own = scaled.diagonal()
    variances = np.maximum(own[:, None] + own - 2 * scaled, 0)
    np.fill_diagonal(variances, 0)
    return variances
