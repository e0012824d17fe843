"""Names written into figures, beside the lines and points they belong to, so that no figure needs a legend."""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path
from scipy.optimize import isotonic_regression

from hydrarec.report.style import FONT_SIZE, RunStyle

LABEL_GAP = 15
"""Least distance of two labels, in pixels."""
_SHIFTS = np.array([(9, 0), (-9, 0), (7, 11), (7, -11), (-7, 11), (-7, -11), (7, 20), (-7, -20)])
"""Where a name may stand beside its point, the best side first; negative: to the left of it."""


def label_width(labels: Iterable[str]) -> float:
    """Return the width of the widest label in pixels, in the first of the figures' fonts, which is the widest."""
    return max(map(_width, labels), default=0.0)


@cache
def _width(label: str) -> float:
    return float(text_to_path.get_text_width_height_descent(label, FontProperties(size=FONT_SIZE), ismath=False)[0])


def label_right(axes: Axes, ends: Sequence[tuple[float, float, RunStyle]]) -> None:
    """Write the names of lines beside their ends (x, y), moved apart where they would overlap."""
    if not ends:
        return
    ordered = sorted(ends, key=lambda end: end[1])
    points = axes.transData.transform([(x, y) for x, y, _ in ordered])
    box = axes.get_window_extent()
    steps = LABEL_GAP * np.arange(len(ordered))
    # The best heights within bounds are the best ones without, cut off at the bounds.
    highest = max(box.y0, box.y1 - steps[-1])
    heights = np.clip(isotonic_regression(points[:, 1] - steps).x, box.y0, highest) + steps
    for (x, y), height, (_, _, style) in zip(points, heights, ordered, strict=True):
        start = box.x1 + 16
        to_figure = axes.figure.transFigure.inverted().transform
        (x0, y0), (x1, y1) = to_figure([(x + 4, y), (start, height)])
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


def label_near(
    axes: Axes,
    points: Sequence[tuple[float, float, RunStyle]],
    crowd: Sequence[tuple[float, float, RunStyle]],
    lines: Sequence[Sequence[tuple[float, float]]] = (),
) -> list[tuple[float, float, RunStyle]]:
    """Write the names of points (x, y) close to them where that hides nothing of a crowd of points, names and lines.

    Returns
    -------
    list
        The points for whose names there was no room.
    """
    box = axes.get_window_extent()
    taken = [_marker_box(point) for point in axes.transData.transform([(x, y) for x, y, _ in crowd])]
    taken += [box for line in lines for box in _line_boxes(axes.transData.transform(line))]
    crowded = []
    for x, y, style in sorted(points, key=lambda point: point[0]):
        point, width = axes.transData.transform((x, y)), label_width([style.label])
        for shift in _SHIFTS:
            corner = point + shift - ((shift[0] < 0) * width, FONT_SIZE / 2)
            mine = (*corner, corner[0] + width, corner[1] + FONT_SIZE)
            inside = mine[0] >= box.x0 and mine[2] <= box.x1 and mine[1] >= box.y0 and mine[3] <= box.y1
            if inside and not any(_has_overlap(mine, other) for other in taken):
                taken.append(mine)
                start = axes.figure.transFigure.inverted().transform((corner[0], point[1] + shift[1]))
                axes.figure.text(
                    *map(float, start),
                    style.label,
                    color=style.colour,
                    va="center_baseline",
                    fontsize=FONT_SIZE,
                    parse_math=False,
                )
                break
        else:
            crowded.append((x, y, style))
    return crowded


def _marker_box(point: np.ndarray) -> tuple[float, float, float, float]:
    """Return the box of a marker: left, bottom, right, top."""
    return (point[0] - 6, point[1] - 6, point[0] + 6, point[1] + 6)


def _line_boxes(corners: np.ndarray) -> list[tuple[float, float, float, float]]:
    """Return boxes along a line with these corners whose parts go along the axes, with a little room around them."""
    return [(*(np.minimum(one, other) - 2), *(np.maximum(one, other) + 2)) for one, other in pairwise(corners)]


def _has_overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
