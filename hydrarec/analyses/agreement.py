"""Whether another way of measuring puts the runs in another order: Kendall's tau between leaderboards."""

from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from hydrarec.analyses.orders import tie_orders
from hydrarec.analyses.sensitivity import FULL, other_variants
from hydrarec.columns import AGREEMENT
from hydrarec.config import BenchmarkConfig

Values = NDArray[np.float64]
Leaderboard: TypeAlias = tuple[str, str, str]
"""Dataset, protocol and variant."""


def agreement(config: BenchmarkConfig, values: pd.DataFrame) -> pd.DataFrame:
    """Hold the order of the runs under `full` against that of every other variant.

    Beside the variants of `hydrarec.analyses.sensitivity`, `loo` is held against `gts`, and a data set against those
    that differ from it in nothing but the order of ties (`tie_order`). Controls and the best possible scorer are left
    out: that they are last and first in any variant says nothing about the order of what is compared. Where a run has
    no value in a variant it is left out on both sides.

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
    contested = values[values["run"].isin(config.competing)].astype({"value": float})
    there = set(zip(contested["dataset"], contested["protocol"], strict=True))
    pairs = [pair for pair in _pairs(config) if pair[0][:2] in there and pair[2][:2] in there]
    rows: list[dict[str, Any]] = []
    for metric, table in contested.groupby("metric", sort=False):
        wide = table.pivot(index="run", columns=["dataset", "protocol", "variant"], values="value")
        for one, name, other in pairs:
            both = wide.reindex(index=config.competing, columns=pd.MultiIndex.from_tuples([one, other])).dropna()
            key = {"dataset": one[0], "protocol": one[1], "variant": name, "metric": metric}
            rows.append(key | compare_orders(list(both.index), *both.to_numpy().T))
    return pd.DataFrame(rows, columns=AGREEMENT.names)


def _pairs(config: BenchmarkConfig) -> list[tuple[Leaderboard, str, Leaderboard]]:
    """Return which leaderboards are held against each other, and what the second is called."""
    pairs: list[tuple[Leaderboard, str, Leaderboard]] = []
    for dataset in config.datasets:
        for protocol in config.protocols:
            one = (dataset.id, protocol, FULL)
            pairs += [(one, variant, (dataset.id, protocol, variant)) for variant in other_variants(config)]
            if protocol == "loo" and "gts" in config.protocols:
                pairs.append((one, "gts", (dataset.id, "gts", FULL)))
            if dataset.tie_order is None:
                pairs += [(one, tied.id, (tied.id, protocol, FULL)) for tied in tie_orders(config, dataset)]
    return pairs


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
