"""Accuracy against cost: one point per run, and the front of the runs of a device that nothing beats in both."""

import numpy as np
import pandas as pd

from hydrarec.comparison.clocks import clock_column, clock_name
from hydrarec.formatting import duration, metric_title, score
from hydrarec.report.figures.labels import label_near, label_right, label_width
from hydrarec.report.figures.panels import (
    PLOT_WIDTH,
    Panel,
    blank_panel,
    finish,
    marker,
    name_upward_axis,
    panel_height,
)
from hydrarec.report.figures.times import scale_times
from hydrarec.report.inputs import Inputs, Scope
from hydrarec.report.style import MUTED

_LEAST_S = 1e-6
"""Times below are drawn there; a logarithmic axis has no 0."""


def tradeoff(inputs: Inputs, scope: Scope) -> list[Panel]:
    """Draw the primary metric against training time and against inference time."""
    table = inputs.leaderboard(scope, inputs.primary)
    contest = inputs.contest(scope)
    times = scope.of(inputs.times)
    times = times[times["run"].isin(contest)]
    train, infer = (clock_column(times, column) for column in ("train_to_best_s", "infer_ms_per_user"))
    costs = times.groupby("run")[[train, infer]].mean().set_axis(["train_to_best_s", "infer_ms_per_user"], axis=1)
    table = table.loc[contest].join(costs).join(times.groupby("run")["device"].agg(_device))
    table["infer_s"] = table["infer_ms_per_user"] / 1000
    name = metric_title(inputs.primary)
    wanted = (
        ("train_to_best_s", f"to the best epoch, {clock_name(train)}", f"{name} against training time"),
        ("infer_s", f"per target, {clock_name(infer)}", f"{name} against inference time"),
    )
    # Runs that shared a GPU have no training time.
    timed = [(table.dropna(subset=[x]), x, x_title, title) for x, x_title, title in wanted]
    return [_panel(inputs, scope, rows, x, (x_title, name), title) for rows, x, x_title, title in timed if len(rows)]


def pareto_front(cost: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Return the indices of the points for which no other is as cheap and better, or cheaper and as good; by cost.

    >>> pareto_front(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.2, 0.1, 0.5, 0.5])).tolist()
    [0, 2]
    """
    order = np.lexsort((-value, cost))
    best = np.maximum.accumulate(value[order])
    return order[np.concatenate([[True], value[order][1:] > best[:-1]])]


def _steps(cost: np.ndarray, value: np.ndarray) -> list[tuple[float, float]]:
    """Return the corners of the line that joins a front.

    >>> [(float(x), float(y)) for x, y in _steps(np.array([1.0, 3.0]), np.array([0.2, 0.5]))]
    [(1.0, 0.2), (3.0, 0.2), (3.0, 0.5)]
    """
    return list(zip(np.repeat(cost, 2)[1:], np.repeat(value, 2)[:-1], strict=True))


def _device(devices: pd.Series) -> str:
    """Return the device of a run's seeds; those of several devices are compared with nobody else's."""
    return " and ".join(sorted(set(devices)))


def _panel(
    inputs: Inputs, scope: Scope, table: pd.DataFrame, x: str, axes_titles: tuple[str, str], title: str
) -> Panel:
    room = label_width(inputs.styles[str(run)].label for run in table.index) + 24
    canvas, axes = blank_panel(PLOT_WIDTH + room, panel_height(len(table)), (46, 40, room, 24), grid="both")
    cost, value = table[x].to_numpy(dtype=float).clip(_LEAST_S), table["mean"].to_numpy(dtype=float)
    axes.set_xscale("log")
    fronts, steps = {}, []
    for device, rows in table.reset_index(drop=True).groupby("device", sort=False):
        # Times compare within a device only.
        front = rows.index.to_numpy()[pareto_front(cost[rows.index], value[rows.index])]
        axes.step(cost[front], value[front], where="post", color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)))
        steps.append(_steps(cost[front], value[front]))
        fronts[str(device)] = ", ".join(inputs.styles[str(table.index[index])].label for index in front)
    points = []
    for (run, row), x_value in zip(table.iterrows(), cost, strict=True):
        style = inputs.styles[str(run)]
        axes.plot([x_value, x_value], [row["low"], row["high"]], color=style.colour, linewidth=1.4)
        axes.plot([x_value], [row["mean"]], linestyle="", **marker(style))
        points.append((float(x_value), float(row["mean"]), style))
    axes.set_xlim(cost.min() / 2.5, cost.max() * 2.5)
    axes.set_ylim(0, max(float(table["high"].quantile(0.9)), float(table["mean"].max()), 1e-4) * 1.12)
    scale_times(axes.xaxis, *axes.get_xlim(), most=5)
    axes.set_xlabel(f"{axes_titles[0]}, logarithmic", color=MUTED)
    name_upward_axis(axes, axes_titles[1])
    # Trained runs crowd at the expensive end, so their names stand in a column; most baselines have room beside them.
    hollow = [point for point in points if point[2].is_hollow]
    crowded = label_near(axes, hollow, points, steps)
    label_right(axes, [point for point in points if not point[2].is_hollow] + crowded)
    on_front = "; ".join(f"on {device} {named}" if len(fronts) > 1 else named for device, named in fronts.items())
    listed = "; ".join(
        f"{inputs.styles[str(run)].label} {score(row['mean'])} at {duration(row[x])}" for run, row in table.iterrows()
    )
    alt = f"{title}. On the Pareto front: {on_front}. {listed}"
    return finish(canvas, f"tradeoff-{scope.anchor}-{x.split('_')[0]}", title, alt, table.reset_index())
