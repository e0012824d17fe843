"""Set every run against the reference: `comparison.parquet`."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hydrarec.columns import COMPARISON, write_table
from hydrarec.comparison.cases import Cases, read_cases, read_ranks
from hydrarec.comparison.measures import case_values, metric_names
from hydrarec.comparison.runs import finished_runs, kind_of, require_complete
from hydrarec.config import BenchmarkConfig
from hydrarec.layout import run_folder
from hydrarec.progress import bar
from hydrarec.significance.corrections import holm
from hydrarec.significance.crossed import paired_difference


def compare(config: BenchmarkConfig, results: Path, output: Path, *, partial: bool = False) -> None:
    """Compare every run with the reference, paired by user and seed, and write `comparison.parquet`.

    Controls and the best possible scorer are not compared: `check_gates` holds the ones to what they must score, and
    the other bounds what can be had.
    p-values are Holm-adjusted over the runs of one dataset, protocol and metric.

    Parameters
    ----------
    config
        The comparison; `config.evaluation` names the reference and the error rate.
    results
        Folder of everything computed (`hydrarec.layout`).
    output
        Folder of the table.
    partial
        Whether to compare what is there where not everything is: finished runs, where the reference is finished too.

    Raises
    ------
    FileNotFoundError
        If files are absent; all are named.
    ValueError
        If runs are about different cases, candidates or data.
    """
    require_complete(config, results, partial=partial)
    tables = [
        _compare_within(config, results, dataset.id, protocol)
        for dataset in config.datasets
        for protocol in config.protocols
    ]
    frame = pd.concat(tables, ignore_index=True)
    write_table(frame, output / "comparison.parquet", COMPARISON)


def compared_runs(config: BenchmarkConfig) -> list[str]:
    """Return the ids of the runs that are set against the reference."""
    return [
        run.id
        for run in config.all_runs
        if run.id != config.evaluation.reference and kind_of(run) in ("trained", "baseline")
    ]


def _compare_within(config: BenchmarkConfig, results: Path, dataset: str, protocol: str) -> pd.DataFrame:
    there = finished_runs(config, results, dataset, protocol)
    if config.evaluation.reference not in there:
        return pd.DataFrame(columns=COMPARISON.names)
    cases = read_cases(config, results, dataset, protocol)
    reference = _by_user(config, results, cases, dataset, protocol, config.evaluation.reference)
    rows: list[dict[str, Any]] = []
    compared = [run for run in compared_runs(config) if run in there]
    for run in bar(compared, what=f"comparing on {dataset}/{protocol}", unit="run"):
        values = _by_user(config, results, cases, dataset, protocol, run)
        for index, metric in enumerate(metric_names(config.evaluation.cutoffs)):
            key = {"dataset": dataset, "protocol": protocol, "run": run, "metric": metric}
            rows.append(key | _contrast(values[:, index], reference[:, index], config.evaluation.alpha))
    frame = pd.DataFrame(rows, columns=[name for name in COMPARISON.names if name not in ("reference", "p_holm")])
    frame["reference"] = config.evaluation.reference
    frame["p_holm"] = frame.groupby("metric")["p"].transform(holm) if len(frame) else frame["p"]
    return frame


def _by_user(
    config: BenchmarkConfig, results: Path, cases: Cases, dataset: str, protocol: str, run: str
) -> NDArray[np.float64]:
    """Return a value for each user, metric and seed; a deterministic run's single result stands for every seed."""
    seeds = config.seeds_of(run)
    everyone = cases.groups[0]
    values = [
        everyone.user_means(
            case_values(
                read_ranks(run_folder(results, dataset, protocol, run, seed) / "ranks.parquet", cases),
                config.evaluation.cutoffs,
            )
        )
        for seed in seeds
    ]
    stacked = np.stack(values, axis=2)
    return np.repeat(stacked, len(config.seeds), axis=2) if len(seeds) < len(config.seeds) else stacked


def _contrast(values: NDArray[np.float64], reference: NDArray[np.float64], alpha: float) -> dict[str, Any]:
    found = paired_difference(values, reference, alpha)
    difference = found.difference
    return {
        "difference": difference.mean,
        "standard_error": difference.standard_error,
        "df": difference.df,
        "low": difference.low,
        "high": difference.high,
        "percent": found.percent,
        "percent_low": found.percent_low,
        "percent_high": found.percent_high,
        "p": difference.p,
        "variance_users": difference.variance_users,
        "variance_seeds": difference.variance_seeds,
        "n_users": difference.n_users,
        "n_seeds": difference.n_seeds,
    }
