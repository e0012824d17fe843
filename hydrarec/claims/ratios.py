"""A mean over matched seeds with its t interval: what claims about times rest on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats


@dataclass(frozen=True)
class SeedMean:
    """A mean over seeds."""

    mean: float
    low: float
    """Lower bound of the two-sided interval."""
    high: float
    """Upper bound."""
    standard_error: float
    df: int

    def p_below(self, bound: float) -> float:
        """Return the one-sided p-value of "the mean is at least `bound`"; small: it is below."""
        if self.standard_error == 0:
            return 0.0 if self.mean < bound else 1.0
        return float(stats.t.cdf((self.mean - bound) / self.standard_error, self.df))


def seed_mean(values: NDArray[np.float64], alpha: float) -> SeedMean:
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
    mean, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
    reach = float(stats.t.isf(alpha / 2, len(values) - 1)) * error
    return SeedMean(mean, mean - reach, mean + reach, error, len(values) - 1)
