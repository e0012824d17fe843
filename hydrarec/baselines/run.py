"""Compute a baseline of this package: read, fit, rank the test targets, and write what every run leaves behind."""

import importlib
import pkgutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import hydrarec.baselines
from hydrarec.baselines import BaselineInputs
from hydrarec.config.protocol import LIST_LENGTH
from hydrarec.contention import load_average
from hydrarec.costs import Inference, Timing, write_inference, write_timing
from hydrarec.devices import prepare_process
from hydrarec.files import atomic_folder, names_in
from hydrarec.layout import ALL_FILES
from hydrarec.provenance import data_hashes, peak_memory_mib, write_manifest
from hydrarec.ranking.full import BATCH_SIZE, rank
from hydrarec.ranking.outputs import write_ranking
from hydrarec.ranking.sampled import read_sampled_candidates
from hydrarec.sequences.log import read_cases, read_catalogue, read_train
from hydrarec.sources import code_state
from hydrarec.stopwatch import Stopwatch


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
    candidates: Sequence[Path] = (),
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
        `manifest.json`, and with drawn candidates `sampled.parquet`.
    candidates
        Files of drawn candidates to rank among as well.

    Raises
    ------
    ValueError
        If there is no such baseline, or its options are wrong.
    """
    if name not in baseline_names():
        raise ValueError(f"no baseline {name!r} in hydrarec/baselines; allowed: {', '.join(baseline_names())}")
    # Asked now: checkout and data may be others when the results are written.
    code_state()
    seen = data_hashes(data / protocol)
    prepare_process(threads, torch.device("cpu"))
    setup, fit, test = (Stopwatch(torch.device("cpu")) for _ in range(3))
    split = data / protocol
    with setup.running():
        module = importlib.import_module(f"hydrarec.baselines.{name}")
        inputs = BaselineInputs(
            data=data,
            split=split,
            train=read_train(split),
            cases=read_cases(split, "test"),
            catalogue=read_catalogue(data, split),
            seed=seed,
        )
        sampled_candidates = read_sampled_candidates(candidates, inputs.cases, inputs.catalogue)
    with fit.running(), torch.inference_mode():
        score = module.scorer(inputs, options)
    timing = Timing(
        threads=threads,
        setup_s=setup.seconds,
        train_s=fit.seconds,
        train_cpu_s=fit.cpu_s,
        load=load_average(),
        peak_memory_mib=peak_memory_mib(),
    )
    with test.running():
        ranking = rank(
            score,
            inputs.cases,
            inputs.catalogue,
            batch_size=BATCH_SIZE,
            top_k=LIST_LENGTH,
            sampled_candidates=sampled_candidates,
            what=name,
        )
    cost = Inference(
        device="cpu",
        test_s=test.seconds,
        n_cases=len(inputs.cases),
        peak_memory_mib=peak_memory_mib(),
        threads=threads,
        test_cpu_s=test.cpu_s,
        load=load_average(),
        candidates={one.kind: one.content_hash for one in sampled_candidates},
    )
    with atomic_folder(output, last="manifest.json", replaces=ALL_FILES) as new:
        write_ranking(new, ranking)
        write_timing(new, timing)
        write_inference(new, cost)
        write_manifest(
            new / "manifest.json",
            run={"id": run, "baseline": name, "options": options},
            settings=None,
            dataset=data.name,
            protocol=protocol,
            seed=seed,
            data=seen,
            threads=threads,
            device="cpu",
            files=names_in(new),
        )
