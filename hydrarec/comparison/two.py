"""Any two runs against each other, whatever else of the comparison is finished: the rows of the tables, on demand."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hydrarec.comparison.cases import read_evaluation_cases
from hydrarec.comparison.contrasts import compare_values, contrast_row
from hydrarec.comparison.measures import metric_names, paired_names
from hydrarec.comparison.runs import require_complete
from hydrarec.comparison.seeds import means_by_seed
from hydrarec.comparison.values import values_by_user
from hydrarec.config import BenchmarkConfig
from hydrarec.significance.equivalence import verdict


@dataclass(frozen=True)
class Contrast:
    """Two runs on one dataset under one protocol."""

    run: str
    reference: str
    dataset: str
    protocol: str
    rows: pd.DataFrame
    """By metric: the columns of `COMPARISON` that do not depend on further runs, `mean` and `mean_reference`, and
    `verdict` from p-values that are not adjusted."""
    seeds: int
    """Seeds that both were computed with; 1 where the seed changes neither."""
    stochastic: bool
    """Whether the seed changes one of the two."""
    n_others: int
    """Runs of the comparison that say with these two how much seeds change at least; 0 if none of them is known."""


def restrict(config: BenchmarkConfig, runs: list[str], dataset: str, protocol: str) -> BenchmarkConfig:
    """Return the part of a comparison that is about some runs in one scope; the last of them is its reference.

    Parameters
    ----------
    config
        The comparison.
    runs
        Run ids.
    dataset, protocol
        Where.

    Raises
    ------
    ValueError
        If it has no such run, dataset or protocol; what it has is listed.
    """
    datasets = [entry.id for entry in config.datasets]
    for what, name, allowed in (
        *(("run", run, config.run_ids) for run in runs),
        ("dataset", dataset, datasets),
        ("protocol", protocol, list(config.protocols)),
    ):
        if name not in allowed:
            raise ValueError(f"the configuration has no {what} {name!r}; allowed: {', '.join(allowed)}")
    kept = {name: getattr(config, name) for name in type(config).model_fields} | {
        "datasets": [config.dataset(dataset)],
        "protocols": [protocol],
        "grid": None,
        "runs": [config.run(run) for run in runs],
        "evaluation": config.evaluation.model_copy(update={"reference": runs[-1]}),
    }
    return BenchmarkConfig.model_construct(**kept)


def contrast_two(
    config: BenchmarkConfig, results: Path, run: str, reference: str, dataset: str, protocol: str
) -> Contrast:
    """Compare two runs on every metric, paired by user and seed.

    Parameters
    ----------
    config
        The comparison both belong to; names the metrics, margins and the error rate.
    results
        Folder of everything computed.
    run, reference
        Run ids; differences are the first minus the second.
    dataset, protocol
        Where.

    Raises
    ------
    FileNotFoundError
        If one of the two is not finished with all its seeds; the absent files are named.
    ValueError
        If the names are not the configuration's, the two are one, or they saw different data, cases or candidates.
    """
    if run == reference:
        raise ValueError(f"{run} cannot be compared with itself")
    both = restrict(config, [run, reference], dataset, protocol)
    [finished] = require_complete(both, results)
    cases = read_evaluation_cases(finished)
    evaluation = both.evaluation
    stochastic = not both.is_deterministic(run, reference)
    values, base = (values_by_user(finished, cases, name) for name in (run, reference))
    from_lists = any(finished.is_from_lists(name) for name in (run, reference))
    compared = paired_names(evaluation.cutoffs, from_lists=from_lists)
    others = means_by_seed(config, results, dataset, protocol)
    rows = []
    for index, metric in enumerate(metric_names(evaluation.cutoffs)):
        if metric not in compared:
            continue
        compared_two = compare_values(values[:, index], base[:, index], evaluation, stochastic=stochastic)
        found = contrast_row(compared_two, evaluation, others.get(metric))
        equivalent = found["p_equivalent"]
        rows.append(
            {
                "metric": metric,
                "mean": float(values[:, index].mean()),
                "mean_reference": float(base[:, index].mean()),
                **found,
                "verdict": verdict(
                    found["difference"], found["p"], 1.0 if equivalent is None else equivalent, evaluation.alpha
                ),
            }
        )
    seeds = len(both.seeds) if stochastic else 1
    n_others = min((len(means) for means in others.values()), default=0)
    return Contrast(
        run, reference, dataset, protocol, pd.DataFrame(rows).set_index("metric"), seeds, stochastic, n_others
    )
