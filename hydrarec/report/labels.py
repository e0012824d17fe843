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


def label_points(
    axes: Axes, points: Sequence[tuple[float, float, RunStyle]], lines: Sequence[tuple[float, float, float, float]]
) -> None:
    """Write the names of points beside them, each where it hides the least of points, names and `lines`.

    Lines are upright or level, given by the x and y of one end and then of the other.
    """
    if not points:
        return
    pixels = axes.transData.transform([(x, y) for x, y, _ in points])
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in pixels]
    for x0, y0, x1, y1 in lines:
        (left, bottom), (right, top) = axes.transData.transform(
            [(min(x0, x1), min(y0, y1)), (max(x0, x1), max(y0, y1))]
        )
        taken.append((left - 2, bottom - 2, right + 2, top + 2))
    frame = axes.get_window_extent()
    for (x, y), (_, _, style) in sorted(zip(pixels, points, strict=True), key=lambda pair: -pair[0][1]):
        width, half = label_width([style.label]), LABEL_GAP / 2
        boxes = [
            (min(edge, edge + side * width), y + dy - half, max(edge, edge + side * width), y + dy + half)
            for dy in (0, 10, -10, 18, -18, 28, -28)
            for side in (1, -1)
            for edge in [x + 9 * side]
        ]
        best = min(boxes, key=lambda box: _cost(box, taken, frame.extents))
        taken.append(best)
        # Anchored on the side of the point, because the reader's font may be wider or narrower than estimated.
        on_the_right = best[0] > x
        anchor = (best[0] if on_the_right else best[2], (best[1] + best[3]) / 2)
        across, up = map(float, axes.transData.inverted().transform(anchor))
        axes.text(
            across, up, style.label, color=style.colour, fontsize=FONT_SIZE,
            ha="left" if on_the_right else "right", va="center_baseline", parse_math=False,
        )  # fmt: skip


def _cost(box: tuple[float, ...], taken: Sequence[tuple[float, ...]], frame: Sequence[float]) -> float:
    """Return how much of a label's box is hidden or outside, in square pixels."""
    left, bottom, right, top = box
    hidden = sum(
        max(0.0, min(right, x1) - max(left, x0)) * max(0.0, min(top, y1) - max(bottom, y0)) for x0, y0, x1, y1 in taken
    )
    outside = max(0.0, frame[0] - left) + max(0.0, right - frame[2] - 8) + max(0.0, frame[1] - bottom)
    return hidden + LABEL_GAP * outside
