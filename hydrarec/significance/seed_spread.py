"""What all runs of a comparison say together about how much another seed would change.

One run's few seeds may agree by chance, and then its differences pass for well known: of the comparisons that find
something, those are most where nothing is. All runs together say more. In intervals and p-values the seeds' part of a
difference is therefore its own or the average of the comparison's, whichever is larger, with the average's degrees of
freedom. A run that varies more than others keeps its own spread.

References
----------
Smyth 2004 (Statistical Applications in Genetics and Molecular Biology 3) for sharing variances between many
comparisons of few replicates; taking the larger of both instead of a weighted mean is this project's, because few runs
do not tell how much their spreads differ.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SeedSpread:
    """Average variances over runs, as those of single differences are taken: of the seeds' means, by their number."""

    both: float
    """Of a difference of two runs that the seed changes; what matched seeds share has dropped out."""
    one: float
    """Of a single run, or of a difference of which it changes one run only."""
    df: float
    """Degrees of freedom: runs less one times seeds less one."""

    def of(self, n_drawn: int | NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the variance of a mean or a difference of so many runs that the seed changes: none, one or two."""
        return np.array([0.0, self.one, self.both])[n_drawn]


def seed_spread(means: NDArray[np.float64]) -> SeedSpread | None:
    """Average the spread over seeds over runs.

    Parameters
    ----------
    means
        A mean over users for each run (rows) and seed (columns). Runs that the seed does not change are left out.

    Returns
    -------
    SeedSpread or None
        None with one seed, or if the seed changes fewer than two runs.

    Examples
    --------
    >>> seed_spread(np.array([[1.0, 3.0], [3.0, 1.0], [2.0, 2.0]]))
    SeedSpread(both=4.0, one=1.0, df=1.0)
    """
    drawn = means[np.ptp(means, axis=1) > 0]
    n_runs, n_seeds = drawn.shape
    if n_seeds < 2 or n_runs < 2:
        return None
    df = float((n_runs - 1) * (n_seeds - 1))
    away = drawn - drawn.mean(axis=1, keepdims=True)
    apart = away - away.mean(axis=0)
    both, one = 2 * (apart**2).sum() / df, (away**2).sum() / (n_runs * (n_seeds - 1))
    return SeedSpread(float(both / n_seeds), float(one / n_seeds), df)
