"""All pairs of runs tested at once on their users: step-down max-T by joint sign flips.

If two runs are equally good, a user's difference may as well have had the other sign. One random sign per user,
shared by all runs, keeps how the pairs hang together, and one matrix product serves every pair:

    T = signs X,    z[i, j] = (T_i - T_j) / sqrt(sum_u (x_ui - x_uj)^2)

The sum of squares does not change under flips, so z orders flips as the t statistic does. The largest z over all
hypotheses not yet rejected has the null distribution that accounts for their number. A hypothesis is "i is no better
than j", for both directions of every pair, so that a small p-value also says which run is better.

The signs are the users' alone: these p-values are about the trained weights at hand. What they say about methods is
for the crossed interval (`hydrarec.significance.pairs`).

References
----------
Westfall and Young 1993, algorithm 2.8 for the step-down; Romano and Wolf 2005 for why it keeps the family-wise error
rate; Phipson and Smyth 2010 for p = (1 + b) / (1 + B), which is never 0.
"""

import numpy as np
from numpy.typing import NDArray

_WORD = 64
"""Users per product: their signs of one flip are the bits of one random word."""
_PRODUCT = 2**18
"""Multiplications per product. OpenBLAS leaves products of this size to one thread; larger ones share so little work
that its threads wait for each other longer than they compute."""
_FLIPS_AT_ONCE = 500
"""Flips whose pairs are looked at together; bounds memory."""
_SIGNS = 1 - 2.0 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
"""The eight signs that a byte stands for."""
_SAME = 1e-14
"""Squared differences of two runs, relative to their own squares, that are nothing but rounding."""
_ROUNDING = 1e-9
"""A flip that gives the observed statistic again may do so with another rounding error; it counts as reached."""


def max_t(values: NDArray[np.float64], flips: int = 10_000, seed: int = 0) -> NDArray[np.float64]:
    """Test every pair of runs for a difference of their means, adjusted for the number of pairs.

    Parameters
    ----------
    values
        A value for each run (rows) and user (columns): means over seeds.
    flips
        Sign flips, B. The smallest p-value there can be is 1 / (1 + B).
    seed
        Start of the random signs. The same seed gives the same p-values, whatever the number of threads.

    Returns
    -------
    numpy.ndarray
        Symmetric matrix of p-values, 1 on the diagonal. Where one is below alpha, the run with the larger mean is
        better; the chance that any such statement is wrong is at most alpha.

    Raises
    ------
    ValueError
        If there are fewer than two users, or values that are not finite.

    Notes
    -----
    O(B N S) for S runs and N users; memory O(S N + B S), not O(B N).

    Examples
    --------
    >>> max_t(np.array([[0.9, 0.8, 0.9, 0.7, 0.9], [0.1, 0.2, 0.1, 0.1, 0.3]]), flips=999).round(1)
    array([[1. , 0.1],
           [0.1, 1. ]])
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] < 2:
        raise ValueError(f"values must have the shape (runs, users) with 2 users or more, found {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(values))} values are not finite")
    p = np.ones((len(values), len(values)))
    if len(values) < 2:
        return p
    # What all runs have of a user changes no difference, but would cost digits.
    centred = values - values.mean(axis=0)
    first, second = np.nonzero(~np.eye(len(values), dtype=bool))
    squares = centred @ centred.T
    own = squares[first, first] + squares[second, second]
    root = np.sqrt(np.maximum(own - 2 * squares[first, second], 0))
    # Runs that are the same but for rounding: no flip may tell them apart.
    root[root**2 <= _SAME * own] = np.inf
    sums = centred.sum(axis=1)
    observed = (sums[first] - sums[second]) / root
    order = np.argsort(-observed, kind="stable")
    first, second, root, observed = first[order], second[order], root[order], observed[order]
    reached = np.zeros(len(order), dtype=np.int64)
    flipped = flipped_sums(centred, flips, seed)
    for start in range(0, flips, _FLIPS_AT_ONCE):
        part = flipped[start : start + _FLIPS_AT_ONCE]
        z = (part[:, first] - part[:, second]) / root
        # The largest among the hypotheses that are not above this one.
        largest = np.maximum.accumulate(z[:, ::-1], axis=1)[:, ::-1]
        reached += (largest >= observed - _ROUNDING * np.abs(observed)).sum(axis=0)
    adjusted = np.maximum.accumulate((1 + reached) / (1 + flips))
    better = observed > 0
    p[first[better], second[better]] = p[second[better], first[better]] = adjusted[better]
    return p


def flipped_sums(values: NDArray[np.float64], flips: int, seed: int) -> NDArray[np.float64]:
    """Sum each run's values over users after flipping the users' signs at random, the same for all runs.

    Parameters
    ----------
    values
        A value for each run (rows) and user (columns).
    flips
        How often.
    seed
        Start of the random signs.

    Returns
    -------
    numpy.ndarray
        A sum for each flip (rows) and run (columns).

    Examples
    --------
    >>> sorted(set(flipped_sums(np.array([[1.0, 2.0]]), flips=100, seed=0)[:, 0].tolist()))
    [-3.0, -1.0, 1.0, 3.0]
    """
    n_runs, n_users = values.shape
    words = -(-n_users // _WORD)
    by_word = np.zeros((words * _WORD, n_runs))
    by_word[:n_users] = values.T
    rows = max(1, _PRODUCT // (_WORD * n_runs))
    products = -(-flips // rows)
    bits = np.random.PCG64(seed)
    sums = np.zeros((products, rows, n_runs))
    # Written over in every round: fresh pages for 5 MB would cost as much as the product.
    signs, part = np.zeros((products * rows * _WORD // 8, 8)), np.empty_like(sums)
    drawn = signs[: flips * _WORD // 8]
    for users in by_word.reshape(words, _WORD, n_runs):
        np.take(_SIGNS, bits.random_raw(flips).view(np.uint8), axis=0, out=drawn, mode="clip")
        sums += np.matmul(signs.reshape(products, rows, _WORD), users, out=part)
    return sums.reshape(-1, n_runs)[:flips]
