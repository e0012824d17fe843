"""Means and paired differences over users x seeds, both random and crossed with each other.

Every run is measured on the same users with the same seeds, and another draw of either would have given other
numbers. A test over users alone takes the weights at hand for the method; a test over seeds alone forgets that
all seeds share their test users. The two-way analysis of variance keeps both parts:

    x[u, r] = mean + user[u] + seed[r] + residual[u, r],      u = 1..N,  r = 1..R
    Var(mean) = S2(user means) / N  +  max(0, S2(seed means) / R - S2(residual) / (N R))

The residual is already inside the variance of the user means, hence the subtraction. On balanced data this standard
error is that of the crossed random-effects model fitted by REML.

Intervals and p-values take the same sum as two parts that are estimated independently, users without their noise and
seeds with it, each with its own degrees of freedom (`hydrarec.significance.estimate`):

    S2(user means) / N - S2(residual) / (N R)  with N - 1,      S2(seed means) / R  with R - 1

Few seeds that happen to agree then do not pass for a method without spread; where several runs are compared, all of
them say how much that is at least, with more degrees of freedom (`hydrarec.significance.seed_spread`).
`hydrarec.significance.pairs` does the same for all pairs of runs at once.

References
----------
Banerjee 1960 for the interval; Owen 2007 for why both ways count.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hydrarec.significance.estimate import Estimate, Parts, ratio_interval
from hydrarec.significance.seed_spread import SeedSpread, seed_parts

Values = NDArray[np.float64]
"""A value for each user (rows) and each seed (columns)."""


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
    variance_seed_means: float | None
    """Variance of the seeds' means by their number: seeds' part and residual's as they were measured; None with one."""
    n_users: int
    """Users, N."""
    n_seeds: int
    """Seeds, R."""

    def with_seeds_at_least(self, spread: SeedSpread | None, n_stochastic: int, alpha: float) -> "CrossedMean":
        """Return the same with the seeds' part of interval and p-value no smaller than all runs together suggest.

        Parameters
        ----------
        spread
            What they say; None: nothing.
        n_stochastic
            Runs in this mean or difference that the seed changes.
        alpha
            The interval covers 1 - alpha.
        """
        if self.variance_seed_means is None or spread is None:
            return self
        seeds = seed_parts(self.variance_seed_means, spread, n_stochastic, self.n_seeds)
        return self._from_parts(
            independent_parts(self.variance_users, self.variance_residual, seeds, self.n_users), alpha
        )

    def _from_parts(self, parts: Parts, alpha: float) -> "CrossedMean":
        found = replace(self, parts=tuple((float(np.asarray(part)), df) for part, df in parts))
        reach = found.reach(alpha)
        return replace(found, low=self.mean - reach, high=self.mean + reach)


@dataclass(frozen=True)
class PairedDifference:
    """How much a run differs from a reference on the same users with the same seeds."""

    difference: CrossedMean
    """Run minus reference."""
    percent: float | None
    """Difference in per cent of the reference's mean; None if that mean is 0."""
    log_ratio: CrossedMean | None
    """Logarithm of the run's mean over the reference's; None where one of them is not positive."""

    def percent_interval(self, alpha: float) -> tuple[float | None, float | None]:
        """Return the interval of the difference in per cent that covers 1 - alpha, from the logarithm of the ratio."""
        if self.log_ratio is None:
            return None, None
        low, high = ratio_interval(self.log_ratio, alpha)
        return 100 * low, 100 * high


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
    return _crossed_mean(_validate(values), alpha)


def _crossed_mean(values: Values, alpha: float, more: float = 0.0) -> CrossedMean:
    """Estimate a mean, with `more` variance of users than they show."""
    n_users, n_seeds = values.shape
    by_user, by_seed, mean = values.mean(axis=1), values.mean(axis=0), float(values.mean())
    users = float(by_user.var(ddof=1)) / n_users + more
    seeds = residual = raw_seeds = None
    if n_seeds > 1:
        noise = values - by_user[:, None] - by_seed[None, :] + mean
        residual = float((noise**2).sum()) / ((n_users - 1) * (n_seeds - 1)) / (n_users * n_seeds)
        raw_seeds = float(by_seed.var(ddof=1)) / n_seeds
        seeds = max(0.0, raw_seeds - residual)
    error = float(np.sqrt(users + (seeds or 0.0)))
    found = CrossedMean(mean, error, (), mean, mean, users, residual, seeds, raw_seeds, n_users, n_seeds)
    counted = None if raw_seeds is None else seed_parts(raw_seeds, None, 2, n_seeds)
    return found._from_parts(independent_parts(users, residual, counted, n_users), alpha)


def independent_parts(users: ArrayLike, residual: ArrayLike | None, seeds: Parts | None, n_users: int) -> Parts:
    """Return the variance of a mean, or of many, as parts that are estimated independently.

    Parameters
    ----------
    users
        Variance of the users' means by their number.
    residual
        What of it is noise; None with one seed.
    seeds
        Parts of the variance of the seeds' means by their number, noise included; None with one seed.
    n_users
        Users.

    Returns
    -------
    Parts
        Users without noise and, with several seeds, seeds with it, each with its degrees of freedom.
    """
    users = np.asarray(users, dtype=np.float64)
    if residual is None or seeds is None:
        return [(users, n_users - 1)]
    # By chance seeds may differ by less than the noise, or users: no more is taken from the one than the other holds.
    noise = np.minimum(np.minimum(residual, sum(np.asarray(part) for part, _ in seeds)), users)
    return [(users - noise, n_users - 1), *seeds]


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
        The interval of the difference covers 1 - alpha.

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
    values, reference = _validate(values), _validate(reference)
    if len(values) != len(reference):
        raise ValueError(f"users do not match: {len(values)} in the run, {len(reference)} in the reference")
    seeds = {values.shape[1], reference.shape[1]} - {1}
    if len(seeds) > 1:
        raise ValueError(f"seeds do not match: {values.shape[1]} in the run, {reference.shape[1]} in the reference")
    difference = crossed_mean(values - reference, alpha)
    mean, base = float(values.mean()), float(reference.mean())
    percent = 100 * (mean / base - 1) if base else None
    log_ratio = _log_ratio(values, reference, alpha) if min(mean, base) > 0 else None
    return PairedDifference(difference, percent, log_ratio)


def _log_ratio(values: Values, reference: Values, alpha: float) -> CrossedMean:
    """Return the logarithm of the ratio of two means, by the delta method."""
    mean, base = float(values.mean()), float(reference.mean())
    more = sum(float(share_of_a_user(one.mean(axis=1))) for one in (values, reference)) / 2
    # d log(a / b) = da / a - db / b: the log-ratio's error is that of a mean of these per-user terms.
    slope = _crossed_mean(values / mean - reference / base, alpha, more)
    middle = float(np.log(mean / base))
    return replace(slope, mean=middle, low=slope.low - slope.mean + middle, high=slope.high - slope.mean + middle)


def share_of_a_user(by_user: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the squared share in a run's mean that one more user would have who is as those that it hits.

    Where few users make the whole difference of two runs, and by chance none does, they seem to be equal for certain.
    Half a user more on either side keeps ratios from that: in hit rates this is the interval of Agresti and Min.

    Parameters
    ----------
    by_user
        A value of at least 0 for each user (last axis), and perhaps each run.

    Returns
    -------
    numpy.ndarray
        0 for a run that never hits. With very many hits next to nothing.

    References
    ----------
    Agresti and Min 2005 (Statistics in Medicine 24), section 3.

    Examples
    --------
    >>> float(share_of_a_user(np.array([0.0, 1.0, 0.0, 1.0])))
    0.25
    """
    hits, total = np.count_nonzero(by_user, axis=-1), by_user.sum(axis=-1)
    squares = (by_user**2).sum(axis=-1)
    return np.divide(squares, hits * total**2, out=np.zeros_like(squares), where=hits > 0)


def _validate(values: Values) -> Values:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] < 1:
        raise ValueError(f"values must have the shape (users, seeds), found {values.shape}")
    if len(values) < 2:
        raise ValueError(f"an interval over users needs at least 2 of them, found {len(values)}")
    if not np.isfinite(values).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(values))} values are not finite")
    return values
