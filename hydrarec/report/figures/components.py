"""What makes differences uncertain: users, seeds, what is left of both, order of ties."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter

from hydrarec.formatting import NARROW
from hydrarec.report.figures.labels import label_width
from hydrarec.report.figures.panels import Panel, blank_panel, finish
from hydrarec.report.style import FONT_SIZE, INK, MUTED, PAPER, RULE

ROW, PLOT = 24, 220
_STYLES: dict[str, dict[str, str]] = {
    "users": {"facecolor": MUTED},
    "seeds": {"facecolor": RULE},
    "users by seeds": {"facecolor": PAPER, "hatch": "////"},
    "order of ties": {"facecolor": PAPER, "hatch": "...."},
}
"""Components from left to right; greys and patterns, because colours are for runs."""


def components(name: str, title: str, shares: pd.DataFrame, errors: pd.DataFrame, names: Sequence[str]) -> Panel:
    """Draw a bar for every difference, divided as its squared standard error is.

    Parameters
    ----------
    name
        File name of the panel.
    title
        What the differences are of.
    shares
        By difference, the components of the squared standard error as shares of their sum.
    errors
        By difference, `standard_error`; where there are other orders of ties, `with_orders` holds what they add too.
    names
        What each difference is called.
    """
    tied = "with_orders" in errors
    written = [_format_error(error) for _, error in errors.iterrows()]
    left, right = label_width(names) + 14, label_width(written) + 16
    legend = 40 if tied else 24
    canvas, axes = blank_panel(
        left + PLOT + right, ROW * len(shares) + 42 + legend, (left, 42, right, legend), grid="x"
    )
    axes.set_xlim(0, 1)
    axes.set_ylim(len(shares) - 0.4, -0.6)
    rows, start = np.arange(len(shares)), np.zeros(len(shares))
    for component in shares.columns:
        style = _STYLES[component]
        width = shares[component].to_numpy()
        axes.barh(rows, width, left=start, height=0.62, edgecolor=MUTED, linewidth=0.8, label=component, **style)
        start += width
    for row, text in enumerate(written):
        axes.text(1.02, row, text, va="center_baseline", fontsize=FONT_SIZE, color=INK)
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 0.99),
        ncols=2 if tied else 3,
        frameon=False,
        fontsize=FONT_SIZE - 1,
        labelcolor=MUTED,
        borderpad=0,
    )
    axes.set_yticks(rows, names, parse_math=False)
    axes.tick_params(axis="y", labelsize=FONT_SIZE, labelcolor=INK, pad=8)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.0f}{NARROW}%"))
    whole = "of the squared standard error"
    axes.set_xlabel(f"{whole} with the order of ties" if tied else whole, color=MUTED)
    parts = [", ".join(f"{name} {100 * share:.0f} %" for name, share in row.items()) for _, row in shares.iterrows()]
    told = "; ".join(f"{label}: {part}" for label, part in zip(names, parts, strict=True))
    return finish(canvas, name, title, f"{title}. {told}", shares.join(errors).reset_index())


def _format_error(error: pd.Series) -> str:
    """Write a standard error, and behind it that with the order of ties where it is known."""
    with_orders = error.get("with_orders")
    more = "" if with_orders is None or pd.isna(with_orders) else f" ({with_orders:.4f})"
    return f"± {error['standard_error']:.4f}{more}"
