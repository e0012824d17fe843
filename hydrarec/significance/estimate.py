"""A mean whose variance is a sum of estimated parts, some of them known from few values only.

    Var(mean) = part[1] + part[2] + ...,     part[i] known by df[i] degrees of freedom

Student's interval with one number of degrees of freedom for the sum (Satterthwaite's) is too narrow where a part with
few of them matters and happens to be estimated too small, and the further out one looks, the more so: at the level that
is left to each of many comparisons it is wrong several times too often. Here every part has its own quantile:

    reach(alpha)^2 = sum of t(1 - alpha / 2, df[i])^2 part[i]

This keeps the level whatever the parts are in truth: with weights w[i] that sum to 1 the mean lies within reach with
probability E F(sum w[i] y[i]), y[i] = t[i]^2 chi^2[i] / df[i], where F, the distribution of chi^2 with one degree of
freedom, is concave, so that it is at least sum w[i] E F(y[i]) = 1 - alpha. With one part it is Student's interval.

References
----------
Banerjee 1960 (Sankhya 22), "Approximate confidence interval for linear functions of means of k populations when the
population variances are not equal".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Parts = Sequence[tuple[ArrayLike, float]]
"""Parts of a variance, or arrays of them, each with its degrees of freedom."""

_FARTHEST = 37.0
"""Standard errors of a normal distribution beyond which a p-value is 0 in double precision."""
_HALVINGS = 60


def reach(parts: Parts, alpha: ArrayLike) -> NDArray[np.float64]:
    """Return how far an interval that covers 1 - alpha goes to either side.

    Parameters
    ----------
    parts
        What the variance is made of.
    alpha
        Above 0.

    Examples
    --------
    >>> float(reach([(0.25, 1e6)], 0.05).round(2)), float(reach([(0.25, 1e6), (0.25, 1)], 0.05).round(2))
    (0.98, 6.43)
    """
    half = np.asarray(alpha, dtype=np.float64) / 2
    squared = np.float64(0)
    for part, df in parts:
        some = np.asarray(part, dtype=np.float64)
        # Far out a quantile's square is infinite, and of a part that is 0 it is nothing.
        with np.errstate(over="ignore"):
            squared = squared + np.where(some > 0, special.stdtrit(df, half) ** 2, 0) * some
    return np.sqrt(squared)


def two_sided_p(size: ArrayLike, parts: Parts) -> NDArray[np.float64]:
    """Return the alpha at which an interval reaches just so far: the p-value of a mean of this size.

    Parameters
    ----------
    size
        Distance from the hypothesis, 0 or more.
    parts
        What the variance is made of.

    Examples
    --------
    >>> [float(two_sided_p(size, [(part, 1e9)]).round(3)) for size, part in ((1.96, 1.0), (0.0, 0.0), (1.0, 0.0))]
    [0.05, 1.0, 0.0]
    """
    size = np.asarray(size, dtype=np.float64)
    some = [(part, df) for part, df in parts if np.any(part)]
    if not some:
        return np.where(size > 0, 0.0, 1.0)
    if len(some) == 1:
        part, df = some[0]
        error = np.sqrt(np.asarray(part))
        t = np.divide(size, error, out=np.where(size > 0, np.inf, 0.0), where=error > 0)
        return 2 * special.stdtr(df, -t)
    # By the normal quantile of alpha, in which p-values of all sizes lie close together.
    low, high = np.zeros(size.shape), np.full(size.shape, _FARTHEST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        inside = size > reach(some, 2 * special.ndtr(-middle))
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    p = 2 * special.ndtr(-low)
    return np.where(low >= _FARTHEST - 1e-9, 0.0, np.where(size > 0, p, 1.0))


@dataclass(frozen=True)
class Estimate:
    """A mean with what is needed to test it."""

    mean: float
    """Mean, or what else is estimated."""
    standard_error: float
    """Its standard error."""
    parts: tuple[tuple[float, float], ...]
    """Parts of its squared standard error as they are estimated, each with its degrees of freedom; by chance their sum
    may be larger than the square."""

    def reach(self, alpha: float) -> float:
        """Return how far the interval that covers 1 - alpha goes to either side."""
        return float(reach(self.parts, alpha))

    @property
    def p(self) -> float:
        """Two-sided p-value of the hypothesis that the mean is 0."""
        return float(two_sided_p(abs(self.mean), self.parts))

    def p_above(self, bound: float) -> float:
        """One-sided p-value of the hypothesis that the mean is at most `bound`; small: it is above."""
        return self._one_sided_p(self.mean - bound)

    def p_below(self, bound: float) -> float:
        """One-sided p-value of the hypothesis that the mean is at least `bound`; small: it is below."""
        return self._one_sided_p(bound - self.mean)

    def _one_sided_p(self, ahead: float) -> float:
        half = float(two_sided_p(abs(ahead), self.parts)) / 2
        # On the bound itself, an estimate without any error has shown nothing.
        return half if ahead > 0 else 1 - half if ahead < 0 else max(half, float(self.standard_error == 0))


def ratio_interval(log_ratio: Estimate, alpha: float) -> tuple[float, float]:
    """Return the interval of a relative difference, as fractions, that covers 1 - alpha.

    >>> [round(bound, 3) for bound in ratio_interval(Estimate(0.01, 0.02, parts=((0.0004, 1e6),)), alpha=0.1)]
    [-0.023, 0.044]
    """
    reached = log_ratio.reach(alpha)
    return math.expm1(log_ratio.mean - reached), math.expm1(log_ratio.mean + reached)
