"""Which places of a leaderboard a run may have.

From pairwise statements that are all right at once with probability 1 - alpha:

    1 + number of runs shown to be better   <=   place   <=   S - number of runs shown to be worse

and then all places are inside their intervals with at least that probability.

References
----------
Mogstad, Romano, Shaikh and Wilhelm 2024 (Review of Economic Studies 91); Al Mohamad, Goeman and van Zwet
2022 (Biometrics 78).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class RankIntervals:
    """Simultaneous intervals of the places of all runs."""

    best: NDArray[np.intp]
    """The best place each may have, from 1."""
    worst: NDArray[np.intp]
    """The worst."""


def rank_intervals(difference: NDArray[np.float64], p: NDArray[np.float64], alpha: float = 0.05) -> RankIntervals:
    """Return the places that each run may have.

    Parameters
    ----------
    difference
        Row minus column for each pair of runs; more is better.
    p
        Symmetric p-values that keep the family-wise error rate over all pairs and directions: `max_t` for a board of
        these weights, or `crossed_pairs` adjusted by Holm for one of these methods. Unadjusted ones make the
        intervals too short.
    alpha
        The intervals cover all places at once with probability 1 - alpha.

    Raises
    ------
    ValueError
        If the two are not square matrices of one size.

    Examples
    --------
    The first is better than both others, which cannot be told apart.

    >>> difference = np.array([[0.0, 0.2, 0.3], [-0.2, 0.0, 0.1], [-0.3, -0.1, 0.0]])
    >>> found = rank_intervals(difference, np.array([[1, 0.01, 0.01], [0.01, 1, 0.4], [0.01, 0.4, 1]]))
    >>> found.best, found.worst
    (array([1, 2, 2]), array([1, 3, 3]))
    """
    if difference.ndim != 2 or difference.shape[0] != difference.shape[1] or difference.shape != p.shape:
        raise ValueError(f"two square matrices of one size are needed, found {difference.shape} and {p.shape}")
    shown = p < alpha
    ahead, behind = shown & (difference > 0), shown & (difference < 0)
    return RankIntervals(1 + behind.sum(axis=1), len(p) - ahead.sum(axis=1))
