"""The table of every run's difference from the reference."""

import pandas as pd

from hydrarec.formatting import (
    NOTHING,
    metric_title,
    p_value,
    percent,
    percent_interval,
    signed,
    signed_interval,
    sortable,
)
from hydrarec.report import sentences
from hydrarec.report.cells import Cell, Column, Row, Table, drop_empty_columns, run_cell
from hydrarec.report.inputs import Inputs, Scope


def difference_table(inputs: Inputs, scope: Scope) -> Table:
    """List every compared run's difference from the reference."""
    first, second = inputs.contrasts(scope, inputs.primary), inputs.contrasts(scope, inputs.secondary)
    first = first.sort_values("difference", ascending=False, kind="stable")
    rows = []
    for run, found in first.iterrows():
        other = second.loc[run]
        rows.append(
            Row(
                [
                    run_cell(inputs.styles[str(run)]),
                    Cell(found["verdict"]),
                    Cell(signed(found["difference"]), found["difference"]),
                    Cell(signed_interval(found["low"], found["high"]), found["low"]),
                    Cell(percent(found["percent"]), sortable(found["percent"])),
                    Cell(percent_interval(found["percent_low"], found["percent_high"]), sortable(found["percent_low"])),
                    Cell(p_value(found["p"]), found["p"]),
                    Cell(p_value(found["p_holm"]), found["p_holm"]),
                    Cell(percent(other["percent"]), sortable(other["percent"])),
                    Cell(p_value(other["p_holm"]), other["p_holm"]),
                    _seed_share(found),
                ],
                inputs.styles[str(run)].kind,
            )
        )
    names = metric_title(inputs.primary), metric_title(inputs.secondary)
    interval = f"{inputs.coverage} interval"
    table = Table(
        f"contrasts-{scope.anchor}",
        f"{scope.name}: difference from {inputs.reference.label}",
        [
            Column("Run", numeric=False),
            Column(
                "Verdict",
                numeric=False,
                hint=f"on {names[0]}, from p-values adjusted over the runs against the reference",
            ),
            Column(f"Δ {names[0]}"),
            Column(f"{inputs.coverage} interval of Δ", hint="what p belongs to: without 0 where p is small enough"),
            Column("Δ %"),
            Column(
                interval,
                hint=f"of the relative difference in {names[0]}, by logarithms, {sentences.HALF_A_USER}",
                page_only=True,
            ),
            Column(
                "p",
                page_only=True,
                hint="of the difference \u0394 and its interval; the relative difference is estimated by itself, and "
                "with few seeds its interval may say otherwise",
            ),
            Column("Holm p", hint="adjusted over the runs against the reference, which are a family of tests"),
            Column(f"Δ % {names[1]}", hint="its interval is in the figure and in the CSV file"),
            Column("Holm p", hint=f"of the difference in {names[1]}, adjusted likewise"),
            Column(
                "Seeds' share",
                page_only=True,
                hint="of this pair's own squared standard error; the rest is the users'. Intervals and p take at least "
                "the seeds' part that all runs have on average",
            ),
        ],
        [rows],
        scope.of(inputs.comparison),
    )
    return drop_empty_columns(table)


def _seed_share(row: pd.Series) -> Cell:
    seeds, total = row["variance_seeds"], row["standard_error"] ** 2
    if pd.isna(seeds) or total == 0:
        return Cell(NOTHING, -1.0)
    return Cell(f"{100 * seeds / total:.0f}\u202f%", seeds / total)
