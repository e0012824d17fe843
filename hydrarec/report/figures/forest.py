"""Forest plot: every run's relative difference from the reference with its intervals, and the margins of equivalence.

The thin interval is that of the difference. The thick one is the narrower interval of the two one-sided tests: a run is
equivalent to the reference where it lies inside a margin.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter

from hydrarec.formatting import metric_title, percent, percent_interval
from hydrarec.report.figures.labels import label_width
from hydrarec.report.figures.panels import Panel, blank_panel, finish, marker
from hydrarec.report.inputs import Inputs, Scope
from hydrarec.report.style import FONT_SIZE, INK, MUTED, RULE, RunStyle

ROW, PLOT = 26, 230
"""Height of a row and width of the axis in pixels."""
_TICKS = np.array([-90, -75, -50, -30, -20, -10, -5, 0, 5, 10, 20, 30, 50, 100, 200, 400])
_WIDEST = np.log([[0.45, 2.2], [0.1, 5]])
"""Bounds of the axis as log-ratios; a baseline at a tenth of the reference would squeeze everything else. The second
ones serve where most runs are beyond the first, as beside a reference that is a baseline."""
_NARROWEST = np.log([0.93, 1.07])


def forest(inputs: Inputs, scope: Scope, metric: str) -> Panel | None:
    """Draw the differences from the reference, the best run on top; None where none can be given in per cent."""
    table = inputs.contrasts(scope, metric)
    table = table[table["percent"].notna()].sort_values("percent", ascending=True)
    if table.empty:
        return None
    names = [inputs.styles[str(run)].label for run in table.index]
    written = [percent(value) for value in table["percent"]]
    left, right = label_width(names) + 14, label_width(written) + 12
    low, high = _bounds(table)
    height = ROW * len(table) + 60
    canvas, axes = blank_panel(left + PLOT + right, height, (left, 42, right, 8), grid="x")
    axes.set_xlim(low, high)
    axes.set_ylim(-0.6, len(table) - 0.4)
    evaluation = inputs.config.evaluation
    for margin in (evaluation.margin, evaluation.tight_margin):
        axes.axvspan(np.log1p(-margin), np.log1p(margin), color=RULE, alpha=0.45, linewidth=0, zorder=0)
    for y, (run, row) in enumerate(table.iterrows()):
        style = inputs.styles[str(run)]
        _draw_row(axes, y, row, style, (low, high))
        axes.text(
            1.02, y, written[y], transform=axes.get_yaxis_transform(), va="center_baseline",
            fontsize=FONT_SIZE, color=INK if style.kind == "trained" else MUTED,
        )  # fmt: skip
    axes.axvline(0, color=INK, linewidth=1)
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.tick_params(axis="y", labelsize=FONT_SIZE, labelcolor=INK, pad=8)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(FixedLocator(_ticks(low, high)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: percent(round(100 * np.expm1(x))).replace(".0", "")))
    axes.set_xlabel(
        f"difference in {metric_title(metric)} from {inputs.reference.label}", color=MUTED, parse_math=False
    )
    alt = f"{metric_title(metric)} relative to {inputs.reference.label}: " + "; ".join(
        f"{name} {percent(row['percent'])} ({percent_interval(row['percent_low'], row['percent_high'])})"
        for name, (_, row) in zip(names[::-1], table[::-1].iterrows(), strict=True)
    )
    return finish(
        canvas, f"comparison-{scope.anchor}-{metric.replace('@', '')}", metric_title(metric), alt, table.reset_index()
    )


def _draw_row(axes: Axes, y: int, row: pd.Series, style: RunStyle, bounds: tuple[float, float]) -> None:
    centre = np.log1p(row["percent"] / 100) if row["percent"] > -100 else -np.inf
    if not bounds[0] <= centre <= bounds[1]:
        edge, symbol = (bounds[0], "<") if centre < bounds[0] else (bounds[1], ">")
        axes.plot([edge], [y], marker=symbol, color=style.colour, markersize=7, clip_on=False)
        return
    for kind, width in (("percent", 1.4), ("equivalence", 4)):
        ends = row[[f"{kind}_low", f"{kind}_high"]].to_numpy(dtype=float)
        if not np.isnan(ends).any():
            ends = np.log1p(np.maximum(ends / 100, -0.999))
            inside = np.clip(ends, *bounds)
            axes.plot(inside, [y, y], color=style.colour, linewidth=width, solid_capstyle="butt")
            for end, edge, symbol in zip(ends, bounds, "<>", strict=True):
                if kind == "percent" and not bounds[0] <= end <= bounds[1]:
                    axes.plot([edge], [y], marker=symbol, color=style.colour, markersize=5, clip_on=False)
    axes.plot([centre], [y], linestyle="", **marker(style))


def _bounds(table: pd.DataFrame) -> tuple[float, float]:
    """Return the axis' bounds: the intervals of what lies inside the widest bounds, as far as these go, and 0."""
    known = np.log1p(table[["percent", "percent_low", "percent_high"]].dropna().to_numpy(dtype=float).clip(-99.9) / 100)
    inside = [(known[:, 0] >= low) & (known[:, 0] <= high) for low, high in _WIDEST]
    widest = int(2 * inside[0].sum() < len(known))
    near = known[inside[widest], 1:].clip(*_WIDEST[widest])
    low = min(_NARROWEST[0], near.min(initial=0) * 1.08)
    high = max(_NARROWEST[1], near.max(initial=0) * 1.08)
    return float(low), float(high)


def _ticks(low: float, high: float) -> list[float]:
    """Return at most six round percentages inside the bounds, as log-ratios, 0 among them."""
    ticks = np.log1p(_TICKS / 100)
    inside = ticks[(ticks >= low) & (ticks <= high)]
    kept = [0.0]
    for tick in sorted(inside, key=abs):
        if min(abs(tick - other) for other in kept) > (high - low) / 5.6:
            kept.append(float(tick))
    return sorted(kept)
