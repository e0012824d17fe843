"""A straight line through few points, with Student's interval of its slope."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEAST_POINTS = 3
"""Fewest points that say something about a slope's error; with two, a line meets both."""


@dataclass(frozen=True)
class Slope:
    """An ordinary least squares slope."""

    value: float
    low: float
    """Lower bound of the two-sided interval."""
    high: float
    """Upper bound."""
    standard_error: float
    df: int
    """Points less two."""

    def p_above(self, bound: float) -> float:
        """Return the one-sided p-value of "the slope is at most `bound`"; small: it is above."""
        if self.standard_error == 0:
            return 0.0 if self.value > bound else 1.0
        return float(stats.t.sf((self.value - bound) / self.standard_error, self.df))


def fit_slope(x: NDArray[np.float64], y: NDArray[np.float64], alpha: float) -> Slope:
    """Fit y = a + b x.

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
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3), found.df
    (0.96, 0.717, 1.203, 2)
    """
    if len(x) < LEAST_POINTS:
        raise ValueError(f"a slope with its error needs {LEAST_POINTS} points, found {len(x)}")
    df, away = len(x) - 2, x - x.mean()
    spread = float(away @ away)
    if spread == 0:
        raise ValueError("a slope needs points at different x")
    slope = float(away @ y) / spread
    left = y - y.mean() - slope * away
    error = float(np.sqrt(left @ left / df / spread))
    reach = float(stats.t.isf(alpha / 2, df)) * error
    return Slope(slope, slope - reach, slope + reach, error, df)
