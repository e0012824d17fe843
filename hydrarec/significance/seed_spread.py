"""What all runs of a comparison say together about how much another seed would change.

One run's few seeds may agree by chance, and then its differences pass for well known: of the comparisons that find
something, those are most where nothing is. All runs together say more. In intervals and p-values the seeds' part of a
difference is therefore its own or what the comparison's runs have on average, whichever is larger, each with its own
degrees of freedom: a run that varies more than others is known by its own few seeds only.

With matched seeds a run's value has a part that all runs share and one of its own. From a difference of two runs that
the seed changes the first drops out, and the second is known from all runs and seeds. In a single run, or its
difference from one that the seed does not change, it stays, and however many runs there are, only the seeds tell how
large it is:

    Var(run) = Var(average of the S runs) + (1 - 1 / S) Var(own part)

Runs whose own part is not of the others' kind, such as one that did not take off with one seed, are left out of the
average by Cochran's test, applied again until no such run is left. They would make all others uncertain.

References
----------
Smyth 2004 (Statistical Applications in Genetics and Molecular Biology 3) for sharing variances between many
comparisons of few replicates; taking the larger of both instead of a weighted mean is this project's, because few runs
do not tell how much their spreads differ. Cochran 1941 (Annals of Eugenics 11) and ISO 5725-2 for setting aside
laboratories whose spread is too large before variances are averaged.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from hydrarec.significance.estimate import Parts

OUTLYING = 0.01
"""Level of the test by which a run's spread is found to be another one than the others'."""


@dataclass(frozen=True)
class SeedSpread:
    """Variances as those of single means are taken: of the seeds' means, by their number."""

    own: float
    """Of the part of a run that no other run shares, averaged over runs."""
    shared: float
    """Of the average of all runs: what they share, and what is left of their own parts."""
    n_runs: int
    """Runs that these are taken from, S."""
    n_seeds: int
    """Seeds, R."""

    @property
    def df(self) -> float:
        """Degrees of freedom of `own`; `shared` has seeds less one."""
        return float((self.n_runs - 1) * (self.n_seeds - 1))

    def of(self, n_drawn: int | NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the parts of a variance that `shared` and `own` tell.

        Parameters
        ----------
        n_drawn
            How many runs that the seed changes are in a mean or a difference: none, one or two.
        """
        shared = np.array([0.0, self.shared, 0.0])[n_drawn]
        return shared, np.array([0.0, (1 - 1 / self.n_runs) * self.own, 2 * self.own])[n_drawn]


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
    SeedSpread(own=2.0, shared=0.0, n_runs=2, n_seeds=2)
    """
    drawn = means[np.ptp(means, axis=1) > 0]
    if means.shape[1] < 2 or len(drawn) < 2:
        return None
    drawn = _alike(drawn)
    n_runs, n_seeds = drawn.shape
    away = drawn - drawn.mean(axis=1, keepdims=True)
    shared = away.mean(axis=0)
    own = ((away - shared) ** 2).sum() / ((n_runs - 1) * (n_seeds - 1))
    return SeedSpread(float(own / n_seeds), float((shared**2).sum() / (n_seeds - 1) / n_seeds), n_runs, n_seeds)


def counted_seeds(own: ArrayLike, spread: SeedSpread | None, n_drawn: int | NDArray[np.int64], n_seeds: int) -> Parts:
    """Return the seeds' parts of a variance, or of many, as intervals and p-values count them.

    Parameters
    ----------
    own
        Variance of the seeds' means by their number, noise included, as it was measured.
    spread
        What all runs together say; None: nothing.
    n_drawn
        See `SeedSpread.of`.
    n_seeds
        Seeds.

    Returns
    -------
    Parts
        What is known by seeds less one degrees of freedom, and what is known by all runs together.
    """
    own, df = np.asarray(own, dtype=np.float64), n_seeds - 1
    if spread is None:
        return [(own, df), (np.zeros_like(own), df)]
    shared, of_all = spread.of(n_drawn)
    larger = own > shared + of_all
    return [(np.where(larger, own, shared), df), (np.where(larger, 0, of_all), spread.df)]


def _alike(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the runs but those whose spread over seeds is not of the others' kind."""
    # By the largest spread first; with two runs nobody can say which of them is unlike.
    spread = means.var(axis=1, ddof=1)
    order = np.argsort(spread, kind="stable")
    left = len(order)
    while left > 2 and spread[order[left - 1]] > spread[order[: left - 1]].mean() * _most(left, means.shape[1]):
        left -= 1
    return means[np.sort(order[:left])]


def _most(n_runs: int, n_seeds: int) -> float:
    """Return how many times the others' average variance the largest one may be."""
    return float(special.fdtri(n_seeds - 1, (n_runs - 1) * (n_seeds - 1), 1 - OUTLYING / n_runs))
