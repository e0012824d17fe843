"""All data sets side by side: the table that a paper would show."""

import pandas as pd

from hydrarec.formatting import NOTHING, metric_title, percentage, score, sortable
from hydrarec.report.blocks import Part
from hydrarec.report.cells import Cell, Column, Row, Table
from hydrarec.report.inputs import Inputs, Scope
from hydrarec.report.style import RunStyle
from hydrarec.report.titles import scope_titles

_WIDEST = 4
"""Scopes with two columns each that a page holds beside names."""


def overview(inputs: Inputs, styles: dict[str, RunStyle]) -> Part:
    """Show what competes anywhere, with a mean for every scope; baselines stand below what was trained here."""
    metrics = (inputs.primary, inputs.secondary) if len(inputs.scopes) <= _WIDEST else (inputs.primary,)
    columns = [(scope, metric, _cells(inputs, scope, metric)) for scope in inputs.scopes for metric in metrics]
    names = scope_titles(inputs.config)
    competing = [run for run in inputs.config.run_ids if any(run in inputs.contest(scope) for scope in inputs.scopes)]
    bodies = [
        [
            Row([Cell(styles[run].label, run=styles[run]), *(cells.get(run, _ABSENT) for _, _, cells in columns)], kind)
            for run in competing
            if styles[run].kind == kind
        ]
        for kind in ("trained", "baseline")
    ]
    table = Table(
        "overview",
        f"Means over users and seeds. Bold: the highest, underlined: the next; *: differs from "
        f"{styles[inputs.config.evaluation.reference].label} ({percentage(inputs.config.evaluation.alpha)}, two-sided, "
        "Holm-adjusted over the runs of a column)",
        [
            Column("Run", numeric=False),
            *(Column(metric_title(metric), over=names[scope.dataset, scope.protocol]) for scope, metric, _ in columns),
        ],
        bodies,
        _numbers(inputs, competing, metrics),
    )
    return Part([table], "All data sets", "leaderboard-of-all")


_ABSENT = Cell(NOTHING, -1.0)


def _cells(inputs: Inputs, scope: Scope, metric: str) -> dict[str, Cell]:
    """Return by run what a column says: its mean, whether that is told from the reference's, and the two highest."""
    means = inputs.leaderboard(scope, metric)["mean"][inputs.contest(scope)]
    contrasts = inputs.contrasts(scope, metric)
    apart = set(contrasts.index[contrasts["p_holm"] < inputs.config.evaluation.alpha])
    highest = sorted(set(means), reverse=True)[:2]
    stress = dict(zip(highest, ("best", "second"), strict=False))
    return {
        str(run): Cell(score(mean), sortable(mean), stress=stress.get(mean, ""), mark="*" if run in apart else "")
        for run, mean in means.items()
    }


def _numbers(inputs: Inputs, runs: list[str], metrics: tuple[str, ...]) -> pd.DataFrame:
    leaders = inputs.leaders
    shown = leaders["run"].isin(runs) & leaders["metric"].isin(metrics) & (leaders["group"] == "all")
    return leaders[shown]
