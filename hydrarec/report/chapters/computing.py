"""What the whole comparison took: hours by device, and energy where somebody measured it."""

import pandas as pd

from hydrarec.numbers import NOTHING, count, duration
from hydrarec.report.cells import Cell, Column, Row, Table
from hydrarec.report.inputs import Inputs

_SPENT = ["setup_s", "train_s", "validation_s"]


def computing(inputs: Inputs) -> Table:
    """Sum up what the jobs of all runs took, by device."""
    times = inputs.times.assign(timed=inputs.times["train_s"].notna())
    rows = [_row(str(device), of_device) for device, of_device in times.groupby("device", sort=True)]
    return Table(
        "computing",
        "Computing time of all runs; set-up, training and validation, without ranking and queues",
        [
            Column("Device", numeric=False),
            Column("Hosts"),
            Column("Jobs"),
            Column("Total", hint="sum over the jobs that had the device to themselves"),
            Column("Longest job"),
            Column("Not timed", hint="jobs that shared a GPU"),
        ],
        [rows],
        sortable=False,
    )


def _row(device: str, times: pd.DataFrame) -> Row:
    spent = times.loc[times["timed"], _SPENT].sum(axis=1)
    shared = int((~times["timed"]).sum())
    total, longest = float(spent.sum()), float(spent.max()) if len(spent) else float("nan")
    return Row(
        [
            Cell(device),
            Cell(count(times["host"].nunique()), float(times["host"].nunique())),
            Cell(count(len(times)), float(len(times))),
            Cell(duration(total) if len(spent) else NOTHING, total),
            Cell(duration(longest), longest),
            Cell(str(shared) if shared else NOTHING, float(shared)),
        ]
    )
