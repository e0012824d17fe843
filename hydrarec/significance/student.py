"""Student's intervals: of a mean over matched seeds, and of a slope through few points."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hydrarec.significance.estimate import Estimate

LEAST_POINTS = 3
"""Fewest points that say something about a slope's error; with two, a line meets both."""


@dataclass(frozen=True)
class StudentEstimate(Estimate):
    """A mean, or a slope in its place, with its two-sided interval."""

    df: float
    """Degrees of freedom."""
    low: float
    """Lower bound."""
    high: float
    """Upper bound."""


def seed_mean(values: NDArray[np.float64], alpha: float) -> StudentEstimate:
    """Estimate a mean over seeds.

    Parameters
    ----------
    values
        One for each seed, two or more.
    alpha
        The interval covers 1 - alpha.

    Raises
    ------
    ValueError
        If there are fewer than two.

    Examples
    --------
    >>> found = seed_mean(np.array([-0.2, -0.3, -0.25]), alpha=0.05)
    >>> round(found.mean, 3), round(found.p_below(0.0), 3)
    (-0.25, 0.007)
    """
    if len(values) < 2:
        raise ValueError(f"a spread over seeds needs two of them or more, found {len(values)}")
    return _student(float(values.mean()), float(stats.sem(values)), len(values) - 1, alpha)


def fit_slope(x: NDArray[np.float64], y: NDArray[np.float64], alpha: float) -> StudentEstimate:
    """Fit y = a + b x by ordinary least squares and return b, with the points less two as degrees of freedom.

    Parameters
    ----------
    x, y
        A point each, three or more; not all x equal.
    alpha
        The interval of b covers 1 - alpha.

    Raises
    ------
    ValueError
        If there are fewer than three points, or all x are equal.

    Examples
    --------
    >>> found = fit_slope(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.1, 0.9, 2.1, 2.9]), alpha=0.05)
    >>> round(found.mean, 3), round(found.low, 3), round(found.high, 3), found.df
    (0.96, 0.717, 1.203, 2)
    """
    if len(x) < LEAST_POINTS:
        raise ValueError(f"a slope with its error needs {LEAST_POINTS} points, found {len(x)}")
    df, away = len(x) - 2, x - x.mean()
    spread = float(away @ away)
    if spread == 0:
        raise ValueError("a slope needs points at different x")
    # Not SciPy's: where all y are the same, its slope has no error, and here one of 0.
    slope = float(away @ y) / spread
    left = y - y.mean() - slope * away
    return _student(slope, float(np.sqrt(left @ left / df / spread)), df, alpha)


def _student(mean: float, error: float, df: int, alpha: float) -> StudentEstimate:
    reach = float(stats.t.isf(alpha / 2, df)) * error
    return StudentEstimate(mean, error, ((error**2, df),), df, mean - reach, mean + reach)
