"""Means and paired differences over users x seeds, both random and crossed with each other.

Every run is measured on the same users with the same seeds, and another draw of either would have given other
numbers. A test over users alone takes the weights at hand for the method; a test over seeds alone forgets that
all seeds share their test users. The two-way analysis of variance keeps both parts:

    x[u, r] = mean + user[u] + seed[r] + residual[u, r],      u = 1..N,  r = 1..R
    Var(mean) = S2(user means) / N  +  max(0, S2(seed means) / R - S2(residual) / (N R))

The residual is already inside the variance of the user means, hence the subtraction. Satterthwaite's degrees of
freedom are those of the three mean squares as they stand, before it: taken after it, they are too many where few seeds
happen to agree. On balanced data the standard error is that of the crossed random-effects model fitted by REML.
`hydrarec.significance.pairs` does the same for all pairs of runs at once.

References
----------
Satterthwaite 1946 for the degrees of freedom; Owen 2007 for why both ways count.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Values = NDArray[np.float64]
"""A value for each user (rows) and each seed (columns)."""


@dataclass(frozen=True)
class Estimate:
    """A mean with what is needed to test it."""

    mean: float
    """Mean over all users and seeds."""
    standard_error: float
    """Square root of the sum of the two variance parts."""
    df: float
    """Satterthwaite's degrees of freedom."""

    @property
    def p(self) -> float:
        """Two-sided p-value of the hypothesis that the mean is 0."""
        if self.standard_error == 0:
            return 1.0 if self.mean == 0 else 0.0
        return float(2 * stats.t.sf(abs(self.mean) / self.standard_error, self.df))

    def p_above(self, bound: float) -> float:
        """One-sided p-value of the hypothesis that the mean is at most `bound`; small: it is above."""
        if self.standard_error == 0:
            return 0.0 if self.mean > bound else 1.0
        return float(stats.t.sf((self.mean - bound) / self.standard_error, self.df))

    def p_below(self, bound: float) -> float:
        """One-sided p-value of the hypothesis that the mean is at least `bound`; small: it is below."""
        if self.standard_error == 0:
            return 0.0 if self.mean < bound else 1.0
        return float(stats.t.cdf((self.mean - bound) / self.standard_error, self.df))


@dataclass(frozen=True)
class CrossedMean(Estimate):
    """A mean over users and seeds with its two-way interval."""

    low: float
    """Lower bound of the interval."""
    high: float
    """Upper bound of the interval."""
    variance_users: float
    """Users' part of the squared standard error; holds the residual's."""
    variance_residual: float | None
    """The part of `variance_users` that is users x seeds noise and falls with more seeds; by chance it may be larger
    than the whole. None with one seed, where it cannot be told from the users."""
    variance_seeds: float | None
    """Seeds' part of the squared standard error; None where one seed says nothing about it, and then the interval
    is about these trained weights and not about the method."""
    n_users: int
    """Users, N."""
    n_seeds: int
    """Seeds, R."""


@dataclass(frozen=True)
class PairedDifference:
    """How much a run differs from a reference on the same users with the same seeds."""

    difference: CrossedMean
    """Run minus reference."""
    percent: float | None
    """Difference in per cent of the reference's mean; None if that mean is 0."""
    percent_low: float | None
    """Lower bound in per cent, from the logarithm of the ratio; None where a mean is not positive."""
    percent_high: float | None
    """Upper bound in per cent."""


def crossed_mean(values: Values, alpha: float = 0.05) -> CrossedMean:
    """Estimate a mean over users and seeds.

    Parameters
    ----------
    values
        A value for each user (rows) and each seed (columns), complete and finite.
    alpha
        The interval covers 1 - alpha.

    Raises
    ------
    ValueError
        If there are fewer than two users, no seed, or values that are not finite.

    Examples
    --------
    >>> estimate = crossed_mean(np.array([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]]))
    >>> estimate.mean, round(estimate.variance_users, 3), estimate.variance_seeds
    (1.5, 0.333, 0.25)

    One seed leaves the users' part alone.

    >>> alone = crossed_mean(np.array([[0.0], [1.0], [2.0]]))
    >>> alone.variance_seeds, alone.variance_residual
    (None, None)
    """
    values = _checked(values)
    n_users, n_seeds = values.shape
    by_user, by_seed, mean = values.mean(axis=1), values.mean(axis=0), float(values.mean())
    users = float(by_user.var(ddof=1)) / n_users
    seeds = residual = None
    df = float(n_users - 1)
    if n_seeds > 1:
        noise = values - by_user[:, None] - by_seed[None, :] + mean
        residual = float((noise**2).sum()) / ((n_users - 1) * (n_seeds - 1)) / (n_users * n_seeds)
        raw_seeds = float(by_seed.var(ddof=1)) / n_seeds
        seeds = max(0.0, raw_seeds - residual)
        squares = [(users, n_users - 1), (raw_seeds, n_seeds - 1), (residual, (n_users - 1) * (n_seeds - 1))]
        df = _satterthwaite(users + seeds, squares)
    error = float(np.sqrt(users + (seeds or 0.0)))
    reach = float(stats.t.isf(alpha / 2, df)) * error
    return CrossedMean(mean, error, df, mean - reach, mean + reach, users, residual, seeds, n_users, n_seeds)


def paired_difference(values: Values, reference: Values, alpha: float = 0.05) -> PairedDifference:
    """Estimate how much a run differs from a reference, users and seeds matched.

    Parameters
    ----------
    values
        The run's value for each user (rows) and each seed (columns).
    reference
        The reference's, rows and columns in the same order. One column stands for every seed: the seed changes
        nothing there.
    alpha
        The intervals cover 1 - alpha.

    Raises
    ------
    ValueError
        As `crossed_mean`, and if users or seeds do not match.

    Examples
    --------
    >>> found = paired_difference(np.array([[0.2, 0.4], [0.6, 0.4]]), np.array([[0.1, 0.3], [0.5, 0.3]]))
    >>> round(found.difference.mean, 3), round(found.percent, 1), round(found.difference.standard_error, 6)
    (0.1, 33.3, 0.0)
    """
    values, reference = _checked(values), _checked(reference)
    if len(values) != len(reference):
        raise ValueError(f"users do not match: {len(values)} in the run, {len(reference)} in the reference")
    seeds = {values.shape[1], reference.shape[1]} - {1}
    if len(seeds) > 1:
        raise ValueError(f"seeds do not match: {values.shape[1]} in the run, {reference.shape[1]} in the reference")
    difference = crossed_mean(values - reference, alpha)
    return PairedDifference(difference, *_percent(values, reference, alpha))


def _percent(values: Values, reference: Values, alpha: float) -> tuple[float | None, float | None, float | None]:
    """Return the relative difference in per cent and its interval, by the delta method on the log-ratio."""
    mean, base = float(values.mean()), float(reference.mean())
    if base == 0:
        return None, None, None
    percent = 100 * (mean / base - 1)
    if mean <= 0 or base < 0:
        return percent, None, None
    # d log(a / b) = da / a - db / b: the log-ratio's error is that of a mean of these per-user terms.
    slope = crossed_mean(values / mean - reference / base, alpha)
    low, high = (100 * float(np.expm1(np.log(mean / base) + bound)) for bound in (slope.low, slope.high))
    return percent, low, high


def _satterthwaite(total: float, parts: list[tuple[float, int]]) -> float:
    """Return the degrees of freedom of a variance made of mean squares, each with its own."""
    least = float(min(df for _, df in parts))
    if total == 0:
        return least
    # Shares, because squares of tiny variances would underflow.
    return max(least, 1 / sum((variance / total) ** 2 / df for variance, df in parts))


def _checked(values: Values) -> Values:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] < 1:
        raise ValueError(f"values must have the shape (users, seeds), found {values.shape}")
    if len(values) < 2:
        raise ValueError(f"an interval over users needs at least 2 of them, found {len(values)}")
    if not np.isfinite(values).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(values))} values are not finite")
    return values
