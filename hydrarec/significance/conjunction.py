"""On how many data sets a claim holds: partial conjunction.

A claim about three data sets is not one about their average. Of n p-values of the same one-sided hypothesis, sorted,

    p(u of n) = max over v <= u of (n - v + 1) p_(v)

tests "it holds on fewer than u of them". With u = n this is the largest of all p-values, the intersection-union test,
which also serves "better than every one of these comparators".

References
----------
Benjamini and Heller 2008 for the hypothesis; Dror et al. 2017 (TACL) for counting data sets with it.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def partial_conjunction(p: ArrayLike) -> NDArray[np.float64]:
    """Return the p-values of "it holds on at least 1, 2, ..., n of these".

    Parameters
    ----------
    p
        One p-value for each data set (or comparator), **one-sided**, all in the claim's direction: two-sided ones would
        count a significant reversal as support. Bonferroni's inequality makes them valid under any dependence.

    Returns
    -------
    numpy.ndarray
        Entry u - 1 belongs to "at least u"; never decreasing.

    Raises
    ------
    ValueError
        If there is none.

    Examples
    --------
    >>> partial_conjunction([0.01, 0.2, 0.001])
    array([0.003, 0.02 , 0.2  ])
    """
    values = np.sort(np.asarray(p, dtype=np.float64))
    if not len(values):
        raise ValueError("a partial conjunction needs at least one p-value")
    return np.maximum.accumulate(np.minimum(1, np.arange(len(values), 0, -1) * values))
