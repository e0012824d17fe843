"""Compute a baseline of this package: read, fit, rank the test targets, and write what every run leaves behind."""

import importlib
import pkgutil
import time
from pathlib import Path
from typing import Any

import torch

import hydrarec.baselines
from hydrarec.baselines import BaselineInputs
from hydrarec.columns import RANKS, RECOMMENDATIONS, write_table
from hydrarec.costs import Timing, write_inference, write_timing
from hydrarec.devices import prepare_process
from hydrarec.provenance import peak_memory_mib, write_manifest
from hydrarec.ranking.full import BATCH_SIZE, rank
from hydrarec.ranking.lists import LIST_LENGTH
from hydrarec.sequences.log import read_cases, read_catalogue, read_train


def baseline_names() -> list[str]:
    """Return the names of the package's baselines: the files of this folder but for this one."""
    return sorted(module.name for module in pkgutil.iter_modules(hydrarec.baselines.__path__) if module.name != "run")


def run_baseline(
    name: str,
    *,
    data: Path,
    protocol: str,
    run: str,
    seed: int,
    options: dict[str, Any],
    threads: int,
    output: Path,
) -> None:
    """Fit a baseline and rank the test targets with it.

    Parameters
    ----------
    name
        Its file in `hydrarec/baselines`.
    data
        Dataset folder, with a folder per protocol.
    protocol
        Which split.
    run
        Id of the run.
    seed
        Seed of the run; only `random` and `bpr_mf` depend on it.
    options
        As in the configuration.
    threads
        CPU threads.
    output
        Run folder; gets `ranks.parquet`, `recommendations.parquet`, `timing.json`, `inference.json` and
        `manifest.json`.

    Raises
    ------
    ValueError
        If there is no such baseline, or its options are wrong.
    """
    if name not in baseline_names():
        raise ValueError(f"no baseline {name!r} in hydrarec/baselines; allowed: {', '.join(baseline_names())}")
    prepare_process(threads)
    clock = time.perf_counter()
    module = importlib.import_module(f"hydrarec.baselines.{name}")
    split = data / protocol
    inputs = BaselineInputs(
        data=data,
        split=split,
        train=read_train(split),
        cases=read_cases(split, "test"),
        catalogue=read_catalogue(data, split),
        seed=seed,
    )
    setup_s, clock = _lap(clock)
    with torch.inference_mode():
        score = module.scorer(inputs, options)
    fit_s, clock = _lap(clock)
    timing = Timing(threads=threads, setup_s=setup_s, train_s=fit_s, peak_memory_mib=peak_memory_mib())
    ranking = rank(score, inputs.cases, inputs.catalogue, batch_size=BATCH_SIZE, top_k=LIST_LENGTH, what=name)
    test_s, _ = _lap(clock)
    write_table(ranking.ranks, output / "ranks.parquet", RANKS)
    write_table(ranking.recommendations, output / "recommendations.parquet", RECOMMENDATIONS)
    write_timing(output, timing)
    write_inference(output, device="cpu", test_s=test_s, n_cases=len(inputs.cases), peak_memory_mib=peak_memory_mib())
    write_manifest(
        output / "manifest.json",
        run={"id": run, "baseline": name, "options": options},
        settings=None,
        dataset=data.name,
        protocol=protocol,
        seed=seed,
        split=split,
        threads=threads,
        device="cpu",
        files=("ranks.parquet", "recommendations.parquet", "timing.json", "inference.json"),
    )


def _lap(since: float) -> tuple[float, float]:
    """Return the seconds since a reading of the clock, and the new reading."""
    now = time.perf_counter()
    return now - since, now
