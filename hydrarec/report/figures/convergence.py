"""Convergence: validation NDCG@10 by epoch and by seconds of training, mean and range over seeds."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MultipleLocator

from hydrarec.comparison.clocks import clock_name
from hydrarec.formatting import duration, score
from hydrarec.report.clocks import history_clock
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

_UNITS = (("seconds", 1, 300), ("minutes", 60, 18_000), ("hours", 3600, float("inf")))
"""Unit, its seconds, and the longest time it is used for."""


def convergence(inputs: Inputs, scope: Scope) -> list[Panel]:
    """Draw the two panels; none where nothing was trained. Time is that of `history_clock`."""
    clock = history_clock(inputs, scope)
    curves = {run: _curve(inputs, scope, run, clock) for run in inputs.config.run_ids}
    found = {run: curve for run, curve in curves.items() if curve is not None}
    if not found:
        return []
    by_epoch = _panel(inputs, scope, found, "epoch", "epoch", "Validation NDCG@10 by epoch")
    # Runs that shared a GPU have no times.
    timed = {run: curve for run, curve in found.items() if curve["train_s"].notna().all()}
    if not timed:
        return [by_epoch]
    # The unit says seconds already, or minutes.
    x_title = f"of training, {clock_name(clock).removesuffix(' seconds')} time"
    return [by_epoch, _panel(inputs, scope, timed, "train_s", x_title, "Validation NDCG@10 by training time")]


def _curve(inputs: Inputs, scope: Scope, run: str, clock: str) -> pd.DataFrame | None:
    """Return a run's mean, lowest and highest validation metric over seeds, up to the epoch that every seed reached."""
    histories = inputs.histories_of(scope, run)
    if not histories:
        return None
    shared = min(len(table) for table in histories)
    values = np.stack([table["validation_ndcg10"].to_numpy()[:shared] for table in histories])
    seconds = np.stack([table[clock].to_numpy(dtype=float)[:shared] for table in histories])
    return pd.DataFrame(
        {
            "epoch": histories[0]["epoch"].to_numpy()[:shared],
            "train_s": seconds.mean(axis=0),
            "mean": values.mean(axis=0),
            "low": values.min(axis=0),
            "high": values.max(axis=0),
        }
    )


def _scale_seconds(axes: Axes, longest: float) -> str:
    """Write an axis of seconds in the unit that fits the longest time, and return its title."""
    unit, size = next((u, s) for u, s, limit in _UNITS if longest < limit)
    axes.xaxis.set_major_locator(MultipleLocator(_round_step(longest / size / 5) * size))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds / size:g}"))
    return unit


def _round_step(step: float) -> float:
    """Return the next 1, 2 or 5 times a power of ten."""
    power = 10 ** np.floor(np.log10(max(step, 1e-9)))
    return float(power * next(digit for digit in (1, 2, 5, 10) if digit * power >= step))


def _panel(inputs: Inputs, scope: Scope, curves: dict[str, pd.DataFrame], x: str, x_title: str, title: str) -> Panel:
    room = label_width([inputs.styles[run].label for run in curves]) + 24
    canvas, axes = blank_panel(PLOT_WIDTH + room, panel_height(len(curves)), (46, 40, room, 24))
    ends = []
    for run, curve in curves.items():
        style = inputs.styles[run]
        axes.fill_between(curve[x], curve["low"], curve["high"], color=style.colour, alpha=0.18, linewidth=0)
        axes.plot(curve[x], curve["mean"], color=style.colour, linewidth=1.8, linestyle=style.dashes)
        last = curve.iloc[-1]
        axes.plot([last[x]], [last["mean"]], linestyle="", **marker(style))
        ends.append((float(last[x]), float(last["mean"]), style))
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=min(0.0, *(curve["low"].min() for curve in curves.values())))
    if x == "train_s":
        x_title = f"{_scale_seconds(axes, max(float(curve[x].max()) for curve in curves.values()))} {x_title}"
    axes.set_xlabel(x_title, color=MUTED)
    name_upward_axis(axes, "validation NDCG@10")
    label_right(axes, ends)
    reached = "; ".join(
        f"{inputs.styles[run].label} {score(curve['mean'].iloc[-1])} after {len(curve)} epochs, "
        f"{duration(last) if (last := curve['train_s'].iloc[-1]) == last else 'not timed'}"
        for run, curve in curves.items()
    )
    plotted = pd.concat([curve.assign(run=run) for run, curve in curves.items()], ignore_index=True)
    return finish(canvas, f"convergence-{scope.anchor}-{x.removesuffix('_s')}", title, f"{title}. {reached}", plotted)
