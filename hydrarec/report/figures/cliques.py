"""Runs on the axis of the metric, and bars over those that no test of a pair tells apart.

It looks like a critical-difference diagram and is none: the axis is the metric of one data set and not a mean rank over
many, and bars follow from the tests of pairs and not from one distance that is critical for all.
"""

import pandas as pd
from matplotlib.lines import Line2D

from hydrarec.formatting import score
from hydrarec.report.figures.labels import label_right, label_width
from hydrarec.report.figures.panels import Panel, blank_panel, finish, marker, name_upward_axis, panel_height
from hydrarec.report.style import INK, MUTED, RunStyle

_BAR = 9
"""Distance of two bars in pixels."""


def cliques(order: list[str], apart: set[frozenset[str]]) -> list[list[str]]:
    """Return the longest stretches of ordered runs in which no two are told apart.

    Parameters
    ----------
    order
        Ids of the runs, the best first.
    apart
        Pairs that a test tells apart.

    Returns
    -------
    list
        Stretches of at least two runs, none of which is part of another, the best first. Two runs that are not told
        apart but have one between them that is told apart from either are in no common stretch.

    Examples
    --------
    >>> cliques(["a", "b", "c", "d"], {frozenset("ac"), frozenset("ad"), frozenset("bd")})
    [['a', 'b'], ['b', 'c'], ['c', 'd']]
    """
    found: list[list[str]] = []
    reached = 0
    for first in range(len(order)):
        last = first
        while last + 1 < len(order) and all(
            frozenset((run, order[last + 1])) not in apart for run in order[first : last + 1]
        ):
            last += 1
        if last > first and last + 1 > reached:
            found.append(order[first : last + 1])
            reached = last + 1
    return found


def clique_bars(
    name: str, title: str, means: "pd.Series[float]", apart: set[frozenset[str]], styles: dict[str, RunStyle]
) -> Panel | None:
    """Draw the runs at their means, and beside them a bar for every clique; None where there are fewer than three.

    Parameters
    ----------
    name
        File name of the panel.
    title
        What is drawn.
    means
        By run, the mean of the metric, whose title is the name of these.
    apart
        Pairs that a test tells apart.
    styles
        Styles of runs.
    """
    means = means.sort_values(ascending=False, kind="stable")
    if len(means) < 3:
        return None
    order = [str(run) for run in means.index]
    groups = cliques(order, apart)
    room = label_width(styles[run].label for run in order) + 24
    bars = _BAR * (len(groups) + 1)
    canvas, axes = blank_panel(60 + bars + room + 20, panel_height(len(order)), (52, 12, room, 24))
    axes.set_xlim(0, bars)
    # Where nobody hits there is still an axis.
    top = max(float(means.max()), 1e-4) * 1.06
    axes.set_ylim(0, top)
    axes.set_xticks([])
    name_upward_axis(axes, str(means.name))
    axes.spines["bottom"].set_visible(False)
    for number, group in enumerate(groups):
        # Longer than its ends by a little, or a group of equals would be a dot.
        ends = [float(means[group[0]]) + 0.012 * top, float(means[group[-1]]) - 0.012 * top]
        axes.plot([_BAR * (number + 1)] * 2, ends, color=INK, linewidth=3.5, solid_capstyle="round")
    for run in order:
        axes.plot([bars], [means[run]], linestyle="", clip_on=False, **marker(styles[run]))
    axes.add_line(Line2D([bars, bars], [0, float(means.max())], color=MUTED, linewidth=0.8, zorder=0))
    label_right(axes, [(float(bars), float(means[run]), styles[run]) for run in order])
    told = "; ".join(", ".join(styles[run].label for run in group) for group in groups) or "none"
    listed = ", ".join(f"{styles[run].label} {score(means[run])}" for run in order)
    plotted = means.rename("mean").rename_axis("run").reset_index()
    for number, group in enumerate(groups, 1):
        plotted[f"group_{number}"] = plotted["run"].isin(group)
    return finish(canvas, name, title, f"{title}: {listed}. Groups that no test separates: {told}", plotted)
