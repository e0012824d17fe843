"""What recommendation lists are like besides accurate: how much of the catalogue they show, how evenly, how popular.

Let e_i be the share of all places that item i fills in the first k of the lists, n the items of the catalogue (those of
the training data), U the training users and u_i those that met item i. A user with several lists counts once, by their
average.

`coverage@k`
    Share of the catalogue that is in anybody's list: |{i : e_i > 0}| / n.
`gini@k`
    Inequality of exposure, sum_j (2 j - n - 1) e_(j) / (n - 1) with e_(1) <= e_(2) <= ... (Shani & Gunawardana 2011):
    0 if all items fill as many places, 1 if one item fills all. What nobody is shown counts with 0.
`novelty@k`
    Mean self-information of what is recommended, in bits: sum_i e_i log2(U / u_i) (Zhou et al. 2010).
`popularity@k`
    Mean u_i of what is recommended, sum_i e_i u_i.
`popularity_lift@k`
    By how much that is above the mean u_i of the users' histories, as a share of it (Abdollahpouri et al. 2020).
    `popularity`, without a run, is that of the histories.

All depend on how many lists there are and on the catalogue: they compare runs on one dataset and protocol, no more.

Intervals are over users, by the delete-a-group jackknife (Kott 2001): users are dealt out to 200 groups at random, the
same for all runs and seeds of a dataset and protocol; the mean over seeds is computed anew without each group, and G
groups of such values v have the squared standard error (G - 1) / G sum_g (v_g - mean v)^2. Of means over users it is
the usual one. It tends to be too large and not too small (Efron & Stein 1981): in simulated lists 1.2 to 1.6 times the
true one for coverage, 0.9 to 1.2 times for Gini. The bootstrap, whose draws hold 63 % of the users and so show less,
was at 0.7 to 1.1 and 0.7 to 0.9 times. Intervals hold for these trained weights; how far seeds are apart stands beside
them.

Diversity within lists is left out. Without features of items their likeness would have to be counted from who met them
together: then rare items are unlike anything, which is novelty once more, and a method that recommends by just that
likeness is found to lack diversity by construction.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse, stats

from hydrarec.analyses.lists import Known, read_exposure, read_known
from hydrarec.columns import BEYOND
from hydrarec.comparison.cases import read_evaluation_cases
from hydrarec.comparison.runs import Finished
from hydrarec.config import BenchmarkConfig
from hydrarec.progress import bar

GROUPS = 200
"""Groups of users left out in turn; the standard error is then known to 5 %."""
AT_ONCE = 50
"""Groups computed at a time, for the memory of items x groups."""
OF_HISTORIES = "popularity"
"""Name of the measure that is about the users' histories and no run."""
_BOUNDS = {"coverage": (0.0, 1.0), "gini": (0.0, 1.0), "popularity_lift": (-1.0, np.inf)}

Values = NDArray[np.float64]


def beyond(config: BenchmarkConfig, scopes: Sequence[Finished]) -> pd.DataFrame:
    """Measure the lists of every run.

    Parameters
    ----------
    config
        The comparison; k is that of its primary metric.
    scopes
        The runs of every dataset and protocol.

    Returns
    -------
    pandas.DataFrame
        Columns of `hydrarec.columns.BEYOND`.

    Raises
    ------
    FileNotFoundError
        If lists are absent.
    ValueError
        If lists are about other cases or recommend what is not in the catalogue.
    """
    k, alpha = config.evaluation.primary_cutoff, config.evaluation.alpha
    rows: list[dict[str, Any]] = []
    for finished in scopes:
        if not finished.runs:
            continue
        dataset, protocol, cases = finished.dataset, finished.protocol, read_evaluation_cases(finished)
        known, key = read_known(finished.results, dataset, protocol), {"dataset": dataset, "protocol": protocol}
        weights = leave_out(len(known.history))
        histories = {OF_HISTORIES: known.history @ weights / weights.sum(axis=0)}
        rows += [key | {"run": "", "measure": OF_HISTORIES} | _row(OF_HISTORIES, [histories], alpha, len(weights))]
        for run in bar(finished.runs, what=f"lists on {dataset}/{protocol}", unit="run"):
            by_seed = [
                measure(read_exposure(one.folder / "recommendations.parquet", cases, k, known.warm), known, weights)
                for one in finished.seeds_of(run)
            ]
            rows += [
                key | {"run": run, "measure": f"{name}@{k}"} | _row(name, by_seed, alpha, len(weights))
                for name in by_seed[0]
            ]
    return pd.DataFrame(rows, columns=BEYOND.names)


def leave_out(n_users: int, n_groups: int = GROUPS) -> NDArray[np.float32]:
    """Return weights of users (rows): all 1 in the first column, then 0 for the users of one group each.

    Groups are at random and as large as each other, give or take one; there are as many as users if these are fewer.
    """
    n_groups = min(n_groups, n_users)
    weights = np.ones((n_users, n_groups + 1), dtype=np.float32)
    group = np.random.default_rng(0).permutation(n_users) % n_groups
    weights[np.arange(n_users), group + 1] = 0
    return weights


def measure(exposure: sparse.csr_matrix, known: Known, weights: NDArray[np.float32]) -> dict[str, Values]:
    """Compute every measure for every column of weights.

    Parameters
    ----------
    exposure
        Users x items, rows sum to 1 (`hydrarec.analyses.lists.read_exposure`).
    known
        Popularity and histories.
    weights
        Users x groups (`leave_out`).

    Returns
    -------
    dict
        By measure, without its cut-off: a value for each column of weights.
    """
    warm = known.warm
    information = np.log2(known.n_users / np.where(warm, known.popularity, 1))
    n_users = weights.sum(axis=0, dtype=np.float64)
    recommended = exposure @ known.popularity @ weights / n_users
    histories = known.history @ weights / n_users
    by_item, spread = exposure.T.tocsr()[warm], []
    for begin in range(0, weights.shape[1], AT_ONCE):
        exposed = by_item @ weights[:, begin : begin + AT_ONCE]
        spread.append((coverage(exposed), gini(exposed)))
    covered, unequal = (np.concatenate(parts) for parts in zip(*spread, strict=True))
    return {
        "coverage": covered,
        "gini": unequal,
        "novelty": exposure @ information @ weights / n_users,
        "popularity": recommended,
        "popularity_lift": recommended / histories - 1,
    }


def coverage(exposure: Values) -> Values:
    """Return the share of items (rows) with any exposure, for each column.

    >>> coverage(np.array([[0.0], [0.5], [0.5], [0.0]])).tolist()
    [0.5]
    """
    return (exposure > 0).mean(axis=0)


def gini(exposure: Values) -> Values:
    """Return the Gini index of the exposure of items (rows), for each column.

    Not for fewer than two items, which it is undefined for and gives NaN.

    >>> gini(np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 3.0]])).tolist()
    [0.0, 1.0]
    """
    n = len(exposure)
    if n < 2:
        return np.full(exposure.shape[1], np.nan)
    ordered = np.sort(exposure, axis=0)
    return (2 * np.arange(1, n + 1) - n - 1) @ ordered / ordered.sum(axis=0) / (n - 1)


def _row(name: str, by_seed: Sequence[dict[str, Values]], alpha: float, n_users: int) -> dict[str, Any]:
    """Return value and bounds of a measure from its values by seed: for all users, then without each group."""
    found = np.stack([values[name] for values in by_seed])
    seeds, groups = found[:, 0], found[:, 1:].mean(axis=0)
    value = float(seeds.mean()) if np.isfinite(seeds).all() else None
    bounds: tuple[float, float] | None = None
    if value is not None and len(groups) > 1 and np.isfinite(groups).all():
        error = np.sqrt((len(groups) - 1) * groups.var())
        reach = float(stats.t.isf(alpha / 2, len(groups) - 1) * error)
        least, most = _BOUNDS.get(name, (0.0, np.inf))
        bounds = max(value - reach, least), min(value + reach, most)
    several = value is not None and len(seeds) > 1
    return {
        "value": value,
        "low": bounds[0] if bounds else None,
        "high": bounds[1] if bounds else None,
        "seeds_low": float(seeds.min()) if several else None,
        "seeds_high": float(seeds.max()) if several else None,
        "n_users": n_users,
        "n_seeds": len(seeds),
    }
