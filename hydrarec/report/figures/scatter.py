"""One number of every run against another."""

from collections.abc import Callable

import pandas as pd

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
from hydrarec.report.style import MUTED, RunStyle

_ROOM = 1.12
"""How far the axes go beyond the largest number."""


def scatter(
    table: pd.DataFrame,
    styles: dict[str, RunStyle],
    *,
    name: str,
    title: str,
    axes_titles: tuple[str, str],
    write: Callable[[float], str],
    zero: bool = True,
) -> Panel:
    """Draw a point for every run, with its intervals where it has some.

    Parameters
    ----------
    table
        By run id: `x` and `y`; where there are intervals, `x_low`, `x_high`, `y_low` and `y_high`.
    styles
        Styles of the runs.
    name, title
        Of the panel.
    axes_titles
        What is along, and what is upwards.
    write
        Writes a number of the upward axis.
    zero
        Whether the upward axis begins at 0.
    """
    room = label_width(styles[str(run)].label for run in table.index) + 34
    canvas, axes = blank_panel(PLOT_WIDTH + room, panel_height(len(table)), (46, 40, room, 24), grid="both")
    points = []
    for run, row in table.iterrows():
        style = styles[str(run)]
        if "y_low" in table:
            line = {"color": style.colour, "linewidth": 1.2, "alpha": 0.7}
            axes.plot([row["x"], row["x"]], [row["y_low"], row["y_high"]], **line)
            axes.plot([row["x_low"], row["x_high"]], [row["y"], row["y"]], **line)
        axes.plot([row["x"]], [row["y"]], linestyle="", clip_on=False, **marker(style))
        points.append((float(row["x"]), float(row["y"]), style))
    furthest = table["x_high" if "x_high" in table else "x"].max()
    axes.set_xlim(0, max(float(furthest), 1e-6) * _ROOM)
    low, high = (
        float(table[[column for column in ("y", "y_low", "y_high") if column in table]].agg(end).agg(end))
        for end in ("min", "max")
    )
    if zero:
        axes.set_ylim(0, max(high, 1e-6) * _ROOM)
    else:
        edge = max(0.1 * (high - low), 1e-6)
        axes.set_ylim(low - edge, high + edge)
    axes.set_xlabel(axes_titles[0], color=MUTED)
    name_upward_axis(axes, axes_titles[1])
    hollow = [point for point in points if point[2].is_hollow]
    crowded = label_near(axes, hollow, points)
    label_right(axes, [point for point in points if not point[2].is_hollow] + crowded)
    listed = "; ".join(
        f"{styles[str(run)].label} {row['x']:.4f} and {write(float(row['y']))}" for run, row in table.iterrows()
    )
    alt = f"{title}. {axes_titles[0]} and {axes_titles[1]}: {listed}"
    return finish(canvas, name, title, alt, table.reset_index(names="run"))
