"""Where a run is good: the primary metric by length of history and by popularity of the target."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from hydrarec.formatting import metric_title, score
from hydrarec.report.figures.labels import label_width
from hydrarec.report.figures.panels import PLOT_WIDTH, Panel, blank_panel, finish, marker
from hydrarec.report.inputs import Inputs, Scope
from hydrarec.report.style import FONT_SIZE, INK, MUTED

KINDS = {
    "history": "known interactions of the user",
    "popularity": "training interactions of the target",
}
ROW = 20
"""Height of a row in pixels."""
_FILLED = 0.88
"""Share of a group's column that is drawn in; the rest keeps it from the next."""


def breakdown(inputs: Inputs, scope: Scope) -> list[Panel]:
    """Draw a panel for each kind of group: a row for every run, the best on top, and a column for every group."""
    table = scope.of(inputs.leaders)
    table = table[table["metric"] == inputs.primary]
    return [panel for kind, title in KINDS.items() if (panel := _panel(inputs, scope, table, kind, title)) is not None]


def _panel(inputs: Inputs, scope: Scope, table: pd.DataFrame, kind: str, by: str) -> Panel | None:
    rows = table[table["group"].str.startswith(f"{kind}:")]
    # Nobody can recommend a cold target, so a place for it would only show zeros.
    rows = rows[(rows["group"] != "popularity:cold") & rows["run"].isin(inputs.contest(scope))]
    groups = list(dict.fromkeys(rows["group"]))
    if len(groups) < 2:
        return None
    overall = inputs.leaderboard(scope, inputs.primary)["mean"]
    runs = list(overall[inputs.contest(scope)].sort_values(kind="stable").index)
    names = [group.partition(":")[2].replace("-", "\u2013") for group in groups]
    labels = [inputs.styles[run].label for run in runs]
    left = label_width(labels) + 14
    canvas, axes = blank_panel(left + PLOT_WIDTH, ROW * len(runs) + 94, (left, 42, 4, 52), grid="x")
    # One scale for all groups, each of which begins at 0 anew.
    most = float(rows["high"].max()) or 1.0
    tick = max(tick for tick in MaxNLocator(3).tick_values(0, 0.8 * most) if tick <= 0.8 * most)
    # Nothing is below 0, though intervals of few users may be.
    values = rows.set_index(["group", "run"])[["low", "mean", "high"]].clip(lower=0)
    for column, group in enumerate(groups):
        _draw_group(axes, column + values.loc[group].reindex(runs) * _FILLED / most, inputs)
        axes.text(column, len(runs) - 0.1, names[column], fontsize=FONT_SIZE, color=INK)
    ticks = [(column + value * _FILLED / most, value) for column in range(len(groups)) for value in (0, tick)]
    axes.set_xticks([place for place, _ in ticks], [f"{value:g}" for _, value in ticks])
    axes.set_xlim(-0.02, len(groups))
    axes.set_ylim(-0.6, len(runs) - 0.4)
    axes.set_yticks(range(len(runs)), labels, parse_math=False)
    axes.tick_params(axis="y", labelsize=FONT_SIZE, labelcolor=INK, pad=8)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(metric_title(inputs.primary), color=MUTED)
    axes.set_title(f"{by} (quartiles)", loc="left", color=MUTED, pad=24)
    title = f"{metric_title(inputs.primary)} by {by}"
    told = (
        f"{label}: {', '.join(score(values.loc[(group, run), 'mean']) for group in groups)}"
        for run, label in zip(runs[::-1], labels[::-1], strict=True)
    )
    alt = f"{title}, in groups {', '.join(names)}. {'; '.join(told)}"
    return finish(canvas, f"breakdown-{scope.anchor}-{kind}", title, alt, rows)


def _draw_group(axes: Axes, values: pd.DataFrame, inputs: Inputs) -> None:
    """Draw a group's means and intervals, given where they lie, and a line at the reference's mean."""
    if inputs.reference.id in values.index:
        axes.vlines(values.loc[inputs.reference.id, "mean"], -0.6, len(values) - 0.4, color=MUTED, linewidth=1)
    for row, (run, place) in enumerate(values.iterrows()):
        style = inputs.styles[str(run)]
        axes.plot([place["low"], place["high"]], [row, row], color=style.colour, linewidth=1.4)
        axes.plot([place["mean"]], [row], linestyle="", **marker(style) | {"markersize": 5})
