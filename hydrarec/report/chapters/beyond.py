"""What recommendation lists are like besides accurate; the leaderboard does not use it."""

from dataclasses import replace

import pandas as pd

from hydrarec.formatting import NOTHING, count, metric_title, percent, score
from hydrarec.report import sentences
from hydrarec.report.blocks import Chapter, PageBlock, Part, Text
from hydrarec.report.cells import Cell, Column, Row, Table, run_cell
from hydrarec.report.chapters.scopes import by_scope
from hydrarec.report.figures.panels import Figure, Panel
from hydrarec.report.figures.scatter import scatter
from hydrarec.report.inputs import Inputs, Scope

_NAMES = ("coverage", "gini", "novelty", "popularity", "popularity_lift")
_PLOTTED = {"coverage": "catalogue coverage", "novelty": "novelty, bits"}


def beyond(inputs: Inputs) -> Chapter | None:
    """Show coverage, inequality, novelty and popularity of the lists within every scope."""
    k = inputs.config.evaluation.primary_cutoff
    about = (
        f"What the first {k} places of the lists are like; the leaderboard does not use it. Coverage: share of the "
        "catalogue that is in anybody's list. Gini: inequality of exposure, 0 if all items fill as many places, 1 if "
        "one item fills all. Novelty: mean self-information of what is recommended. Popularity: training users that "
        "met what is recommended; its lift is over the same of the users' own histories. All depend on the number of "
        "lists and on the catalogue: compare them within one data set and protocol."
    )
    chapter = by_scope(inputs, "beyond", "Beyond accuracy", _blocks)
    return chapter and replace(chapter, parts=[Part([Text(about)]), *chapter.parts])


def _blocks(inputs: Inputs, scope: Scope) -> list[PageBlock]:
    measured = scope.of(inputs.beyond)
    if measured.empty:
        return []
    shown = [run for run in _wide_table(inputs, scope).index if run in inputs.config.competing]
    histories = measured.set_index("measure").loc["popularity", "value"]
    caption = (
        f"Accuracy against what else lists are like. {sentences.figure_basis(inputs, scope)} Intervals: "
        f"{inputs.coverage}; of the accuracy as everywhere, of the others over users for these trained weights "
        "(delete-a-group jackknife)."
    )
    panels = [_panel(inputs, scope, shown, name) for name in _PLOTTED] if shown else []
    return [
        *([Figure(panels, caption)] if panels else []),
        beyond_table(inputs, scope),
        Text(
            f"Items of the users' own histories were met by {count(histories)} training users on average. How far "
            "seeds are apart, and the intervals that are not shown, are in the CSV file.",
            "key",
        ),
    ]


def beyond_table(inputs: Inputs, scope: Scope) -> Table:
    """List every run, most accurate first."""
    wide, board = _wide_table(inputs, scope), inputs.leaderboard(scope, inputs.primary)

    def row(run: str) -> Row:
        cells = [run_cell(inputs.styles[run]), Cell(score(board.loc[run, "mean"]), board.loc[run, "mean"])]
        return Row([*cells, *(cell for name in _NAMES for cell in _cells(wide, run, name))], inputs.styles[run].kind)

    contest = [run for run in wide["value"].index if inputs.styles[run].kind != "control"]
    controls = [run for run in wide["value"].index if inputs.styles[run].kind == "control"]
    interval = f"{inputs.coverage} interval"
    return Table(
        f"beyond-{scope.anchor}",
        f"{scope.name}: what the lists are like",
        [
            Column("Run", numeric=False),
            Column(metric_title(inputs.primary)),
            Column("Coverage", hint="share of the catalogue that is in anybody's list"),
            Column(interval, hint="of the coverage, over users"),
            Column("Gini", hint="inequality of exposure: 0 even, 1 all places to one item"),
            Column(interval, hint="of the Gini index, over users"),
            Column("Novelty", hint="mean self-information of what is recommended, in bits"),
            Column(interval, hint="of the novelty, over users"),
            Column("Popularity", hint="training users that met what is recommended"),
            Column("Lift", hint="of the popularity over that of the users' histories"),
        ],
        [[row(run) for run in contest], [row(run) for run in controls]],
        scope.of(inputs.beyond),
    )


def _cells(wide: pd.DataFrame, run: str, name: str) -> list[Cell]:
    value, low, high = (wide.loc[run, (which, name)] for which in ("value", "low", "high"))
    if pd.isna(value):
        return [Cell(NOTHING, -2.0)] * (1 if name.startswith("popularity") else 2)
    if name == "popularity":
        return [Cell(count(value) if value >= 10 else f"{value:.1f}", float(value))]
    if name == "popularity_lift":
        return [Cell(percent(100 * value), float(value))]
    digits = 2 if name == "novelty" else 3
    bounds = NOTHING if pd.isna(low) else f"{low:.{digits}f}\u2013{high:.{digits}f}"
    return [Cell(f"{value:.{digits}f}", float(value)), Cell(bounds, float(value))]


def _panel(inputs: Inputs, scope: Scope, runs: list[str], name: str) -> Panel:
    wide, board = _wide_table(inputs, scope).loc[runs], inputs.leaderboard(scope, inputs.primary).loc[runs]
    metric = metric_title(inputs.primary)
    bounds = {f"y{end}": wide[(which, name)] for end, which in (("", "value"), ("_low", "low"), ("_high", "high"))}
    table = board[["mean", "low", "high"]].set_axis(["x", "x_low", "x_high"], axis="columns").assign(**bounds)
    return scatter(
        table,
        inputs.styles,
        name=f"beyond-{scope.anchor}-{name}",
        title=f"{_PLOTTED[name].split(',')[0].capitalize()} against {metric}",
        axes_titles=(metric, _PLOTTED[name]),
        write=lambda value: f"{value:.3f}",
        zero=name == "coverage",
    )


def _wide_table(inputs: Inputs, scope: Scope) -> pd.DataFrame:
    """Return value and bounds by run, most accurate first, and by measure without its cut-off."""
    table = scope.of(inputs.beyond)
    table = table[table["run"] != ""].assign(measure=lambda rows: rows["measure"].str.partition("@")[0])
    wide = table.pivot(index="run", columns="measure", values=["value", "low", "high"]).astype(float)
    means = inputs.leaderboard(scope, inputs.primary)["mean"]
    return wide.loc[means[means.index.isin(wide.index)].sort_values(ascending=False, kind="stable").index]
