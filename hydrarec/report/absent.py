"""Runs that are missing from a comparison that is not complete: what became of them, and what they said last."""

from dataclasses import dataclass

import pandas as pd

from hydrarec.report.cells import Cell, Column, Row, Table
from hydrarec.report.inputs import Inputs
from hydrarec.report.numbers import NOTHING
from hydrarec.report.style import RunStyle


@dataclass(frozen=True)
class Absent:
    """What the page says of runs that are not finished."""

    sentence: str
    """How much of the comparison is there; for the first screen."""
    table: Table


def absent(inputs: Inputs, looks: dict[str, RunStyle]) -> Absent | None:
    """List the runs that are not finished, failed ones first; None if all are."""
    runs = inputs.runs
    left = runs[runs["status"] != "finished"]
    if left.empty:
        return None
    counts = left["status"].value_counts()
    told = ", ".join(f"{counts[status]} {status}" for status in ("failed", "running", "missing") if status in counts)
    sentence = (
        f"Incomplete: of {len(runs)} runs, counted with their seeds, {len(runs) - len(left)} are finished; {told}. "
        "A run is shown and compared only where it is finished with all its seeds."
    )
    order = left["status"].map({"failed": 0, "running": 1, "missing": 2}).sort_values(kind="stable").index
    rows = [_row(row, looks) for _, row in left.loc[order].iterrows()]
    titles = ("Run", "Where", "Seed", "Status", "Epochs", "Last lines of its log")
    columns = [Column(title, numeric=title in ("Seed", "Epochs")) for title in titles]
    return Absent(sentence, Table("absent-runs", "Runs that are missing", columns, [rows], "tables/runs.csv"))


def _row(row: pd.Series, looks: dict[str, RunStyle]) -> Row:
    epochs = row["epochs"]
    return Row(
        [
            Cell(looks[row["run"]].label, run=looks[row["run"]]),
            Cell(f"{row['dataset']}, {row['protocol']}"),
            Cell(str(row["seed"]), float(row["seed"])),
            Cell(row["status"]),
            Cell(NOTHING, -1.0) if pd.isna(epochs) else Cell(f"{epochs:.0f}", float(epochs)),
            Cell(row["said"] or NOTHING),
        ],
        "control",
    )
