"""Measure every run: `metrics.parquet`, `leaderboard.parquet` and `times.parquet`."""

from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hydrarec.columns import LEADERBOARD, METRICS, TIMES, may_be_absent
from hydrarec.comparison.cases import EvaluationCases, Group, read_evaluation_cases, read_ranks
from hydrarec.comparison.compatibility import refuse_edited_ranks
from hydrarec.comparison.contrasts import compared_runs
from hydrarec.comparison.gates import check_gates
from hydrarec.comparison.measures import case_values, metric_names
from hydrarec.comparison.run_status import write_runs
from hydrarec.comparison.runs import Finished, require_complete
from hydrarec.config import BenchmarkConfig
from hydrarec.config.compared import compared_settings
from hydrarec.contention import busy_share, contention
from hydrarec.costs import Timing
from hydrarec.files import atomic_folder, write_json
from hydrarec.layout import COLLECTED
from hydrarec.progress import bar
from hydrarec.run_seeds import RunSeed
from hydrarec.significance.crossed import CrossedMean, crossed_mean
from hydrarec.significance.seed_spread import seed_spread
from hydrarec.tables import write_table

Rows = list[dict[str, Any]]

_FROM_TIMING = [field for field in TIMES if field.name in Timing.model_fields]
"""Columns of `TIMES` that a run's `timing.json` has under the same names."""
_OWN = [field.name for field in _FROM_TIMING if field.name.endswith(("_s", "_j"))]
"""What a run took beside others on a GPU is no time of its own."""


class _Leader(NamedTuple):
    """What a row of the leaderboard is made of."""

    key: dict[str, str]
    estimate: CrossedMean
    by_seed: NDArray[np.float64]
    """Mean over users with each seed."""

    @property
    def measured(self) -> tuple[str, ...]:
        """What is measured, of whichever run."""
        return tuple(self.key[name] for name in ("dataset", "protocol", "group", "metric"))


def collect(config: BenchmarkConfig, results: Path, output: Path, *, partial: bool = False) -> None:
    """Measure every run of a comparison.

    Writes `metrics.parquet` (each run and seed), `leaderboard.parquet` (means over seeds with their users x seeds
    intervals; groups of a single user have none and are left out there), `times.parquet`, `runs.parquet` (what became
    of every run), `gates.json` (what must hold before they are believed) and, in `collected.json`, the settings they
    were made with.

    Parameters
    ----------
    config
        The comparison.
    results
        Folder of everything computed (`hydrarec.layout`).
    output
        Folder of the tables.
    partial
        Whether to measure what is there where not everything is: the runs that are finished with all their seeds.

    Raises
    ------
    FileNotFoundError
        If files are absent; all are named.
    ValueError
        If runs are about different cases, candidates or data, there is one test user, or a file does not hold what it
        must.
    """
    scopes = require_complete(config, results, partial=partial)
    everything = [one for finished in scopes for one in finished.everything]
    # Here and in no later step: each of them reads the same files, and this one is what they all wait for.
    refuse_edited_ranks(everything)
    metrics: Rows = []
    leaders: list[_Leader] = []
    for finished in scopes:
        if not finished.runs:
            continue
        dataset, protocol, cases = finished.dataset, finished.protocol, read_evaluation_cases(finished)
        if all(group.n_users < 2 for group in cases.groups):
            raise ValueError(f"{dataset}, {protocol}: there is one test user, and intervals need two or more")
        for run in bar(finished.runs, what=f"measuring on {dataset}/{protocol}", unit="run"):
            of_run, of_seeds = _measure(finished, cases, run)
            metrics += of_run
            leaders += of_seeds
    times = pd.DataFrame([_time(one) for one in everything])
    with atomic_folder(output, last=COLLECTED) as new:
        write_table(pd.DataFrame(metrics), new / "metrics.parquet", METRICS)
        write_table(pd.DataFrame(_intervals(config, leaders)), new / "leaderboard.parquet", LEADERBOARD)
        write_table(times, new / "times.parquet", TIMES)
        write_runs(config, results, new)
        check_gates(config, scopes, new)
        write_json(new / COLLECTED, compared_settings(config))


def _measure(finished: Finished, cases: EvaluationCases, run: str) -> tuple[Rows, list[_Leader]]:
    """Return a run's rows of the metrics table, seed by seed, and what rows of the leaderboard are made of."""
    key = {"dataset": finished.dataset, "protocol": finished.protocol, "run": run}
    alpha, cutoffs = finished.config.evaluation.alpha, finished.config.evaluation.cutoffs
    names = metric_names(cutoffs)
    rows: Rows = []
    values: dict[str, list[np.ndarray]] = {group.name: [] for group in cases.groups}
    for one in finished.seeds_of(run):
        ranks = read_ranks(one.folder / "ranks.parquet", cases)
        expected = case_values(ranks, cutoffs)
        extremes = [case_values(ranks, cutoffs, ties).T for ties in ("optimistic", "pessimistic")]
        for group in cases.groups:
            by_user = group.user_means(expected)
            values[group.name].append(by_user)
            high, low = (_mean_of_users(group, extreme) for extreme in extremes)
            rows += [
                {
                    **key,
                    "seed": one.seed,
                    "group": group.name,
                    "metric": name,
                    "value": value,
                    "optimistic": optimistic,
                    "pessimistic": pessimistic,
                    "n_users": group.n_users,
                }
                for name, value, optimistic, pessimistic in zip(names, by_user.mean(axis=0), high, low, strict=True)
            ]
    return rows, [
        _Leader(
            key | {"group": group.name, "metric": name},
            crossed_mean(by_user, alpha),
            by_user.mean(axis=0),
        )
        for group in cases.groups
        if group.n_users > 1
        for name, by_user in zip(names, np.stack(values[group.name], axis=2).swapaxes(0, 1), strict=True)
    ]


def _intervals(config: BenchmarkConfig, leaders: list[_Leader]) -> Rows:
    """Return rows of the leaderboard; in its intervals seeds change a competing run no less than all such together."""
    alpha, competing = config.evaluation.alpha, set(compared_runs(config))
    by_seed: dict[tuple[str, ...], list[NDArray[np.float64]]] = defaultdict(list)
    for one in leaders:
        if one.key["run"] in competing and one.estimate.n_seeds > 1:
            by_seed[one.measured].append(one.by_seed)
    spreads = {measured: seed_spread(np.stack(means)) for measured, means in by_seed.items()}
    rows: Rows = []
    for one in leaders:
        # Random draws of a control are of another kind.
        spread = spreads.get(one.measured) if one.key["run"] in competing else None
        estimate = one.estimate.with_seeds_at_least(spread, 1, alpha)
        rows.append(
            {
                **one.key,
                "mean": estimate.mean,
                "low": estimate.low,
                "high": estimate.high,
                "standard_error": estimate.standard_error,
                "n_users": estimate.n_users,
                "n_seeds": estimate.n_seeds,
                "deterministic": config.is_deterministic(one.key["run"]),
                "seed_deviation": float(one.by_seed.std(ddof=1)) if len(one.by_seed) > 1 else None,
            }
        )
    return rows


def _mean_of_users(group: Group, values: np.ndarray) -> np.ndarray:
    return group.user_means(values.T).mean(axis=0)


def _time(one: RunSeed) -> dict[str, Any]:
    """Return a run's row of the table of times."""
    timing, inference, manifest = (one.json(f"{name}.json") for name in ("timing", "inference", "manifest"))
    # Older results, of when runs could not share a GPU, do not say so.
    timing.setdefault("runs_per_gpu", 1)
    try:
        row = {
            "dataset": one.dataset,
            "protocol": one.protocol,
            "run": one.run,
            "seed": one.seed,
            "host": manifest["host"],
            "infer_ms_per_user": inference["infer_ms_per_user"],
            **{field.name: timing[field.name] for field in _FROM_TIMING if not may_be_absent(field)},
            **{field.name: timing.get(field.name) for field in _FROM_TIMING if may_be_absent(field)},
            "cpu_cores": manifest.get("cpu_cores"),
        }
        row |= _contention_columns(row, inference)
    except KeyError as error:
        raise ValueError(f"{one.folder}: timing.json, inference.json or manifest.json lacks {error}") from error
    return row | (dict.fromkeys(_OWN) if row["runs_per_gpu"] > 1 else {})


def _contention_columns(row: dict[str, Any], inference: dict[str, Any]) -> dict[str, Any]:
    """Return the columns that say whether training and ranking had the machine to themselves."""
    threads, test_s, test_cpu_s = inference.get("threads"), inference["test_s"], inference.get("test_cpu_s")
    machine = {"device": row["device"], "cores": row["cpu_cores"]}
    spent = {"threads": row["threads"], "wall_s": row["train_s"], "cpu_s": row["train_cpu_s"]}
    ranking = {"threads": threads, "wall_s": test_s, "cpu_s": test_cpu_s}
    return {
        "busy_share": busy_share(spent["wall_s"], spent["cpu_s"], spent["threads"]) if row["device"] == "cpu" else None,
        "contention": contention(**machine, **spent, load=row["load"]),
        "infer_threads": threads,
        "infer_cpu_ms_per_user": None if test_cpu_s is None else 1000 * test_cpu_s / inference["n_cases"],
        "infer_contention": contention(**machine, **ranking, load=inference.get("load")),
        "test_j": inference.get("test_j"),
    }
