"""Accuracy over the number of heads, for runs that differ in nothing else."""

from typing import Any

import pandas as pd
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from hydrarec.config import BenchmarkConfig
from hydrarec.config.runs import TrainedRun
from hydrarec.formatting import metric_title, score
from hydrarec.report.figures.labels import label_right, label_width
from hydrarec.report.figures.panels import (
    PLOT_WIDTH,
    Panel,
    blank_panel,
    finish,
    marker,
    name_upward_axis,
    panel_height,
)
from hydrarec.report.inputs import Inputs, Scope
from hydrarec.report.style import MUTED


def heads(inputs: Inputs, scope: Scope) -> list[Panel]:
    """Draw the one panel; none where no two runs differ in their number of heads alone."""
    table = inputs.leaderboard(scope, inputs.primary)
    families = [
        rows
        for family in head_families(inputs.config, scope.dataset)
        if len(rows := table.loc[table.index.intersection(list(family))].assign(heads=pd.Series(family))) > 1
    ]
    return [_panel(inputs, scope, [rows.sort_values("heads") for rows in families])] if families else []


def head_families(config: BenchmarkConfig, dataset: str) -> list[dict[str, int]]:
    """Return groups of runs that are equal but for their number of heads, and that number by run."""
    found: dict[str, dict[str, int]] = {}
    for run in config.all_runs:
        if isinstance(run, TrainedRun) and run.attention is not None:
            settings = config.settings(run.id, dataset)
            rest: dict[str, Any] = settings.model_dump(mode="json")
            for name in ("id", "label", "encoder"):
                rest["run"].pop(name)
            own = rest["run"]["attention"].pop("n_heads", None)
            shared = rest["encoder"].pop("n_heads")
            found.setdefault(repr(rest), {})[run.id] = shared if own is None else own
    return [family for family in found.values() if len(set(family.values())) > 1]


def _panel(inputs: Inputs, scope: Scope, families: list[pd.DataFrame]) -> Panel:
    room = label_width(inputs.styles[str(rows.index[-1])].label for rows in families) + 24
    canvas, axes = blank_panel(PLOT_WIDTH + room, panel_height(len(families)), (46, 40, room, 24))
    axes.set_xscale("log", base=2)
    ends = []
    for rows in families:
        style = inputs.styles[str(rows.index[-1])]
        axes.plot(rows["heads"], rows["mean"], color=style.colour, linewidth=1.2, linestyle=style.dashes)
        for run, row in rows.iterrows():
            one = inputs.styles[str(run)]
            axes.vlines(row["heads"], row["low"], row["high"], color=one.colour, linewidth=1.2)
            axes.plot([row["heads"]], [row["mean"]], linestyle="", **marker(one))
        ends.append((float(rows["heads"].iloc[-1]), float(rows["mean"].iloc[-1]), style))
    axes.xaxis.set_major_locator(FixedLocator(sorted({number for rows in families for number in rows["heads"]})))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:g}"))
    axes.set_ylim(0, max(rows["high"].max() for rows in families) * 1.1)
    axes.set_xlabel("heads", color=MUTED)
    name_upward_axis(axes, metric_title(inputs.primary))
    label_right(axes, ends)
    title = f"{metric_title(inputs.primary)} by number of heads"
    told = "; ".join(
        f"{inputs.styles[str(run)].label} with {row['heads']:g}: {score(row['mean'])}"
        for rows in families
        for run, row in rows.iterrows()
    )
    return finish(canvas, f"heads-{scope.anchor}", title, f"{title}. {told}", pd.concat(families).reset_index())
