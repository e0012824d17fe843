"""Every run's value for each user, metric and seed: what runs are compared by."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hydrarec.comparison.cases import EvaluationCases, read_ranks
from hydrarec.comparison.measures import case_values
from hydrarec.config import BenchmarkConfig
from hydrarec.layout import run_folder


def values_by_user(
    config: BenchmarkConfig, results: Path, cases: EvaluationCases, dataset: str, protocol: str, run: str
) -> NDArray[np.float64]:
    """Return a value for each user, metric and seed; a deterministic run's single result stands for every seed.

    Parameters
    ----------
    config
        The comparison.
    results
        Folder of everything computed.
    cases
        The cases of the dataset and protocol.
    dataset, protocol
        Where.
    run
        Run id.

    Returns
    -------
    numpy.ndarray
        Users x `metric_names` x seeds.

    Raises
    ------
    FileNotFoundError
        If ranks are absent.
    ValueError
        If they are about other cases or candidates.
    """
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
