"""Names written into figures, beside the lines and points they belong to, so that no figure needs a legend."""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from scipy.optimize import isotonic_regression

from hydrarec.report.style import FONT_SIZE, RunStyle

LABEL_GAP = 15
"""Least distance of two labels, in pixels."""


def label_width(labels: Iterable[str]) -> float:
    """Estimate the width of the widest label in pixels."""
    return 0.53 * FONT_SIZE * max((len(label) for label in labels), default=0)


def label_right(axes: Axes, ends: Sequence[tuple[float, float, RunStyle]]) -> None:
    """Write the names of lines beside their ends (x, y), moved apart where they would overlap."""
    if not ends:
        return
    ordered = sorted(ends, key=lambda end: end[1])
    points = axes.transData.transform([(x, y) for x, y, _ in ordered])
    box = axes.get_window_extent()
    steps = LABEL_GAP * np.arange(len(ordered))
    places = isotonic_regression(points[:, 1] - steps).x + steps
    places -= max(0.0, places[-1] - box.y1)
    for (x, y), place, (_, _, style) in zip(points, places, ordered, strict=True):
        start = box.x1 + 16
        to_figure = axes.figure.transFigure.inverted().transform
        (x0, y0), (x1, y1) = to_figure([(x + 4, y), (start, place)])
        axes.figure.add_artist(
            Line2D([x0, x1], [y0, y1], color=style.colour, linewidth=0.6, alpha=0.6, linestyle=style.dashes)
        )
        axes.figure.text(
            float(x1),
            float(y1),
            f"\u2009{style.label}",
            color=style.colour,
            va="center_baseline",
            fontsize=FONT_SIZE,
            parse_math=False,
        )


def label_beside(axes: Axes, points: Sequence[tuple[float, float, RunStyle]]) -> None:
    """Write the names of points (x, y) beside them, above and below in turn; for a few points."""
    for index, (x, y, style) in enumerate(sorted(points, key=lambda point: point[0])):
        axes.annotate(
            style.label,
            (x, y),
            xytext=(7, 7 if index % 2 == 0 else -17),
            textcoords="offset pixels",
            color=style.colour,
            fontsize=FONT_SIZE,
            parse_math=False,
        )
