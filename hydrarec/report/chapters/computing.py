"""What the whole comparison took, by data set and in all: hours of devices and processors, and energy."""

import pandas as pd

from hydrarec.config.titles import short_names
from hydrarec.formatting import NOTHING, count, duration, energy
from hydrarec.report.blocks import Text
from hydrarec.report.cells import Cell, Column, Row, Table
from hydrarec.report.inputs import Inputs

_WALL = ["setup_s", "train_s", "validation_s"]
_PROCESSOR = ["train_cpu_s", "validation_cpu_s"]
_ENERGY = ["train_j", "validation_j", "test_j"]


def computing(inputs: Inputs) -> Table:
    """Sum up what the jobs of all runs took, by data set and device, and in all by device."""
    short = short_names(inputs.config)
    parts = [
        (short[dataset.id], str(device), rows)
        for dataset in inputs.config.datasets
        for device, rows in inputs.times[inputs.times["dataset"] == dataset.id].groupby("device", sort=True)
    ]
    every = [("All", str(device), rows) for device, rows in inputs.times.groupby("device", sort=True)]
    return Table(
        "computing",
        "Computing time and energy of all runs; set-up, training and validation, without queues",
        [
            Column("Data set", numeric=False),
            Column("Device", numeric=False),
            Column("Hosts"),
            Column("Jobs"),
            Column("Total", hint="seconds by the clock, sum over the jobs that had the device to themselves"),
            Column("GPU hours", hint="the same, of the jobs on a GPU"),
            Column("Processor hours", hint="training and validation, all threads together, where recorded"),
            Column("Energy", hint="of the GPU: training, validation and ranking the test targets, where counted"),
            Column("Longest job"),
            Column("Not timed", hint="jobs that shared a GPU"),
        ],
        [[_row(*part) for part in parts], [_row(*part) for part in every]],
        sortable=False,
    )


def missing_note(inputs: Inputs) -> Text:
    """Say what the sums lack."""
    times = inputs.times
    on_gpu = times[times["device"] != "cpu"]
    told = []
    if unrecorded := int(times[_PROCESSOR[0]].isna().sum()):
        told.append(f"Processor seconds are missing of {unrecorded} of {len(times)} jobs.")
    if on_gpu.empty:
        told.append("Energy is not measured: no job ran on a GPU, and it is read from the counters of GPUs alone.")
    else:
        uncounted = int(on_gpu[_ENERGY].isna().any(axis=1).sum())
        told.append(
            f"Energy is missing of {uncounted} of {len(on_gpu)} jobs on a GPU, in part or in all."
            if uncounted
            else "Energy is that of all jobs on a GPU."
        )
        told.append("It is the GPU's alone; what processors, memory and cooling take is not measured.")
    return Text(" ".join(told), "key")


def _row(name: str, device: str, times: pd.DataFrame) -> Row:
    timed = times["train_s"].notna()
    spent = times.loc[timed, _WALL].sum(axis=1)
    shared = int((~timed).sum())
    total, longest = (float(spent.sum()), float(spent.max())) if len(spent) else (float("nan"), float("nan"))
    processor, joules = _known_sum(times, _PROCESSOR), _known_sum(times, _ENERGY)
    gpu = total if device != "cpu" else float("nan")
    return Row(
        [
            Cell(name),
            Cell(device),
            Cell(count(times["host"].nunique()), float(times["host"].nunique())),
            Cell(count(len(times)), float(len(times))),
            Cell(duration(total), total),
            _hours(gpu),
            _hours(processor),
            Cell(energy(joules), joules),
            Cell(duration(longest), longest),
            Cell(str(shared) if shared else NOTHING, float(shared)),
        ]
    )


def _known_sum(times: pd.DataFrame, columns: list[str]) -> float:
    """Return the sum of what is known; NaN if nothing is."""
    values = times[columns].astype(float)
    return float(values.sum().sum()) if values.notna().any(axis=None) else float("nan")


def _hours(seconds: float) -> Cell:
    hours = seconds / 3600
    return Cell(NOTHING if hours != hours else f"{hours:.2f}", hours)
