"""Where a run is good: the primary metric by length of history and by popularity of the target."""

import pandas as pd

from hydrarec.formatting import metric_title, score
from hydrarec.report.figures.labels import label_right, label_width
from hydrarec.report.figures.panels import Panel, blank_panel, finish, marker, name_upward_axis, panel_height
from hydrarec.report.inputs import Inputs, Scope
from hydrarec.report.style import MUTED

KINDS = {
    "history": "known interactions of the user",
    "popularity": "training interactions of the target",
}


def breakdown(inputs: Inputs, scope: Scope) -> list[Panel]:
    """Draw a panel for each kind of group."""
    table = scope.of(inputs.leaders)
    table = table[table["metric"] == inputs.primary]
    return [panel for kind, title in KINDS.items() if (panel := _panel(inputs, scope, table, kind, title)) is not None]


def _panel(inputs: Inputs, scope: Scope, table: pd.DataFrame, kind: str, x_title: str) -> Panel | None:
    rows = table[table["group"].str.startswith(f"{kind}:")]
    # Nobody can recommend a cold target, so a place for it would only show zeros.
    rows = rows[rows["group"] != "popularity:cold"]
    buckets = list(dict.fromkeys(rows["group"]))
    runs = inputs.contest(scope)
    if len(buckets) < 2:
        return None
    room = label_width([inputs.styles[run].label for run in runs]) + 24
    canvas, axes = blank_panel(300 + room, panel_height(len(runs)), (46, 40, room, 24))
    ends = []
    for index, run in enumerate(runs):
        style = inputs.styles[run]
        line = rows[rows["run"] == run].set_index("group").reindex(buckets)
        # Side by side, so that intervals do not hide each other.
        x = [i + 0.3 * (index / max(len(runs) - 1, 1) - 0.5) for i in range(len(buckets))]
        axes.vlines(x, line["low"], line["high"], color=style.colour, linewidth=1.2, alpha=0.7)
        axes.plot(x, line["mean"], linewidth=1.2, linestyle=style.dashes, **marker(style))
        ends.append((x[-1], float(line["mean"].iloc[-1]), style))
    names = [bucket.partition(":")[2].replace("-", "\u2013") for bucket in buckets]
    axes.set_xticks(range(len(buckets)), names)
    axes.set_xlim(-0.35, len(buckets) - 0.65)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(f"{x_title} (quartiles)", color=MUTED)
    name_upward_axis(axes, metric_title(inputs.primary))
    label_right(axes, ends)
    title = f"{metric_title(inputs.primary)} by {x_title}"
    means = rows.pivot(index="run", columns="group", values="mean").reindex(index=runs, columns=buckets)
    listed = "; ".join(f"{inputs.styles[run].label}: {', '.join(map(score, means.loc[run]))}" for run in runs)
    alt = f"{title}, in groups {', '.join(names)}. {listed}"
    return finish(canvas, f"breakdown-{scope.anchor}-{kind}", title, alt, rows)
