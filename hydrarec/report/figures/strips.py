"""Every run with every seed as a dot, so that the spread behind a mean is seen and not only summed up."""

import numpy as np
import pandas as pd

from hydrarec.formatting import score
from hydrarec.report.figures.labels import label_width
from hydrarec.report.figures.panels import Panel, blank_panel, finish, marker
from hydrarec.report.style import FONT_SIZE, INK, MUTED, RunStyle

ROW, PLOT = 22, 260
"""Height of a row and width of the axis in pixels."""


def seed_strips(name: str, title: str, axis: str, values: pd.DataFrame, styles: dict[str, RunStyle]) -> Panel:
    """Draw a row for every run, the highest mean on top: a dot for each seed and a line at their mean.

    The axis holds the runs that seeds change; others may lie beyond it, since they have no spread to be seen.

    Parameters
    ----------
    name
        File name of the panel.
    title
        What is drawn.
    axis
        What is along.
    values
        Columns `run`, `seed` and `value`; a single seed of runs that none changes.
    styles
        Styles of runs.
    """
    by_run = values.groupby("run", sort=False)["value"]
    means = by_run.mean().sort_values(kind="stable")
    names = [styles[str(run)].label for run in means.index]
    written = [score(mean) for mean in means]
    left, right = label_width(names) + 14, label_width(written) + 16
    canvas, axes = blank_panel(left + PLOT + right, ROW * len(means) + 58, (left, 42, right, 8), grid="x")
    low, high = _bounds(values, means)
    axes.set_xlim(low, high)
    axes.set_ylim(-0.6, len(means) - 0.4)
    for row, (run, mean) in enumerate(means.items()):
        style = styles[str(run)]
        points = by_run.get_group(run).to_numpy()
        if low <= mean <= high:
            axes.plot(points, np.full(len(points), row), linestyle="", alpha=0.75, **marker(style) | {"markersize": 5})
            if len(points) > 1:
                axes.plot([mean, mean], [row - 0.34, row + 0.34], color=INK, linewidth=1.4)
        else:
            edge, symbol = (low, "<") if mean < low else (high, ">")
            axes.plot([edge], [row], marker=symbol, color=style.colour, markersize=6, clip_on=False)
        axes.text(
            1.02, row, written[row], transform=axes.get_yaxis_transform(), va="center_baseline", fontsize=FONT_SIZE,
            color=INK if style.kind == "trained" else MUTED,
        )  # fmt: skip
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.tick_params(axis="y", labelsize=FONT_SIZE, labelcolor=INK, pad=8)
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel(axis, color=MUTED)
    told = [
        f"{label} {text}{_range(by_run.get_group(run))}"
        for label, text, run in zip(names, written, means.index, strict=True)
    ]
    return finish(canvas, name, title, f"{title}. {'; '.join(told[::-1])}", values)


def _range(points: "pd.Series[float]") -> str:
    return f" ({score(points.min())} to {score(points.max())}, {len(points)} seeds)" if len(points) > 1 else ""


def _bounds(values: pd.DataFrame, means: "pd.Series[float]") -> tuple[float, float]:
    """Return the ends of the axis: all seeds of the runs that seeds change, or all runs if there are no such."""
    several = values[values.groupby("run")["seed"].transform("size") > 1]["value"]
    shown = several if len(several) else means
    room = max(0.06 * float(shown.max() - shown.min()), 0.0005)
    return max(float(shown.min()) - room, 0.0), float(shown.max()) + room
