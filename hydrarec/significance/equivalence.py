"""Whether two runs are as good as equal: two one-sided tests against a margin that was fixed in advance.

"Not significant" says nothing: few users make everything so. Equivalence turns the question round. The difference D is
held to be as large as the margin, in either direction, until the data say otherwise:

    p = max(P(D <= -margin), P(D >= margin))

which is below alpha exactly if the 1 - 2 alpha interval lies between -margin and margin. The lower half alone is
non-inferiority. The margin is a fraction of the reference's mean as it was measured.

References
----------
Schuirmann 1987 for the two tests; Piaggio et al. 2012 (CONSORT) for reading intervals against margins.
"""

from dataclasses import dataclass
from typing import Literal

from scipy import stats

from hydrarec.significance.crossed import Estimate

Verdict = Literal["superior", "equivalent", "inferior", "inconclusive"]


@dataclass(frozen=True)
class Equivalence:
    """A difference held against a margin."""

    margin: float
    """In the unit of the difference."""
    low: float
    """Lower bound of the 1 - 2 alpha interval."""
    high: float
    """Upper bound of the 1 - 2 alpha interval."""
    p_equivalent: float
    """p-value of "as large as the margin, in either direction"."""
    p_not_inferior: float
    """p-value of "as far below as the margin, or further"."""
    attained: float
    """The smallest margin, as a fraction of the reference's mean, at which the two would be equivalent; for readers
    who would have chosen another one."""


def equivalence(difference: Estimate, reference: float, fraction: float = 0.05, alpha: float = 0.05) -> Equivalence:
    """Test whether a difference is smaller than a fraction of the reference's mean.

    Parameters
    ----------
    difference
        Run minus reference.
    reference
        The reference's mean, above 0.
    fraction
        Margin as a fraction of it, above 0.
    alpha
        Error rate of the test; the interval covers 1 - 2 alpha.

    Raises
    ------
    ValueError
        If the reference's mean or the fraction is not above 0.

    Notes
    -----
    The reference's mean is taken as known. Its own error moves the margin by `fraction` times as much, which is little
    beside the error of the difference; the simulation in docs/significance.md has it in.

    Examples
    --------
    >>> import numpy as np
    >>> from hydrarec.significance.crossed import crossed_mean
    >>> found = equivalence(crossed_mean(np.array([[-0.01], [0.01], [0.01], [-0.01]])), reference=0.5)
    >>> found.margin, round(found.attained, 3), round(found.p_equivalent, 3)
    (0.025, 0.027, 0.011)
    """
    if not reference > 0 or not fraction > 0:
        raise ValueError(f"the reference's mean and the margin must be above 0, found {reference} and {fraction}")
    margin = fraction * reference
    reach = float(stats.t.isf(alpha, difference.df)) * difference.standard_error
    low, high = difference.mean - reach, difference.mean + reach
    above, below = difference.p_above(-margin), difference.p_below(margin)
    return Equivalence(margin, low, high, max(above, below), above, max(abs(low), abs(high)) / reference)


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
