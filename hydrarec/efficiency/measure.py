"""Measure all pieces of a part: memory of each in a process of its own, then the time of all in interleaved rounds."""

import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pandas as pd
import psutil
import torch

from hydrarec.columns import EFFICIENCY_TIMES, EFFICIENCY_WORK
from hydrarec.config import BenchmarkConfig
from hydrarec.config.efficiency import EfficiencyConfig, Part
from hydrarec.config.measured import measured_settings
from hydrarec.config.training import Device
from hydrarec.devices import device_name, prepare_process, select_device
from hydrarec.efficiency.blocks import block_pieces
from hydrarec.efficiency.inference import inference_pieces
from hydrarec.efficiency.machine import gpu_state, measure_rates
from hydrarec.efficiency.memory import Limits, Probe, probe
from hydrarec.efficiency.operators import operator_pieces
from hydrarec.efficiency.pieces import Piece
from hydrarec.efficiency.rounds import Subject, interleaved
from hydrarec.efficiency.steps import step_pieces
from hydrarec.files import write_json
from hydrarec.progress import bar
from hydrarec.provenance import describe_machine, file_hashes, now
from hydrarec.sources import code_state
from hydrarec.tables import write_table

log = logging.getLogger(__name__)

ORDER_SEED = 0
COLUMNS = ("part", "subject", "layout", "form", "work", "axis", "length", "width", "units")
"""Columns that the two tables share and a piece has by itself."""


def measure(config: BenchmarkConfig, part: Part, *, device: Device, results: Path, output: Path) -> None:
    """Measure a part and write `work.parquet`, `times.parquet` and `machine.json`.

    Parameters
    ----------
    config
        The comparison.
    part
        `operators`, `blocks`, `steps` or `inference`.
    device
        `auto`, `cpu` or `cuda`.
    results
        Folder of all results, whose data sets steps and inference are measured on.
    output
        Folder to write into.

    Raises
    ------
    ValueError
        If the configuration asks for no measurements, or for more threads than this process has cores.
    """
    settings = config.efficiency
    if settings is None:
        raise ValueError("efficiency: the configuration asks for no measurements; it needs this key")
    cores = len(psutil.Process().cpu_affinity()) if sys.platform == "linux" else psutil.cpu_count()
    if cores is not None and cores < settings.threads:
        raise ValueError(
            f"efficiency.threads: {settings.threads} are wanted, and this process may use {cores} core(s); on a "
            "cluster, `set-threads` of the profile says how many the rule `efficiency` gets"
        )
    # Asked now: the checkout may be another when the results are written.
    code_state()
    where = select_device(device)
    prepare_process(settings.threads, where)
    pieces = {
        "operators": lambda: operator_pieces(config, where),
        "blocks": lambda: block_pieces(config, where),
        "steps": lambda: step_pieces(config, results),
        "inference": lambda: inference_pieces(config, results),
    }[part]()
    work, times = run(list(pieces), settings, where)
    # At once: a GPU that waits lowers its clock.
    state = gpu_state(where)
    write_table(work, output / "work.parquet", EFFICIENCY_WORK)
    write_table(times, output / "times.parquet", EFFICIENCY_TIMES)
    description = {
        "created": now(),
        **describe_machine(device_name(where)),
        "threads": settings.threads,
        "settings": settings.model_dump(mode="json"),
        "measured": measured_settings(config, part),
        "rates": asdict(measure_rates(where)),
        "gpu_state": state,
        "files": file_hashes(output, ("work.parquet", "times.parquet")),
    }
    write_json(output / "machine.json", description)


def run(pieces: Sequence[Piece], settings: EfficiencyConfig, device: torch.device) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure pieces.

    Returns
    -------
    tuple of pandas.DataFrame
        Rows of `EFFICIENCY_WORK`, one for each piece, and of `EFFICIENCY_TIMES`.
    """
    probes = _probe_all(pieces, settings, device)
    timed = [piece for piece, found in zip(pieces, probes, strict=True) if not found.failure]
    # Names of subjects are only keys here: their indices in the list.
    subjects = [Subject(str(number), piece.build(device), piece.units) for number, piece in enumerate(timed)]
    found = interleaved(
        subjects, rounds=settings.rounds, seed=ORDER_SEED, device=device, warm_up=settings.warm_up, what="rounds"
    )
    known = pd.DataFrame([_row(piece) for piece in timed], columns=list(COLUMNS), index=map(str, range(len(timed))))
    times = (
        known.loc[found["subject"]]
        .reset_index(drop=True)
        .assign(**{name: found[name].to_numpy() for name in ("round", "place", "wall_s", "cpu_s", "load")})
    )
    rows = [_row(piece) | _found(piece, found) for piece, found in zip(pieces, probes, strict=True)]
    # Named, because a comparison without trained runs has no steps.
    return pd.DataFrame(rows, columns=EFFICIENCY_WORK.names), times


def _probe_all(pieces: Sequence[Piece], settings: EfficiencyConfig, device: torch.device) -> list[Probe]:
    limits = Limits(settings.longest_s, settings.memory_mib)
    failed: dict[tuple[str, ...], str] = {}
    probes = []
    # Smaller sizes come first, so that what is beyond the first failure need not be tried.
    for piece in bar(pieces, total=len(pieces), what="memory", unit="piece"):
        if why := piece.why_unfit:
            probes.append(Probe(failure=why))
            continue
        if piece.series not in failed:
            small = piece.small()
            found = probe(
                partial(piece.build, device),
                device=device,
                threads=settings.threads,
                limits=limits,
                warm_up=partial(small.build, device) if small else None,
            )
            if found.failure:
                failed[piece.series] = f"{found.failure} at {piece.size}" if piece.small() else found.failure
                log.info("%s, %s: skipped from %d on: %s", piece.subject, piece.work, piece.size, found.failure)
        else:
            found = Probe(failure=failed[piece.series])
        probes.append(found)
    return probes


def _row(piece: Piece) -> dict[str, str | float]:
    return {name: getattr(piece, name) for name in COLUMNS}


def _found(piece: Piece, found: Probe) -> dict[str, str | float | None]:
    counted = None if piece.why_unfit else piece.count()
    operations = counted and counted.operations
    return {
        "against": piece.against,
        "matmul_flops": operations.matmul if operations else None,
        "other_flops": operations.other if operations else None,
        "mixing_flops": counted.mixing.total if counted and counted.mixing else None,
        "nbytes": counted.nbytes if counted else None,
        "peak_mib": found.peak_mib,
        "skipped": found.failure or None,
    }
