"""Whether another way of measuring puts the runs in another order: Kendall's tau between leaderboards."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from hydrarec.analyses.sensitivity import FULL, others
from hydrarec.columns import AGREEMENT
from hydrarec.comparison.runs import kind_of
from hydrarec.config import BenchmarkConfig

Values = NDArray[np.float64]


def agreement(config: BenchmarkConfig, values: pd.DataFrame) -> pd.DataFrame:
    """Hold the order of the runs under `full` against that of every other variant, and `loo` against `gts`.

    Controls and the best possible scorer are left out: that they are last and first in any variant says nothing about
    the order of what is compared. Where a run has no value in a variant it is left out on both sides.

    Parameters
    ----------
    config
        The comparison.
    values
        Columns of `hydrarec.columns.SENSITIVITY`.

    Returns
    -------
    pandas.DataFrame
        Columns of `hydrarec.columns.AGREEMENT`.
    """
    contest = [run.id for run in config.all_runs if kind_of(run) in ("trained", "baseline")]
    pairs = [(protocol, variant, (protocol, variant)) for protocol in config.protocols for variant in others(config)]
    if set(config.protocols) == {"loo", "gts"}:
        pairs.append(("loo", "gts", ("gts", FULL)))
    rows: list[dict[str, Any]] = []
    contested = values[values["run"].isin(contest)].astype({"value": float})
    for (dataset, metric), table in contested.groupby(["dataset", "metric"], sort=False):
        wide = table.pivot(index="run", columns=["protocol", "variant"], values="value")
        for protocol, variant, other in pairs:
            both = wide.reindex(index=contest, columns=pd.MultiIndex.from_tuples([(protocol, FULL), other])).dropna()
            key = {"dataset": dataset, "protocol": protocol, "variant": variant, "metric": metric}
            rows.append(key | compare_orders(list(both.index), *both.to_numpy().T))
    return pd.DataFrame(rows, columns=AGREEMENT.names)


def compare_orders(runs: list[str], one: Values, other: Values) -> dict[str, Any]:
    """Compare two leaderboards of the same runs.

    Parameters
    ----------
    runs
        Ids of the runs.
    one, other
        Their values in the two; higher is better.

    Returns
    -------
    dict
        `n_runs`; `tau`, Kendall's tau-b, None where an order of fewer than two different values leaves it undefined;
        `pairs` and `discordant`, pairs of runs and those that the two put the other way round; `largest_move`, the
        most places that a run is further up or down in the other, half places where runs are level, and `moved`, the
        first run that moves so far, None if none moves.

    Examples
    --------
    >>> found = compare_orders(["a", "b", "c"], np.array([0.3, 0.2, 0.1]), np.array([0.2, 0.1, 0.3]))
    >>> round(found["tau"], 3), found["discordant"], found["largest_move"], found["moved"]
    (-0.333, 2, 2.0, 'c')
    """
    upper = np.triu_indices(len(runs), 1)
    agree = (np.sign(one[:, None] - one) * np.sign(other[:, None] - other))[upper]
    defined = len(set(one.tolist())) > 1 and len(set(other.tolist())) > 1
    moves = np.abs(stats.rankdata(-other) - stats.rankdata(-one))
    largest = float(moves.max(initial=0.0))
    return {
        "n_runs": len(runs),
        "tau": float(stats.kendalltau(one, other).statistic) if defined else None,
        "pairs": len(agree),
        "discordant": int((agree < 0).sum()),
        "largest_move": largest,
        "moved": runs[int(moves.argmax())] if largest else None,
    }
