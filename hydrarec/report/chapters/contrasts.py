"""Every run against the reference, paired by user and seed."""

import pandas as pd

from hydrarec.report import sentences
from hydrarec.report.blocks import Block, Chapter
from hydrarec.report.cells import Cell, Column, Row, Table
from hydrarec.report.chapters.scopes import by_scope
from hydrarec.report.figures.forest import forest
from hydrarec.report.figures.panels import Figure
from hydrarec.report.inputs import Inputs, Scope
from hydrarec.report.numbers import NOTHING, metric_title, p_value, percent, percent_interval, signed
from hydrarec.report.style import RunStyle


def contrasts(inputs: Inputs, looks: dict[str, RunStyle]) -> Chapter | None:
    """Show differences from the reference within every scope."""
    return by_scope(inputs, "contrasts", "Contrasts", lambda scope: _blocks(inputs, scope, looks))


def _blocks(inputs: Inputs, scope: Scope, looks: dict[str, RunStyle]) -> list[Block]:
    about, intervals = sentences.figure_basis(inputs, scope), sentences.interval_basis(inputs)
    panels = [forest(inputs, scope, metric, looks) for metric in (inputs.primary, inputs.secondary)]
    caption = (
        f"Relative difference from the reference, per cent on a logarithmic axis. {about} {intervals} They are not "
        "adjusted for the number of runs. Arrows: beyond the axis."
    )
    blocks: list[Block] = [contrast_table(inputs, scope, looks)]
    if shown := [panel for panel in panels if panel is not None]:
        blocks.insert(0, Figure(shown, caption))
    return blocks


def contrast_table(inputs: Inputs, scope: Scope, styles: dict[str, RunStyle]) -> Table:
    """List every compared run's difference from the reference."""
    first, second = inputs.contrasts(scope, inputs.primary), inputs.contrasts(scope, inputs.secondary)
    first = first.sort_values("difference", ascending=False, kind="stable")
    alpha = inputs.config.evaluation.alpha
    rows = []
    for run, found in first.iterrows():
        other = second.loc[run]
        rows.append(
            Row(
                [
                    Cell(styles[str(run)].label, run=styles[str(run)]),
                    Cell(sentences.verdict(found, alpha)),
                    Cell(signed(found["difference"]), found["difference"]),
                    Cell(percent(found["percent"]), _sortable(found["percent"])),
                    Cell(
                        percent_interval(found["percent_low"], found["percent_high"]), _sortable(found["percent_low"])
                    ),
                    Cell(p_value(found["p"]), found["p"]),
                    Cell(p_value(found["p_holm"]), found["p_holm"]),
                    Cell(percent(other["percent"]), _sortable(other["percent"])),
                    Cell(
                        percent_interval(other["percent_low"], other["percent_high"]), _sortable(other["percent_low"])
                    ),
                    Cell(p_value(other["p_holm"]), other["p_holm"]),
                    _seed_share(found),
                ],
                styles[str(run)].kind,
            )
        )
    names = metric_title(inputs.primary), metric_title(inputs.secondary)
    interval = f"{inputs.coverage} interval"
    return Table(
        f"contrasts-{scope.anchor}",
        f"{scope.name}: difference from {styles[inputs.config.evaluation.reference].label}",
        [
            Column("Run", numeric=False),
            Column("Verdict", numeric=False, hint=f"by {names[0]} and the Holm-adjusted p-value"),
            Column(f"Δ {names[0]}"),
            Column("Δ %"),
            Column(interval, hint=f"of the relative difference in {names[0]}"),
            Column("p"),
            Column("Holm p"),
            Column(f"Δ % {names[1]}"),
            Column(interval, hint=f"of the relative difference in {names[1]}"),
            Column("Holm p", hint=f"of the difference in {names[1]}"),
            Column("Seeds' share", hint="of the squared standard error; the rest is the users'"),
        ],
        [rows],
        scope.of(inputs.comparison),
    )


def _seed_share(row: pd.Series) -> Cell:
    seeds, total = row["variance_seeds"], row["standard_error"] ** 2
    if pd.isna(seeds) or total == 0:
        return Cell(NOTHING, -1.0)
    return Cell(f"{100 * seeds / total:.0f}\u202f%", seeds / total)


def _sortable(value: float | None) -> float:
    return float("-inf") if value is None or pd.isna(value) else float(value)
