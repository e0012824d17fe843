"""How often a run is ahead of a reference: on how many users, and with how many seeds.

Beside a mean difference, never instead of it: many small wins may come with a lower mean.

References
----------
Bouthillier et al. 2021 (MLSys) for the probability of outperforming; Clopper and Pearson 1934.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

_EQUAL = 1e-12
"""Means of the same numbers in another order differ by rounding; the smallest true difference of two reciprocal ranks
among a million candidates is as large."""


@dataclass(frozen=True)
class UserShares:
    """Shares of users, which add up to 1."""

    wins: float
    """The run's mean over seeds is higher."""
    ties: float
    """It is the same; most often both always miss."""
    losses: float
    """It is lower."""


@dataclass(frozen=True)
class SeedWins:
    """With how many seeds a run's mean over users is higher."""

    probability: float
    """Wins and half of the ties, of all seeds: an estimate of P(run > reference) for another seed."""
    low: float
    """Lower bound of its exact binomial interval."""
    high: float
    """Upper bound. Ties count as losses below and as wins above."""
    n_seeds: int
    """Matched seeds."""


def user_shares(values: NDArray[np.float64], reference: NDArray[np.float64]) -> UserShares:
    """Count the users for whom a run is better, the same, or worse.

    Parameters
    ----------
    values
        The run's value for each user (rows) and each seed (columns).
    reference
        The reference's, rows in the same order.

    Raises
    ------
    ValueError
        If users do not match.

    Examples
    --------
    >>> user_shares(np.array([[0.5], [0.0], [0.1], [0.0]]), np.array([[0.1], [0.0], [0.2], [0.0]]))
    UserShares(wins=0.25, ties=0.5, losses=0.25)
    """
    if len(values) != len(reference):
        raise ValueError(f"users do not match: {len(values)} in the run, {len(reference)} in the reference")
    difference = values.mean(axis=1) - reference.mean(axis=1)
    wins, losses = (difference > _EQUAL).mean(), (difference < -_EQUAL).mean()
    return UserShares(float(wins), float((np.abs(difference) <= _EQUAL).mean()), float(losses))


def seed_wins(values: NDArray[np.float64], reference: NDArray[np.float64], alpha: float = 0.05) -> SeedWins:
    """Estimate how probable it is that a run trained with another seed is ahead of the reference on these users.

    Parameters
    ----------
    values
        The run's value for each user (rows) and each seed (columns).
    reference
        The reference's, in the same order. One column stands for every seed.
    alpha
        The interval covers 1 - alpha. Five wins of five seeds reach down to 0.48: few seeds cannot say more.

    Raises
    ------
    ValueError
        If users or seeds do not match.

    Examples
    --------
    >>> found = seed_wins(np.array([[0.2, 0.4, 0.5, 0.6, 0.3]]), np.array([[0.1]]))
    >>> found.probability, round(found.low, 2), found.high
    (1.0, 0.48, 1.0)
    """
    if len(values) != len(reference) or len({values.shape[1], reference.shape[1]} - {1}) > 1:
        raise ValueError(f"users and seeds do not match: {values.shape} in the run, {reference.shape} in the reference")
    difference = values.mean(axis=0) - reference.mean(axis=0)
    n_seeds = len(difference)
    wins, ties = int((difference > _EQUAL).sum()), int((np.abs(difference) <= _EQUAL).sum())
    low = stats.binomtest(wins, n_seeds).proportion_ci(1 - alpha, method="exact").low
    high = stats.binomtest(wins + ties, n_seeds).proportion_ci(1 - alpha, method="exact").high
    return SeedWins((wins + ties / 2) / n_seeds, float(low), float(high), n_seeds)
