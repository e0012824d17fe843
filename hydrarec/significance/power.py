"""What a comparison could have found: from its standard error alone, never from the difference that it did find.

Power at the observed difference is the p-value in other words (Hoenig and Heisey 2001). The smallest difference that a
test finds with a given probability is another question. Its answer depends on users, seeds and noise only, and says
whether "nothing found" means anything.

References
----------
Owen 1965 for the power of two one-sided tests; Hoenig and Heisey 2001 (The American Statistician 55).
"""

from collections.abc import Callable
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from hydrarec.significance.estimate import Estimate

_NODES = {0: 1, 1: 200, 2: 200, 3: 50}
"""Gauss-Legendre nodes, by the number of estimated parts of a variance over whose quantiles power is averaged."""
_KNOWN = 1000
"""Degrees of freedom from which on a part is as good as known."""


def detectable_difference(estimate: Estimate, alpha: float = 0.05, power: float = 0.8) -> float:
    """Return the smallest true difference that a one-sided test finds with a given probability.

    Parameters
    ----------
    estimate
        A difference; its standard error and the parts of it count, its mean does not.
    alpha
        Error rate of the test.
    power
        Probability of p < alpha, above alpha.

    Returns
    -------
    float
        In the unit of the difference.

    Examples
    --------
    With many users, the familiar 1.64 + 0.84 standard errors.

    >>> round(detectable_difference(Estimate(mean=0.7, standard_error=1.0, parts=((1.0, 1e6),))), 2)
    2.49
    """
    _check(alpha, power)
    critical, weights = _critical_values(alpha, estimate)
    return _true_error(estimate) * _solve(lambda size: float(special.ndtr(size - critical) @ weights), power)


def provable_margin(estimate: Estimate, alpha: float = 0.05, power: float = 0.8) -> float:
    """Return the smallest margin within which two runs of equal means are shown to be with a given probability.

    Parameters
    ----------
    estimate
        A difference; its standard error and the parts of it count, its mean does not.
    alpha
        Error rate of the two one-sided tests.
    power
        Probability of p < alpha if the true difference is 0.

    Returns
    -------
    float
        In the unit of the difference.

    Examples
    --------
    >>> round(provable_margin(Estimate(mean=0.7, standard_error=1.0, parts=((1.0, 1e6),))), 2)
    2.93
    """
    _check(alpha, power)
    critical, weights = _critical_values(alpha, estimate)

    def power_within(size: float) -> float:
        # Both tests reject if the estimate is nearer to 0 than the margin less the reach of the interval.
        return float((2 * special.ndtr(np.maximum(size - critical, 0)) - 1) @ weights)

    return _true_error(estimate) * _solve(power_within, power)


def _true_error(estimate: Estimate) -> float:
    """Return the standard error that is taken for the true one: no less than its parts say, as the test does."""
    return max(estimate.standard_error, float(np.sqrt(sum(part for part, _ in estimate.parts))))


def _critical_values(alpha: float, estimate: Estimate) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what the test asks for, in true standard errors, as the parts may be estimated, and how likely each is."""
    squared, weights = np.zeros(1), np.ones(1)
    parts = [(special.stdtrit(df, alpha) ** 2 * part, df) for part, df in estimate.parts if part > 0]
    estimated = [(most, df) for most, df in parts if df < _KNOWN]
    nodes, shares = np.polynomial.legendre.leggauss(_NODES[len(estimated)])
    for most, df in estimated:
        quantiles = special.gammaincinv(df / 2, (nodes + 1) / 2) * 2 / df
        squared = np.add.outer(squared, most * quantiles).ravel()
        weights = np.multiply.outer(weights, shares / 2).ravel()
    squared = squared + sum(most for most, df in parts if df >= _KNOWN)
    error = _true_error(estimate)
    return (np.sqrt(squared) / error if error else squared), weights


def _solve(power_at: Callable[[float], float], power: float) -> float:
    """Return the number of standard errors at which the power is reached."""

    def missing_power(size: float) -> float:
        return power_at(size) - power

    highest = 1.0
    while missing_power(highest) < 0:
        highest *= 2
    return cast(float, optimize.brentq(missing_power, 0, highest))


def _check(alpha: float, power: float) -> None:
    if not 0 < alpha < power < 1:
        raise ValueError(f"alpha and power must be in order between 0 and 1, found {alpha} and {power}")
