"""What the measurements of a device come to: speed against fused softmax with its bounds, and exponents of growth."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hydrarec.columns import EFFICIENCY_SPEED, EFFICIENCY_TIMES, EFFICIENCY_WORK, SCALING
from hydrarec.config import BenchmarkConfig
from hydrarec.config.efficiency import NO_MIXING
from hydrarec.efficiency.pieces import FIXED
from hydrarec.efficiency.rounds import time_ratio
from hydrarec.efficiency.scaling import LEAST_SIZES, fit
from hydrarec.files import read_json
from hydrarec.tables import read_table, write_table

EQUIVALENCE_ALPHA = 0.1
"""Intervals of exponents cover 90 %: one inside (0.9, 1.1) is two one-sided tests at 5 %."""
SEQUENCE_PARTS = ("operators", "blocks")
"""Parts whose units are sequences of one batch."""
SERIES = ["part", "subject", "layout", "form", "work"]
AMONG = ["part", "layout", "form", "work", "axis", "length", "width"]
"""What pieces have in common that are compared with each other."""


def summarise(config: BenchmarkConfig, folder: Path) -> None:
    """Read what `measure` wrote for a device, and write `speed.parquet` and `scaling.parquet`.

    Parameters
    ----------
    config
        The comparison.
    folder
        Folder of the device, with a folder for each part.

    Raises
    ------
    ValueError
        If the configuration asks for no measurements.
    """
    settings = config.efficiency
    if settings is None:
        raise ValueError("efficiency: the configuration asks for no measurements; it needs this key")
    works, times = [], []
    for part in settings.parts:
        works.append(read_table(folder / part / "work.parquet", EFFICIENCY_WORK))
        on_one_thread = read_json(folder / part / "machine.json")["gpu"] is None and settings.threads == 1
        clock = "cpu_s" if on_one_thread else "wall_s"
        read = read_table(folder / part / "times.parquet", EFFICIENCY_TIMES)
        times.append(read.assign(clock=clock, seconds=read[clock]))
    work, time = pd.concat(works, ignore_index=True), pd.concat(times, ignore_index=True)
    speeds = pd.DataFrame(list(_speeds(work[work["skipped"].isna()], time)), columns=EFFICIENCY_SPEED.names)
    write_table(speeds, folder / "speed.parquet", EFFICIENCY_SPEED)
    scaling = pd.DataFrame(list(_scaling(speeds, time, settings.fit_from)), columns=SCALING.names)
    write_table(scaling, folder / "scaling.parquet", SCALING)


def _speeds(work: pd.DataFrame, time: pd.DataFrame) -> Iterator[dict[str, Any]]:
    by_group = dict(list(time.groupby(AMONG, sort=False)))
    for key, pieces in work.groupby(AMONG, sort=False):
        rounds = by_group[key]
        counted = pieces.assign(flops=pieces["matmul_flops"] + pieces["other_flops"]).set_index("subject")
        for subject, piece in counted.iterrows():
            own = rounds[rounds["subject"] == subject]
            row = {
                **dict(zip(AMONG, key, strict=True)),
                "subject": subject,
                "clock": own["clock"].iloc[0],
                "unit_s": float((own["seconds"] / own["units"]).median()),
                # Memory grows with the sequences of a batch, but not with the steps one after the other.
                "unit_mib": piece["peak_mib"] / (piece["units"] if rounds["part"].iloc[0] in SEQUENCE_PARTS else 1),
                "flops": piece["flops"],
                "n_rounds": len(own),
            }
            if piece["against"] in counted.index:
                row |= _against(rounds, subject, piece["against"], counted.loc[piece["against"]])
            yield row


def _against(rounds: pd.DataFrame, subject: Any, reference: str, counted: pd.Series) -> dict[str, Any]:
    ratio = time_ratio(rounds, reference, subject, clock="seconds")
    row = {"against": reference, "speedup": ratio.value, "low": ratio.low, "high": ratio.high}
    around = counted["flops"] - counted["mixing_flops"]
    if around > 0:
        row["counted_bound"] = counted["flops"] / around
    if (rounds["subject"] == NO_MIXING).any():
        row["measured_bound"] = time_ratio(rounds, reference, NO_MIXING, clock="seconds").value
    return row


def _scaling(speeds: pd.DataFrame, time: pd.DataFrame, fit_from: int) -> Iterator[dict[str, Any]]:
    varied = speeds[(speeds["axis"] == "width") | (speeds["axis"] == "length") & (speeds["length"] >= fit_from)]
    for key, sizes in varied[varied["axis"] != FIXED].groupby([*SERIES, "axis"], sort=False):
        axis = key[-1]
        ordered = sizes.sort_values(axis)
        if len(ordered) < LEAST_SIZES:
            continue
        rounds = time.merge(ordered[[*AMONG, "subject"]]).assign(unit_s=lambda t: t["seconds"] / t["units"])
        seconds = rounds.pivot_table(index="round", columns=axis, values="unit_s").to_numpy()
        n = ordered[axis].to_numpy(dtype=float)
        described = dict(zip([*SERIES, "axis"], key, strict=True)) | {
            "coverage": 1 - EQUIVALENCE_ALPHA,
            "smallest": int(n[0]),
            "largest": int(n[-1]),
            "n_sizes": len(n),
            "n_rounds": len(seconds),
        }
        # A process's peak memory can be nothing but what the code itself took.
        memory = ordered["unit_mib"].to_numpy()[None]
        for measure, costs in (("time", seconds), ("memory", memory)):
            if not (costs > 0).all():
                continue
            found = fit(n, costs, alpha=EQUIVALENCE_ALPHA)
            bounds = {"low": found.low, "high": found.high} if len(costs) > 1 else {"low": np.nan, "high": np.nan}
            yield (
                described
                | bounds
                | {
                    "measure": measure,
                    "exponent": found.exponent,
                    "offset": found.offset,
                    "factor": found.factor,
                    "last_slope": found.last_slope,
                }
            )
