"""Whether two runs are as good as equal: two one-sided tests against a margin that was fixed in advance.

"Not significant" says nothing: few users make everything so. Equivalence turns the question round. The difference is
held to be as large as the margin, in either direction, until the data say otherwise:

    p = max(P(ratio <= 1 - margin), P(ratio >= 1 + margin))

which is below alpha exactly if the 1 - 2 alpha interval of the ratio lies between 1 - margin and 1 + margin. The lower
half alone is non-inferiority. The margin is a fraction of the reference's mean, whose own error is in the ratio's.

References
----------
Schuirmann 1987 for the two tests; Piaggio et al. 2012 (CONSORT) for reading intervals against margins.
"""

from dataclasses import dataclass
from math import log1p
from typing import Literal

from hydrarec.significance.estimate import Estimate, ratio_interval

Verdict = Literal["superior", "equivalent", "inferior", "inconclusive"]


@dataclass(frozen=True)
class Equivalence:
    """A relative difference held against a margin; all of them are fractions of the reference's mean."""

    low: float
    """Lower bound of the 1 - 2 alpha interval."""
    high: float
    """Upper bound of the 1 - 2 alpha interval."""
    p_equivalent: float
    """p-value of "as large as the margin, in either direction"."""
    p_not_inferior: float
    """p-value of "as far below as the margin, or further"."""
    attained: float
    """The smallest margin at which the two would be equivalent; for readers who would have chosen another one."""


def equivalence(log_ratio: Estimate, margin: float = 0.05, alpha: float = 0.05) -> Equivalence:
    """Test whether a run differs from a reference by less than a fraction of the reference's mean.

    Parameters
    ----------
    log_ratio
        Logarithm of the run's mean over the reference's.
    margin
        Between 0 and 1.
    alpha
        Error rate of the test; the interval covers 1 - 2 alpha.

    Raises
    ------
    ValueError
        If the margin is not between 0 and 1.

    Examples
    --------
    >>> found = equivalence(Estimate(mean=0.01, standard_error=0.02, parts=((0.0004, 1e6),)))
    >>> round(found.low, 3), round(found.high, 3), round(found.attained, 3), round(found.p_equivalent, 3)
    (-0.023, 0.044, 0.044, 0.026)
    """
    if not 0 < margin < 1:
        raise ValueError(f"the margin must be a fraction between 0 and 1, found {margin}")
    low, high = ratio_interval(log_ratio, 2 * alpha)
    above, below = log_ratio.p_above(log1p(-margin)), log_ratio.p_below(log1p(margin))
    return Equivalence(low, high, max(above, below), above, max(abs(low), abs(high)))


def verdict(difference: float, p: float, p_equivalent: float, alpha: float = 0.05) -> Verdict:
    """Put a comparison into one word.

    Parameters
    ----------
    difference
        Run minus reference.
    p
        Two-sided p-value of no difference, adjusted where it belongs to a family.
    p_equivalent
        p-value of the equivalence test, adjusted likewise.
    alpha
        Error rate of each.

    Returns
    -------
    str
        `equivalent` where the difference is shown to be smaller than the margin; else `superior` or `inferior` where
        it is shown not to be 0; else `inconclusive`.

    Notes
    -----
    Both can be shown at once: with very many users a difference of a thousandth is significant. Such a run is
    `equivalent`, because the margin was fixed as the size below which a difference does not matter; its sign stands
    in the interval and in p, and a tighter margin may say `superior`. In a superiority trial the precedence is the
    other way round: a claim of superiority is decided on p, not on this word.

    Of a single comparison, the word is wrong with a probability of at most alpha, and no correction for testing twice
    is due. Where the true difference is the margin or more, `equivalent` and the opposite sign are wrong, and both need
    an estimate below the same bound; where it is less, only the wrong sign is.

    Examples
    --------
    >>> verdict(0.001, p=0.01, p_equivalent=0.0001)
    'equivalent'
    >>> verdict(-0.02, p=0.01, p_equivalent=0.6)
    'inferior'
    >>> verdict(0.02, p=0.3, p_equivalent=0.2)
    'inconclusive'
    """
    if p_equivalent < alpha:
        return "equivalent"
    if p < alpha:
        return "superior" if difference > 0 else "inferior"
    return "inconclusive"
