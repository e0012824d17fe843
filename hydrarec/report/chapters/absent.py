"""Runs that are missing from a comparison that is not complete: what became of them, and what they said last."""

import pandas as pd

from hydrarec.config.titles import scope_titles
from hydrarec.formatting import NOTHING
from hydrarec.report.blocks import Chapter, Part, Text
from hydrarec.report.cells import Cell, Column, Row, Table, run_cell
from hydrarec.report.inputs import Inputs
from hydrarec.report.style import RunStyle

ORDER = ("failed", "running", "missing")
"""What may have become of a run, the worst first."""
_NAMED = 4
"""Runs that are named on the first screen at most."""
_ABOUT = (
    "Failed: its log says so, or it was begun and nothing works on it any more. Running: begun, and a Snakemake works "
    "here. Missing: not begun, trained and not ranked yet, or computed with other settings."
)


def absent_runs(inputs: Inputs) -> Chapter | None:
    """List the runs that are not finished, failed ones first; None if all are."""
    left = inputs.unfinished
    if left.empty:
        return None
    order = left["status"].map(ORDER.index).sort_values(kind="stable").index
    named = scope_titles(inputs.config)
    rows = [_row(inputs.styles[row["run"]], row, named) for _, row in left.loc[order].iterrows()]
    titles = ("Run", "Where", "Seed", "Status", "Epochs", "Last lines of its log")
    columns = [Column(title, numeric=title in ("Seed", "Epochs")) for title in titles]
    table = Table("absent-runs", "Runs that are missing", columns, [rows], inputs.runs, prose=True)
    return Chapter("absent", "Runs that are missing", [Part([Text(_ABOUT), table])], "Missing")


def completeness_sentence(inputs: Inputs) -> str:
    """Say for the first screen how much of a comparison is there; empty if all is."""
    counts = inputs.unfinished["status"].value_counts()
    if counts.empty:
        return ""
    told = ", ".join(f"{counts[status]} {status}" for status in ORDER if status in counts)
    return (
        f"Incomplete: of {len(inputs.runs)} runs, counted with their seeds, {len(inputs.runs) - counts.sum()} are "
        f"finished; {told}."
    )


def absent_runs_sentence(inputs: Inputs) -> str:
    """Name for the first screen the runs that are not finished, and where; empty if all are."""
    named, left = scope_titles(inputs.config), inputs.unfinished
    found = [
        f"{inputs.styles[str(run)].label} on {', '.join(_scope_statuses(named, of_run))}"
        for run, of_run in left.groupby("run", sort=False)
    ]
    if not found:
        return ""
    more = f"; and {len(found) - _NAMED} more runs" if len(found) > _NAMED else ""
    return (
        f"Not there: {'; '.join(found[:_NAMED])}{more}. A run is shown and compared only where it is finished with "
        "all its seeds."
    )


def _scope_statuses(named: dict[tuple[str, str], str], of_run: pd.DataFrame) -> list[str]:
    told = []
    for (dataset, protocol), rows in of_run.groupby(["dataset", "protocol"], sort=False):
        statuses = " and ".join(status for status in ORDER if status in set(rows["status"]))
        told.append(f"{named[str(dataset), str(protocol)]} ({statuses})")
    return told


def _row(style: RunStyle, row: pd.Series, named: dict[tuple[str, str], str]) -> Row:
    epochs = row["epochs"]
    return Row(
        [
            run_cell(style),
            Cell(named[row["dataset"], row["protocol"]]),
            Cell(str(row["seed"]), float(row["seed"])),
            Cell(row["status"]),
            Cell(NOTHING, -1.0) if pd.isna(epochs) else Cell(f"{epochs:.0f}", float(epochs)),
            Cell(NOTHING if pd.isna(row["said"]) else row["said"]),
        ],
        "control",
    )
