"""All data sets side by side: the table that a paper would show."""

import pandas as pd

from hydrarec.config.titles import protocol_name, scope_titles
from hydrarec.formatting import NOTHING, metric_title, percentage, score
from hydrarec.report.blocks import Part
from hydrarec.report.cells import Cell, Column, Row, Table, run_cell
from hydrarec.report.inputs import Inputs, Scope

_WIDEST = 4
"""Scopes with two columns each that a page holds beside names."""
_LONGEST = 30
"""Letters of a title that stands above two columns; the id takes the place of a longer one."""
_ABSENT = Cell(NOTHING, -1.0)


def overview(inputs: Inputs) -> Part:
    """Show what competes anywhere, with a mean for every scope; baselines stand below what was trained here."""
    metrics = (inputs.primary, inputs.secondary) if len(inputs.scopes) <= _WIDEST else (inputs.primary,)
    columns = [
        (scope, metric, mean_cells(inputs, scope, metric, spread=True)) for scope in inputs.scopes for metric in metrics
    ]
    names = _headings(inputs)
    competing = [run for run in inputs.config.competing if any(run in inputs.contest(scope) for scope in inputs.scopes)]
    bodies = [
        [
            Row([run_cell(inputs.styles[run]), *(cells.get(run, _ABSENT) for _, _, cells in columns)], kind)
            for run in competing
            if inputs.styles[run].kind == kind
        ]
        for kind in ("trained", "baseline")
    ]
    several = any(len(inputs.config.seeds_of(run)) > 1 for run in competing)
    spread = ", \u00b1 the standard deviation over seeds" if several else ""
    table = Table(
        "overview",
        f"Means over users and seeds{spread}. {explain_stress(inputs)}",
        [
            Column("Run", numeric=False),
            *(Column(metric_title(metric), over=names[scope.dataset, scope.protocol]) for scope, metric, _ in columns),
        ],
        bodies,
        _numbers(inputs, competing, metrics),
    )
    return Part([table], "All data sets", "leaderboard-of-all")


def mean_cells(inputs: Inputs, scope: Scope, metric: str, *, spread: bool = False) -> dict[str, Cell]:
    """Return by run the mean of what competes, with a star where it is told from the reference, the best two stressed.

    Parameters
    ----------
    inputs
        The comparison.
    scope, metric
        What the column is about.
    spread
        Whether the standard deviation over seeds stands behind it.
    """
    rows = inputs.leaderboard(scope, metric).loc[inputs.contest(scope)]
    contrasts = inputs.contrasts(scope, metric)
    apart = set(contrasts.index[contrasts["p_holm"] < inputs.config.evaluation.alpha])
    best, *others = sorted(set(rows["mean"]), reverse=True)
    cells: dict[str, Cell] = {}
    for run, row in rows.iterrows():
        mean, deviation, said = float(row["mean"]), row["seed_deviation"], score(row["mean"])
        if spread and pd.notna(deviation):
            said += f" \u00b1 {score(deviation)}"
        stress = "best" if mean == best else "second" if mean in others[:1] else ""
        cells[str(run)] = Cell(said, mean, stress=stress, mark="*" if run in apart else "")
    return cells


def explain_stress(inputs: Inputs) -> str:
    """Say what bold, underlined and starred numbers are."""
    evaluation = inputs.config.evaluation
    return (
        f"Bold: the highest, underlined: the next; *: differs from {inputs.reference.label} "
        f"({percentage(evaluation.alpha)}, two-sided, Holm-adjusted over the runs of a column)"
    )


def _headings(inputs: Inputs) -> dict[tuple[str, str], str]:
    """Return what stands above the columns of every scope."""
    single = len(inputs.config.protocols) == 1
    return {
        (dataset, protocol): title
        if len(title) <= _LONGEST
        else dataset
        if single
        else f"{dataset}, {protocol_name(protocol)}"
        for (dataset, protocol), title in scope_titles(inputs.config).items()
    }


def _numbers(inputs: Inputs, runs: list[str], metrics: tuple[str, ...]) -> pd.DataFrame:
    leaders = inputs.leaders
    shown = leaders["run"].isin(runs) & leaders["metric"].isin(metrics) & (leaders["group"] == "all")
    return leaders[shown]
