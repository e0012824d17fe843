"""What all runs of a comparison say together about how much another seed would change.

One run's few seeds may agree by chance, and then its differences pass for well known: of the comparisons that find
something, those are most where nothing is. All runs together say more. In intervals and p-values the seeds' part of a
difference is therefore its own or what the comparison's runs have on average, whichever is larger.

How well that is known depends on how much the runs' spreads differ. Their own degrees of freedom are raised by those
that the others are worth (Smyth 2004): all, where the runs' spreads differ no more than they would by chance, and next
to none where every run has a spread of its own. A difference whose spread is above the average by more than chance (F
test) is known by its own few seeds only.

With matched seeds a run's value has a part that all runs share and one of its own. From a difference of two runs that
the seed changes the first drops out, and the second is known from all runs and seeds. In a single run, or its
difference from one that the seed does not change, it stays, and however many runs there are, only the seeds tell how
large it is:

    Var(run) = Var(average of the S runs) + (1 - 1 / S) Var(own part)

Runs whose own part is not of the others' kind, such as one that did not take off with one seed, are left out of the
average by Cochran's test, applied again until no such run is left. They would make all others uncertain.

References
----------
Smyth 2004 (Statistical Applications in Genetics and Molecular Biology 3), section 6.2, for sharing variances between
many comparisons of few replicates; taking the larger of both instead of a weighted mean is this project's, because few
runs tell little about how much their spreads differ. Cochran 1941 (Annals of Eugenics 11) and ISO 5725-2 for setting
aside laboratories whose spread is too large before variances are averaged.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from hydrarec.significance.estimate import Parts

OUTLYING = 0.01
"""Level of the test by which a run is left out of the average, over all runs together."""
UNLIKE = 0.05
"""Level of the test by which a difference is known by its own seeds only."""


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
    df: float
    """Degrees of freedom by which the own part of one of them is known; `shared` has seeds less one."""

    def of(self, n_stochastic: int | NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the parts of a variance that `shared` and `own` tell.

        Parameters
        ----------
        n_stochastic
            How many runs that the seed changes are in a mean or a difference: none, one or two.
        """
        shared = np.array([0.0, self.shared, 0.0])[n_stochastic]
        return shared, np.array([0.0, (1 - 1 / self.n_runs) * self.own, 2 * self.own])[n_stochastic]


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
    SeedSpread(own=2.0, shared=0.0, n_runs=2, n_seeds=2, df=1.0)
    """
    stochastic = means[np.ptp(means, axis=1) > 0]
    if means.shape[1] < 2 or len(stochastic) < 2:
        return None
    stochastic = _drop_outlying_runs(stochastic)
    n_runs, n_seeds = stochastic.shape
    away = stochastic - stochastic.mean(axis=1, keepdims=True)
    shared = away.mean(axis=0)
    apart = ((away - shared) ** 2).sum(axis=1) / (n_seeds - 1)
    own, together = float(apart.sum()) / (n_runs - 1), float((shared**2).sum()) / (n_seeds - 1)
    df = min(n_seeds - 1 + _prior_df(apart, n_seeds - 1), float((n_runs - 1) * (n_seeds - 1)))
    return SeedSpread(own / n_seeds, together / n_seeds, n_runs, n_seeds, df)


def seed_parts(own: ArrayLike, spread: SeedSpread | None, n_stochastic: int | NDArray[np.int64], n_seeds: int) -> Parts:
    """Return the seeds' parts of a variance, or of many, as intervals and p-values count them.

    Parameters
    ----------
    own
        Variance of the seeds' means by their number, noise included, as it was measured.
    spread
        What all runs together say; None: nothing.
    n_stochastic
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
    shared, of_all = spread.of(n_stochastic)
    apart = np.maximum(own - shared, 0)
    unlike = apart > of_all * _largest_ratio(df, (spread.n_runs - 1) * df, UNLIKE)
    return [(np.where(unlike, own, shared), df), (np.where(unlike, 0, np.maximum(apart, of_all)), spread.df)]


def _drop_outlying_runs(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the runs but those whose spread over seeds is not of the others' kind."""
    # By the largest spread first; with two runs nobody can say which of them is unlike.
    spread = means.var(axis=1, ddof=1)
    order = np.argsort(spread, kind="stable")
    left = len(order)
    df = means.shape[1] - 1
    while left > 2:
        others = order[: left - 1]
        if spread[order[left - 1]] <= spread[others].mean() * _largest_ratio(df, len(others) * df, OUTLYING / left):
            break
        left -= 1
    return means[np.sort(order[:left])]


def _largest_ratio(df: float, others_df: float, level: float) -> float:
    """Return how many times the average variance of others one may be by chance."""
    return float(special.fdtri(df, others_df, 1 - level))


def _prior_df(variances: NDArray[np.float64], df: float) -> float:
    """Return how many degrees of freedom the others are worth to each, from how much the variances differ.

    Logarithms of variances that are equal in truth vary by trigamma(df / 2). What they vary beyond that is the spread
    of the true ones, whose inverses are taken to be a multiple of chi-squared with so many degrees of freedom.
    """
    beyond = np.log(np.maximum(variances, np.finfo(float).tiny)).var(ddof=1) - special.polygamma(1, df / 2)
    if beyond <= 0:
        return np.inf
    # Trigamma lies between the square of the inverse and that with the inverse added.
    bounds = 1 / np.sqrt(beyond), 2 / beyond + 2
    return 2 * cast(float, optimize.brentq(lambda x: special.polygamma(1, x) - beyond, *bounds))
