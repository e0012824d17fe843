"""How much of every difference from the reference hangs on the order in which tied interactions were put.

A data set and those that differ from it in nothing but the order of ties (`tie_order`) are prepared, split and trained
on apart. What the order adds to the uncertainty of a difference: `hydrarec.significance.orders`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hydrarec.columns import ORDERS
from hydrarec.comparison.cases import EvaluationCases, read_evaluation_cases
from hydrarec.comparison.contrasts import compared_runs, is_without_chance
from hydrarec.comparison.measures import metric_names
from hydrarec.comparison.runs import Finished
from hydrarec.comparison.values import values_by_user
from hydrarec.config import BenchmarkConfig
from hydrarec.config.datasets import DatasetConfig
from hydrarec.progress import bar
from hydrarec.significance.orders import order_spread

LEAST_ORDERS = 2
"""Fewest random orders that have a spread."""


def tie_orders(config: BenchmarkConfig, dataset: DatasetConfig) -> list[DatasetConfig]:
    """Return the data sets that differ from one in nothing but the order of ties."""
    return [other for other in config.datasets if other.tie_order is not None and dataset.same_but_for_ties(other)]


def orders(config: BenchmarkConfig, scopes: Sequence[Finished]) -> pd.DataFrame:
    """Compare runs with the reference in every order of ties, on the metrics on which all pairs are compared.

    Parameters
    ----------
    config
        The comparison.
    scopes
        The runs of every dataset and protocol.

    Returns
    -------
    pandas.DataFrame
        Columns of `hydrarec.columns.ORDERS`; no row where a data set has fewer than two random orders beside it, or a
        run is not finished in all of them.

    Raises
    ------
    FileNotFoundError
        If a file is absent that a run must have.
    ValueError
        If users are not the same in all orders.
    """
    rows: list[dict[str, Any]] = []
    there = {(finished.dataset, finished.protocol): finished for finished in scopes}
    for dataset in config.datasets:
        tied = tie_orders(config, dataset) if dataset.tie_order is None else []
        if len(tied) < LEAST_ORDERS:
            continue
        for protocol in config.protocols:
            rows += _rows_within([there[name, protocol] for name in (dataset.id, *(other.id for other in tied))])
    return pd.DataFrame(rows, columns=ORDERS.names)


def _rows_within(scopes: list[Finished]) -> list[dict[str, Any]]:
    """Return the rows of a data set, which comes first, and its other orders."""
    of_file = scopes[0]
    config, dataset, protocol = of_file.config, of_file.dataset, of_file.protocol
    runs = [run for run in compared_runs(config) if all(run in finished.runs for finished in scopes)]
    reference = config.evaluation.reference
    if reference not in runs:
        return []
    cases = [read_evaluation_cases(finished) for finished in scopes]
    _refuse_other_users({finished.dataset: of for finished, of in zip(scopes, cases, strict=True)})
    base = _values(scopes, cases, reference)
    rows: list[dict[str, Any]] = []
    for run in bar(runs, what=f"orders of ties on {dataset}/{protocol}", unit="run"):
        if run == reference:
            continue
        stochastic = not config.is_deterministic(run, reference)
        differences = _values(scopes, cases, run) - base
        for index, metric in enumerate(config.evaluation.paired_metrics):
            key = {"dataset": dataset, "protocol": protocol, "run": run, "reference": reference, "metric": metric}
            rows.append(key | _row(differences[:, :, index], config.evaluation.alpha, stochastic=stochastic))
    return rows


def _values(scopes: list[Finished], cases: list[EvaluationCases], run: str) -> NDArray[np.float64]:
    """Return a run's values: orders, that of the file first, x users x metrics x seeds."""
    evaluation = scopes[0].config.evaluation
    kept = [metric_names(evaluation.cutoffs).index(metric) for metric in evaluation.paired_metrics]
    return np.stack([values_by_user(*one, run)[:, kept] for one in zip(scopes, cases, strict=True)])


def _row(differences: NDArray[np.float64], alpha: float, *, stochastic: bool) -> dict[str, Any]:
    """Return the columns that describe differences: orders, that of the file first, x users x seeds."""
    if not stochastic or is_without_chance(differences):
        # Two runs without chance have one result however many seeds others need.
        differences = differences[..., :1]
    of_file, others = float(differences[0].mean()), differences[1:]
    found, means = order_spread(others, alpha), others.mean(axis=(1, 2))
    return {
        "difference": of_file,
        "mean": found.mean,
        "lowest": float(means.min()),
        "highest": float(means.max()),
        "deviation": found.deviation,
        "deviation_low": found.low,
        "deviation_high": found.high,
        "p_file": found.p_of(of_file),
        "variance_orders": found.variance_orders,
        "n_orders": found.n_orders,
        "n_users": others.shape[1],
        "n_seeds": found.n_seeds,
    }


def _refuse_other_users(cases: dict[str, EvaluationCases]) -> None:
    """Refuse orders whose test users are not those of the order of the file."""
    (first, own), *others = ((dataset, of.frame["user"].unique()) for dataset, of in cases.items())
    for dataset, users in others:
        if not np.array_equal(users, own):
            raise ValueError(
                f"{dataset} differs from {first} in nothing but its order of ties and must have the same test users, "
                f"but its {len(users)} are not the {len(own)} of {cases[first].source}; prepare both anew"
            )
