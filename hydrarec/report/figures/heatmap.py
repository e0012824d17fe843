"""All pairs of runs: colour says by how many per cent they differ, text how sure that is; a blank cell says nothing."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap

from hydrarec.formatting import p_value, percent
from hydrarec.report.figures.labels import label_width
from hydrarec.report.figures.panels import Panel, blank_panel, finish
from hydrarec.report.style import FONT_SIZE, INK, MUTED, RULE, RunStyle

EQUAL, LOWER = "#f5f5f2", "#f0904a"
"""Of a run as good as the other, and of one below it; so light that dark text can be read on both."""
CELL_INK = "#101214"
"""Text on a coloured cell, on white and on dark paper alike."""
WIDEST = 30.0
"""Per cent from which on the colour says no more."""
_STEPS = np.linspace(0, -WIDEST, 5)
"""Differences whose colours the key shows."""
_WIDTH, _HEIGHT = 36, 22
_MAP = LinearSegmentedColormap.from_list("differences", [EQUAL, LOWER])


def heatmap(
    name: str, title: str, pairs: pd.DataFrame, order: list[str], styles: dict[str, RunStyle], alpha: float
) -> Panel | None:
    """Draw every pair of some runs once; None where there is none.

    Parameters
    ----------
    name
        File name of the panel.
    title
        What is compared.
    pairs
        `run`, `other`, `percent` (of the first, relative to the other) and `p`, adjusted for all pairs.
    order
        Ids of the runs, the best first.
    styles
        Styles of runs.
    alpha
        From which p-value on a cell stays blank.
    """
    found = _matrix(pairs, order)
    shown = [(row, column) for row in range(len(order)) for column in range(row)]
    if not shown:
        return None
    names = [f"{styles[run].label}  {rank}" for rank, run in enumerate(order, 1)]
    left = label_width(names) + 14
    # Nothing stands below the last run; a few runs leave the key no room in the corner, so that it gets more.
    columns = max(len(order) - 1, len(_STEPS) + 2)
    width, height = left + _WIDTH * columns + 24, _HEIGHT * len(order) + 34
    canvas, axes = blank_panel(width, height, (left, 26, 24, 8), grid="both")
    axes.grid(visible=False)
    axes.set_xlim(0, columns)
    axes.set_ylim(len(order), 0)
    cells = {square: found[square] for square in shown if found[square][1] < alpha}
    axes.add_collection(_squares(list(cells), [colour(difference) for difference, _ in cells.values()], "none"))
    axes.add_collection(_squares([square for square in shown if square not in cells], "none", RULE))
    for (row, column), (_, p) in cells.items():
        text = axes.text(
            column + 0.5, row + 0.5, p_value(p).replace("< ", "<"), ha="center", va="center_baseline",
            fontsize=FONT_SIZE - 2, color=CELL_INK,
        )  # fmt: skip
        # The page writes text in figures with a halo in the colour of the paper; not here.
        text.set_gid(f"cell-{row}-{column}")
    _axis(axes, names)
    _key(axes, columns)
    said = [
        _describe_pair(styles[order[row]], styles[order[column]], *cells[row, column])
        for row, column in list(cells)[:40]
    ]
    more = "; and more in the table" if len(cells) > len(said) else ""
    counts = f"{len(shown)} pairs of {len(order)} runs, {len(cells)} told apart"
    alt = f"{title}, {counts}. {'; '.join(said)}{more}"
    return finish(canvas, name, title, alt, pairs)


def colour(difference: float) -> str:
    """Return the colour of a difference in per cent; runs are in order, so none is above an earlier one.

    >>> colour(0.0), colour(-15.0), colour(-100.0)
    ('#f5f5f2', '#f2c29e', '#f0904a')
    """
    red, green, blue, _ = _MAP(np.clip(-difference / WIDEST, 0, 1))
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"


def _matrix(pairs: pd.DataFrame, order: list[str]) -> dict[tuple[int, int], tuple[float, float]]:
    """Return per cent and p-value of the run of a row relative to that of a column, where the row comes later."""
    index = {run: number for number, run in enumerate(order)}
    found = {}
    for run, other, difference, p in pairs[["run", "other", "percent", "p"]].itertuples(index=False):
        if index[run] > index[other]:
            found[index[run], index[other]] = difference, p
        else:
            # Relative to the other one of the two, which changes the size of the percentage and not only its sign.
            found[index[other], index[run]] = _invert(difference), p
    return found


def _invert(percent: float) -> float:
    """Turn a relative difference round.

    >>> _invert(25.0), _invert(float("nan")), _invert(-100.0)
    (-20.0, -100.0, inf)
    """
    if np.isnan(percent):
        # The other one never hits, and nothing is a per cent of that.
        return -100.0
    return 100 / (1 + percent / 100) - 100 if percent > -100 else np.inf


def _squares(squares: list[tuple[int, int]], faces: list[str] | str, edge: str) -> PolyCollection:
    corners = [
        [(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1)] for row, column in squares
    ]  # fmt: skip
    return PolyCollection(corners, facecolors=faces, edgecolors=edge, linewidths=0.6)


def _axis(axes: Axes, names: list[str]) -> None:
    centres = np.arange(len(names)) + 0.5
    axes.set_yticks(centres, names, parse_math=False)
    axes.set_xticks(centres[:-1], [str(rank) for rank in range(1, len(names))])
    axes.tick_params(axis="both", length=0, labelsize=FONT_SIZE - 1, labelcolor=INK)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)


def _key(axes: Axes, columns: int) -> None:
    """Draw what colours mean into the empty corner."""
    start = columns - len(_STEPS)
    squares = [(0, start + step) for step in range(len(_STEPS))]
    axes.add_collection(_squares(squares, [colour(step) for step in _STEPS], "none"))
    for step in (0, 2, 4):
        text = percent(_STEPS[step]).replace(".0", "")
        axes.text(start + step + 0.5, 1.55, text, ha="center", va="center", fontsize=FONT_SIZE - 2, color=MUTED)


def _describe_pair(run: RunStyle, other: RunStyle, difference: float, p: float) -> str:
    return f"{run.label} {percent(difference)} from {other.label} (p {p_value(p)})"
