"""Set every run against the reference and against every other one: `comparison`, `pairs` and `places.parquet`."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hydrarec.columns import COMPARISON, PAIRS, PLACES
from hydrarec.comparison.cases import read_evaluation_cases
from hydrarec.comparison.measures import metric_names, paired_names
from hydrarec.comparison.pairs import contrast_pairs
from hydrarec.comparison.runs import Finished, require_complete
from hydrarec.comparison.values import values_by_user
from hydrarec.config import BenchmarkConfig
from hydrarec.config.compared import compared_settings
from hydrarec.config.protocol import EvaluationConfig
from hydrarec.files import atomic_folder, write_json
from hydrarec.layout import CONTRASTED
from hydrarec.progress import bar
from hydrarec.significance.corrections import holm
from hydrarec.significance.crossed import PairedDifference, paired_difference
from hydrarec.significance.equivalence import equivalence, verdict
from hydrarec.significance.estimate import Estimate
from hydrarec.significance.outcomes import SeedWins, UserShares, seed_wins, user_shares
from hydrarec.significance.seed_spread import seed_spread
from hydrarec.tables import write_table

_AGAINST_MARGINS = (
    "equivalence_low",
    "equivalence_high",
    "p_equivalent",
    "p_equivalent_tight",
    "p_not_inferior",
    "attained_margin",
)


def contrast(config: BenchmarkConfig, results: Path, output: Path, *, partial: bool = False) -> None:
    """Compare runs, paired by user and seed, and write `comparison`, `pairs` and `places.parquet`.

    The settings they were made with stand beside them in `contrasted.json`.

    Controls and the best possible scorer are not compared: `check_gates` holds the ones to what they must score, and
    the other bounds what can be had. p-values are Holm-adjusted over the runs of one dataset, protocol and metric. All
    pairs are compared on the primary metric and on the hit rate of the same length.

    Parameters
    ----------
    config
        The comparison; `config.evaluation` names the reference, the margins and the error rate.
    results
        Folder of everything computed (`hydrarec.layout`).
    output
        Folder of the tables.
    partial
        Whether to compare what is there where not everything is: finished runs with each other, and with the reference
        where that is finished too.

    Raises
    ------
    FileNotFoundError
        If files are absent; all are named.
    ValueError
        If runs are about different cases, candidates or data.
    """
    found = [_contrast_within(finished) for finished in require_complete(config, results, partial=partial)]
    with atomic_folder(output, last=CONTRASTED) as new:
        for name, schema, tables in zip(
            ("comparison", "pairs", "places"), (COMPARISON, PAIRS, PLACES), zip(*found, strict=True), strict=True
        ):
            write_table(pd.concat(tables, ignore_index=True), new / f"{name}.parquet", schema)
        write_json(new / CONTRASTED, compared_settings(config))


def compared_runs(config: BenchmarkConfig) -> list[str]:
    """Return the ids of the runs that compete, the reference among them."""
    return [run for run in config.run_ids if run == config.evaluation.reference or run in config.competing]


@dataclass(frozen=True)
class Compared:
    """Two runs on one metric, before anything is known of other runs."""

    found: PairedDifference
    users: UserShares
    seeds: SeedWins | None
    """None where the seed changes neither run."""
    seed_means: NDArray[np.float64]
    """Mean over users for each run of the two and each seed."""


def compare_values(
    values: NDArray[np.float64], reference: NDArray[np.float64], evaluation: EvaluationConfig, *, stochastic: bool
) -> Compared:
    """Compare two runs on one metric.

    Parameters
    ----------
    values, reference
        A value for each user (rows) and seed (columns).
    evaluation
        Error rate.
    stochastic
        Whether the configuration has a seed change either of the runs.
    """
    # Two methods without chance have one result however many seeds others need, and no other seed to be ahead with.
    without_chance = not stochastic or is_without_chance(values, reference)
    if without_chance:
        values, reference = values[:, :1], reference[:, :1]
    return Compared(
        paired_difference(values, reference, evaluation.alpha),
        user_shares(values, reference),
        None if without_chance else seed_wins(values, reference, evaluation.alpha),
        np.stack(np.broadcast_arrays(values.mean(axis=0), reference.mean(axis=0))),
    )


def contrast_row(
    compared: Compared, evaluation: EvaluationConfig, others: NDArray[np.float64] | None = None
) -> dict[str, Any]:
    """Return the columns of `COMPARISON` that do not depend on how many runs are compared.

    Parameters
    ----------
    compared
        Two runs on one metric.
    evaluation
        Error rate and margins.
    others
        Means over users of all runs of the comparison (rows) by seed, which say how much seeds change at least; None:
        the two alone do.
    """
    alpha, users, seeds = evaluation.alpha, compared.users, compared.seeds
    difference, log_ratio = compared.found.difference, compared.found.log_ratio
    if others is not None:
        n_stochastic = int((np.ptp(compared.seed_means, axis=1) > 0).sum())
        difference = difference.with_seeds_at_least(seed_spread(others), n_stochastic, alpha)
        # Relative to each run's mean, as the error of a log-ratio is.
        log_ratio = log_ratio and log_ratio.with_seeds_at_least(
            seed_spread(_relative_means(others)), n_stochastic, alpha
        )
    by_seeds, by_runs = [part for part, _ in difference.parts[1:]] or (None, None)
    found = replace(compared.found, log_ratio=log_ratio)
    low, high = found.percent_interval(alpha)
    return {
        "difference": difference.mean,
        "standard_error": difference.standard_error,
        "low": difference.low,
        "high": difference.high,
        "percent": found.percent,
        "percent_low": low,
        "percent_high": high,
        "p": difference.p,
        "variance_users": difference.variance_users,
        "variance_residual": difference.variance_residual,
        "variance_seeds": difference.variance_seeds,
        "variance_seed_means": difference.variance_seed_means,
        "counted_by_seeds": by_seeds,
        "counted_by_runs": by_runs,
        **_compare_with_margins(log_ratio, evaluation),
        "wins": users.wins,
        "ties": users.ties,
        "losses": users.losses,
        "seed_wins": seeds.probability if seeds else None,
        "seed_wins_low": seeds.low if seeds else None,
        "seed_wins_high": seeds.high if seeds else None,
        "n_users": difference.n_users,
        "n_seeds": difference.n_seeds,
    }


def _relative_means(means: NDArray[np.float64]) -> NDArray[np.float64]:
    mean = means.mean(axis=1, keepdims=True)
    return means / np.where(mean > 0, mean, 1)


def is_without_chance(*values: NDArray[np.float64]) -> bool:
    """Return whether values (seeds along the last axis) are the same with every seed, and not for want of any hit."""
    repeated = all((one == one[..., :1]).all() for one in values)
    return repeated and any(one.any() for one in values)


def _compare_with_margins(log_ratio: Estimate | None, evaluation: EvaluationConfig) -> dict[str, float | None]:
    """Hold a difference against both margins; where one of the two never hits there is no ratio."""
    if log_ratio is None:
        return dict.fromkeys(_AGAINST_MARGINS)
    wide = equivalence(log_ratio, evaluation.margin, evaluation.alpha)
    tight = equivalence(log_ratio, evaluation.tight_margin, evaluation.alpha)
    return {
        "equivalence_low": 100 * wide.low,
        "equivalence_high": 100 * wide.high,
        "p_equivalent": wide.p_equivalent,
        "p_equivalent_tight": tight.p_equivalent,
        "p_not_inferior": wide.p_not_inferior,
        "attained_margin": 100 * wide.attained,
    }


def _contrast_within(finished: Finished) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    config, dataset, protocol = finished.config, finished.dataset, finished.protocol
    runs = [run for run in compared_runs(config) if run in finished.runs]
    if not runs:
        return tuple(pd.DataFrame(columns=table.names) for table in (COMPARISON, PAIRS, PLACES))
    cases = read_evaluation_cases(finished)
    evaluation, metrics = config.evaluation, metric_names(config.evaluation.cutoffs)
    kept = [metrics.index(metric) for metric in config.evaluation.paired_metrics]
    scope = {"dataset": dataset, "protocol": protocol}
    handed_in = {run for run in runs if finished.is_from_lists(run)}
    reference = None
    if evaluation.reference in runs:
        reference = values_by_user(finished, cases, evaluation.reference)
    compared: list[tuple[str, str, Compared]] = []
    seed_means: list[NDArray[np.float64]] = []
    by_run: list[NDArray[np.float64]] = []
    for run in bar(runs, what=f"comparing on {dataset}/{protocol}", unit="run"):
        if reference is not None and run == evaluation.reference:
            values = reference
        else:
            values = values_by_user(finished, cases, run)
        # Of the metrics on which pairs are compared only: all of them, of all runs, would fill memory.
        by_run.append(values[:, kept])
        seed_means.append(np.broadcast_to(values.mean(axis=0), (len(metrics), len(config.seeds))))
        if reference is not None and run != evaluation.reference:
            stochastic = not config.is_deterministic(run, evaluation.reference)
            from_lists = not handed_in.isdisjoint((run, evaluation.reference))
            names = paired_names(evaluation.cutoffs, from_lists=from_lists)
            compared += [
                (run, metric, compare_values(values[:, index], reference[:, index], evaluation, stochastic=stochastic))
                for index, metric in enumerate(metrics)
                if metric in names
            ]
    others = dict(zip(metrics, np.stack(seed_means, axis=1), strict=True))
    rows = [
        {**scope, "run": run, "metric": metric} | contrast_row(one, evaluation, others[metric])
        for run, metric, one in compared
    ]
    pairs, places = [], []
    for index, metric in enumerate(config.evaluation.paired_metrics):
        found = contrast_pairs(runs, np.stack([values[:, index] for values in by_run]), evaluation)
        for tables, table in zip((pairs, places), found, strict=True):
            tables.append(table.assign(**scope, metric=metric))
    return _add_verdicts(rows, evaluation), pd.concat(pairs), pd.concat(places)


def _add_verdicts(rows: list[dict[str, Any]], evaluation: EvaluationConfig) -> pd.DataFrame:
    """Add what depends on how many runs are compared: adjusted p-values, and the word that follows from them."""
    added = ("reference", "p_holm", "p_equivalent_holm", "verdict")
    frame = pd.DataFrame(rows, columns=[name for name in COMPARISON.names if name not in added])
    frame["reference"] = evaluation.reference
    by_metric = frame.groupby("metric")
    for p in ("p", "p_equivalent"):
        # What has no margin is a member of the family that shows nothing.
        adjusted = by_metric[p].transform(lambda values: holm(values.fillna(1))) if len(frame) else frame[p]
        frame[f"{p}_holm"] = adjusted.where(frame[p].notna())
    frame["verdict"] = [
        verdict(row["difference"], row["p_holm"], row["p_equivalent_holm"], evaluation.alpha)
        for _, row in frame.iterrows()
    ]
    return frame
