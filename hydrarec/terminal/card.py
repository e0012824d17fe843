"""`hydrarec show`: what a run is, what came out, what it took, what made it, and where its files lie."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hydrarec.comparison.cases import read_evaluation_cases
from hydrarec.comparison.contrasts import compared_runs
from hydrarec.comparison.measures import metric_names
from hydrarec.comparison.runs import require_complete
from hydrarec.comparison.seeds import means_by_seed
from hydrarec.comparison.two import restrict
from hydrarec.comparison.values import values_by_user
from hydrarec.config import BenchmarkConfig
from hydrarec.contention import busy_share
from hydrarec.files import read_object
from hydrarec.formatting import count, duration, energy, metric_title, score, score_interval, several, size
from hydrarec.layout import absent_files
from hydrarec.outdated import why_outdated
from hydrarec.run_seeds import RunSeed, planned_run_seeds
from hydrarec.significance.crossed import crossed_mean
from hydrarec.significance.seed_spread import seed_spread
from hydrarec.sources import code_name
from hydrarec.terminal.settings import changed_settings, parts_of
from hydrarec.terminal.text import WIDTH, align, to_ascii, wrap


def card(config: BenchmarkConfig, results: Path, run_id: str) -> str:
    """Write the card of a run for the terminal; scopes where it is not finished say what is absent.

    Parameters
    ----------
    config
        The comparison that has the run.
    results
        Folder of everything computed.
    run_id
        Run id.

    Raises
    ------
    ValueError
        If the configuration has no such run, or a file does not hold what it must.
    """
    # Refuses an unknown run before anything is read.
    restrict(config, [run_id], config.datasets[0].id, config.protocols[0])
    run = config.run(run_id)
    title = f"{run.label} ({run_id})" if run.label and run.label != run_id else run_id
    settings = changed_settings(config, run_id)
    lines = [title, f"  {parts_of(run)}", f"  seeds {', '.join(map(str, config.seeds_of(run_id)))}"]
    if settings:
        lines += [
            "",
            "Loss, and settings that are not the defaults",
            *align([list(one) for one in settings.items()], left=2),
        ]
    for dataset in config.datasets:
        for protocol in config.protocols:
            lines += ["", *wrap(f"{dataset.title} ({dataset.id}), {protocol}")]
            others = means_by_seed(config, results, dataset.id, protocol)
            lines += _scope_lines(restrict(config, [run_id], dataset.id, protocol), results, run_id, others)
    return "\n".join(to_ascii(line) for line in lines)


def _scope_lines(
    config: BenchmarkConfig, results: Path, run: str, others: Mapping[str, NDArray[np.float64]]
) -> Iterator[str]:
    """Describe a run in the only scope of a configuration."""
    seeds = planned_run_seeds(config, results)
    absent = {one.seed: absent_files(one.folder) for one in seeds}
    done = [one for one in seeds if not absent[one.seed]]
    other = [why for one in done if (why := why_outdated(config, one))]
    if len(done) == len(seeds) and not other:
        yield from _metrics(config, results, run, others)
    else:
        for one in seeds:
            if absent[one.seed]:
                yield f"  seed {one.seed} is not finished: {', '.join(absent[one.seed])} absent"
    if done:
        yield ""
        yield from _seed_columns([[f"seed {one.seed}", *_times(one)] for one in done])
        for one in done:
            yield ""
            yield f"  seed {one.seed}: {one.folder}"
            yield from (f"    {line}" for line in _origin(one))
    for why in other:
        yield f"  {why}"


def _seed_columns(columns: list[list[str]]) -> Iterator[str]:
    """Write what every seed took beside what the others took, as many as fit; what none has is left out."""
    names = ["", *_TIMES]
    kept = [index for index in range(len(names)) if any(column[index] != "-" for column in columns)]
    room = WIDTH - 2 - max(len(names[index]) for index in kept)
    widths = [max(len(column[index]) for index in kept) + 2 for column in columns]
    first = 0
    while first < len(columns):
        last = first + 1
        while last < len(columns) and sum(widths[first : last + 1]) <= room:
            last += 1
        if first:
            yield ""
        yield from align([[names[index], *(column[index] for column in columns[first:last])] for index in kept])
        first = last


def _metrics(
    config: BenchmarkConfig, results: Path, run: str, others: Mapping[str, NDArray[np.float64]]
) -> Iterator[str]:
    [finished] = require_complete(config, results)
    cases = read_evaluation_cases(finished)
    # As in the leaderboard: a single result that stands for every seed is one result.
    values = values_by_user(finished, cases, run)[:, :, : len(config.seeds_of(run))]
    alpha = config.evaluation.alpha
    rows = []
    for index, metric in enumerate(metric_names(config.evaluation.cutoffs)):
        estimate = crossed_mean(values[:, index], alpha)
        if metric in others and run in compared_runs(config):
            estimate = estimate.with_seeds_at_least(seed_spread(others[metric]), 1, alpha)
        interval = score_interval(estimate.low, estimate.high)
        rows.append([metric_title(metric), score(estimate.mean), interval])
    yield from align([["metric", "mean", f"{100 * (1 - alpha):g} %"], *rows])
    yield f"  over {count(len(values))} users and {several(values.shape[2], 'seed')}"


_TIMES = (
    "epochs",
    "best epoch",
    "ended by",
    "training",
    "to best epoch",
    "an epoch",
    "ms per target",
    "memory",
    "GPU memory",
    "processor",
    "busy",
    "load",
    "energy",
    "device",
)


def _times(one: RunSeed) -> list[str]:
    timing, inference = one.json("timing.json"), one.json("inference.json")
    try:
        trained = timing["epochs"] > 0
        gpu = timing["peak_gpu_mib"]
        # What a run took beside others on one GPU is no time of its own.
        shared = timing.get("runs_per_gpu", 1) > 1
        seconds = [
            "shared GPU" if shared else duration(timing[name]) for name in ("train_s", "train_to_best_s", "epoch_s")
        ]
        if not trained:
            seconds[1:] = ["-", "-"]
        cpu_s, load, joules = (timing.get(name) for name in ("train_cpu_s", "load", "train_j"))
        share = busy_share(timing["train_s"], cpu_s, timing.get("threads")) if timing["device"] == "cpu" else None
        recorded = [
            "-" if cpu_s is None else duration(cpu_s),
            "-" if share is None else f"{100 * share:.0f} %",
            "-" if load is None else f"{load:.1f}",
        ]
        return [
            str(timing["epochs"]) if trained else "-",
            str(timing["best_epoch"]) if trained else "-",
            ("patience" if timing["converged"] else "last epoch") if trained else "-",
            *seconds,
            f"{inference['infer_ms_per_user']:.2f}",
            size(timing["peak_memory_mib"]),
            "-" if gpu is None else size(gpu),
            *recorded,
            "-" if joules is None else energy(joules),
            timing["device"],
        ]
    except KeyError as error:
        raise ValueError(f"{one.folder}: timing.json or inference.json lacks {error}") from error


def _origin(one: RunSeed) -> list[str]:
    path = one.folder / "manifest.json"
    manifest = read_object(path)
    try:
        machine = manifest["gpu"] or manifest["cpu"]
        return [
            code_name(manifest),
            f"on {manifest['host']} ({machine}) at {manifest['created']}",
            f"test targets {manifest['data']['test.parquet'][:12]}",
        ]
    except KeyError as error:
        raise ValueError(f"{path}: lacks {error}") from error
