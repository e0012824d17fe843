"""Time to accuracy: how long every run trains until its validation NDCG@10 is a given share of the reference's best."""

import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter

from hydrarec.comparison.clocks import clock_name
from hydrarec.formatting import NARROW, duration
from hydrarec.report.clocks import history_clock
from hydrarec.report.figures.labels import label_right, label_width
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

MARKED = 0.97
"""Share that times are compared at (method: close enough to the end, and before chance decides)."""
_SHARES = np.arange(0.5, 1.2001, 0.005)


def reach(inputs: Inputs, scope: Scope) -> list[Panel]:
    """Draw the one panel; none where the reference is not trained or nothing reaches half of it.

    Time is that of `history_clock`.
    """
    clock = history_clock(inputs, scope)
    histories = {
        run: found
        for run in inputs.config.run_ids
        if (found := inputs.histories_of(scope, run)) and _has_times(found, clock)
    }
    if inputs.reference.id not in histories:
        return []
    best = [float(table["validation_ndcg10"].max()) for table in histories[inputs.reference.id]]
    curves = {run: curve for run, found in histories.items() if len(curve := time_to_accuracy(found, best, clock)) > 1}
    # Where the reference learnt nothing, everybody reaches its best at once.
    return [_panel(inputs, scope, curves, clock)] if curves and min(best) > 0 else []


def time_to_accuracy(histories: list[pd.DataFrame], best: list[float], clock: str = "train_s") -> pd.DataFrame:
    """Return for every share of `best` that all seeds reach the median of the seconds it takes, and their range.

    Each seed has its own `best`, that of the reference with the same seed, as claims about such times have it.

    >>> history = pd.DataFrame({"validation_ndcg10": [0.05, 0.08, 0.10], "train_s": [1.0, 2.0, 3.0]})
    >>> found = time_to_accuracy([history], [0.1]).set_index("share")
    >>> found["seconds"].loc[[0.5, 0.8, 1.0]].tolist()
    [1.0, 2.0, 3.0]
    """
    shares = _SHARES.round(3)
    taken = []
    for table, goal in zip(histories, best, strict=True):
        so_far = np.maximum.accumulate(table["validation_ndcg10"].to_numpy())
        # A hair less, so that rounding does not move what is reached exactly.
        epochs = np.searchsorted(so_far, shares * goal * (1 - 1e-9))
        taken.append(np.append(table[clock].to_numpy(dtype=float), np.nan)[epochs])
    times = np.array(taken)
    times = times[:, ~np.isnan(times).any(axis=0)]
    return pd.DataFrame(
        {
            "share": shares[: times.shape[1]],
            "seconds": np.median(times, axis=0),
            "low": times.min(axis=0),
            "high": times.max(axis=0),
        }
    )


def _has_times(histories: list[pd.DataFrame], clock: str) -> bool:
    """Tell whether the seconds are a run's own; of runs that shared a GPU there are none."""
    return all(table[clock].notna().all() for table in histories)


def _panel(inputs: Inputs, scope: Scope, curves: dict[str, pd.DataFrame], clock: str) -> Panel:
    room = label_width(inputs.styles[run].label for run in curves) + 24
    canvas, axes = blank_panel(PLOT_WIDTH + room, panel_height(len(curves)), (56, 40, room, 24), grid="both")
    ends = []
    for run, curve in curves.items():
        style = inputs.styles[run]
        axes.fill_between(curve["share"], curve["low"], curve["high"], color=style.colour, alpha=0.18, linewidth=0)
        axes.plot(curve["share"], curve["seconds"], color=style.colour, linewidth=1.8, linestyle=style.dashes)
        last = curve.iloc[-1]
        axes.plot([last["share"]], [last["seconds"]], linestyle="", **marker(style))
        ends.append((float(last["share"]), float(last["seconds"]), style))
    axes.set_yscale("log")
    # Wide enough for a tick, however close the times are.
    low, high = min(c["low"].min() for c in curves.values()), max(c["high"].max() for c in curves.values())
    axes.set_ylim(low / 1.6, high * 1.6)
    scale_times(axes.yaxis, *axes.get_ylim(), most=8)
    axes.axvline(MARKED, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_xlim(_SHARES[0], max(1.0, *(curve["share"].max() for curve in curves.values())) + 0.01)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}{NARROW}%"))
    axes.set_xlabel("of the reference's best validation NDCG@10", color=MUTED)
    name_upward_axis(axes, f"training, {clock_name(clock)}")
    label_right(axes, ends)
    title = f"Training time to a given accuracy, {clock_name(clock)}"
    at_mark = {
        run: found["seconds"].iloc[0] for run, curve in curves.items() if len(found := curve[curve["share"] == MARKED])
    }
    told = "; ".join(
        f"{inputs.styles[run].label} {duration(at_mark[run]) if run in at_mark else 'never with every seed'}"
        for run in curves
    )
    alt = f"{title}. To {100 * MARKED:g} % of {inputs.reference.label}'s best: {told}"
    plotted = pd.concat([curve.assign(run=run) for run, curve in curves.items()], ignore_index=True)
    return finish(canvas, f"reach-{scope.anchor}", title, alt, plotted)
