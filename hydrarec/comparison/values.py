"""Every run's value for each user, metric and seed: what runs are compared by."""

import numpy as np
from numpy.typing import NDArray

from hydrarec.comparison.cases import EvaluationCases, read_ranks
from hydrarec.comparison.measures import case_values
from hydrarec.comparison.runs import Finished


def values_by_user(finished: Finished, cases: EvaluationCases, run: str) -> NDArray[np.float64]:
    """Return a value for each user, metric and seed; a deterministic run's single result stands for every seed.

    Parameters
    ----------
    finished
        The runs of a dataset and protocol.
    cases
        Their cases.
    run
        Id of one of them.

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
    config, everyone = finished.config, cases.groups[0]
    values = [
        everyone.user_means(case_values(read_ranks(one.folder / "ranks.parquet", cases), config.evaluation.cutoffs))
        for one in finished.seeds_of(run)
    ]
    stacked = np.stack(values, axis=2)
    return np.repeat(stacked, len(config.seeds), axis=2) if len(values) < len(config.seeds) else stacked
