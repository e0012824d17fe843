"""How cost grows with length and width: measured points and fitted powers on logarithmic axes."""

from itertools import product

import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from hydrarec.config.efficiency import NO_MIXING
from hydrarec.formatting import MINUS, NARROW, count
from hydrarec.report.figures.labels import label_right, label_width
from hydrarec.report.figures.panels import Figure, Panel, blank_panel, finish, marker, name_upward_axis, panel_height
from hydrarec.report.measured import Measured
from hydrarec.report.style import HUES, MARKERS, MUTED, RunStyle

_AXES = {"length": "positions T", "width": "features D"}
_TIME_UNITS = ((1, "s"), (1e-3, "ms"), (1e-6, "µs"), (0, "ns"))
_SCALES = {"s": 1, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}


def operator_styles(names: list[str]) -> dict[str, RunStyle]:
    """Return the style of operators by name: a colour and a marker each; what does not mix is grey and hollow."""
    markers, found = list(MARKERS), {}
    for number, name in enumerate(name for name in names if name != NO_MIXING):
        hue, lap = number % len(HUES), number // len(HUES)
        shape = markers[(hue + 3 * lap) % len(markers)]
        found[name] = RunStyle(name, name, "trained", HUES[hue][0], f"--run-{hue}", shape, "-" if lap == 0 else "--")
    found[NO_MIXING] = RunStyle(NO_MIXING, NO_MIXING, "baseline", MUTED, "--muted", "o", ":")
    return found


def exponent(value: float) -> str:
    """Write an exponent.

    >>> exponent(1.0349), exponent(-0.002)
    ('1.03', '−0.00')
    """
    return f"{value:.2f}".replace("-", MINUS)


def growth(measured: Measured) -> list[Figure]:
    """Draw time and memory of operators, and time of blocks, over lengths and over widths, forward and backward."""
    alone = measured.speed[measured.speed["part"].isin(["operators", "blocks"])]
    styles = operator_styles(list(dict.fromkeys(alone["subject"])))
    figures = []
    for part, axis in product(("operators", "blocks"), _AXES):
        speed = measured.speed
        plotted = speed[(speed["part"] == part) & (speed["axis"] == axis) & (speed["work"] == "training")]
        panels = [
            _panel(measured, group, styles, measure)
            for _, group in plotted.groupby(["layout", "form"], sort=False)
            for measure in (("time", "memory") if part == "operators" else ("time",))
            if group[axis].nunique() > 1
        ]
        if panels:
            other = "width" if axis == "length" else "length"
            fixed = f"{'D' if other == 'width' else 'T'} = {plotted[other].iloc[0]}"
            what = "Operators alone" if part == "operators" else "One encoder block, projections and feed-forward part"
            caption = (
                f"{what}, forward and backward, for one sequence, {fixed}; both axes logarithmic. Lines: fitted "
                f"a + b nᵖ with the exponent p beside the name; points: medians over rounds of {measured.clock}"
                f"{'; memory is measured once' if part == 'operators' else ''}."
            )
            figures.append(Figure(panels, caption))
    return figures


def _panel(measured: Measured, group: pd.DataFrame, styles: dict[str, RunStyle], measure: str) -> Panel:
    first = group.iloc[0]
    axis, column = str(first["axis"]), "unit_s" if measure == "time" else "unit_mib"
    shown = group[group[column] > 0]
    fits = _fits(measured.scaling, first, measure)
    names = {name: _label_with_exponent(name, fits) for name in dict.fromkeys(shown["subject"])}
    room = label_width(names.values()) + 24
    canvas, axes = blank_panel(270 + room, panel_height(len(names)), (56, 40, room, 24), grid="both")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=10 if measure == "time" else 2)
    if measure == "time":
        axes.yaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
    ends = []
    for name, label in names.items():
        points, style = shown[shown["subject"] == name].sort_values(axis), styles[name]
        x, y = points[axis].to_numpy(dtype=float), points[column].to_numpy()
        if name in fits.index:
            law = fits.loc[name]
            smooth = np.geomspace(law["smallest"], law["largest"], 40)
            fitted = law["offset"] + law["factor"] * smooth ** law["exponent"]
            axes.plot(smooth, fitted, color=style.colour, linewidth=1.4, linestyle=style.dashes)
        axes.plot(x, y, linestyle="", **(marker(style) | {"markersize": 5}))
        ends.append((x[-1], y[-1], RunStyle(name, label, style.kind, style.colour, style.variable, style.marker, "-")))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda n, _: count(n)))
    axes.yaxis.set_major_formatter(FuncFormatter(_format_time if measure == "time" else _format_memory))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(_AXES[axis], color=MUTED)
    name_upward_axis(axes, f"{measure} of a sequence")
    # Limits are settled only when asked for, and labels are placed by them.
    axes.set_xlim(axes.get_xlim())
    axes.set_ylim(axes.get_ylim())
    label_right(axes, ends)
    around = str(first["form"]) if first["part"] == "operators" else f"{first['layout']}, {first['form']}"
    title = f"{measure.capitalize()} of {first['part']} over {_AXES[axis]}, {around}"
    name = f"efficiency-{measured.device}-{first['part']}-{first['layout']}-{first['form']}-{axis}-{measure}"
    safe = "".join(letter if letter.isalnum() or letter == "-" else "_" for letter in name)
    return finish(canvas, safe, title, f"{title}. {'; '.join(names.values())}", shown)


def _fits(scaling: pd.DataFrame, like: pd.Series, measure: str) -> pd.DataFrame:
    same = scaling["measure"] == measure
    for column in ("part", "layout", "form", "work", "axis"):
        same &= scaling[column] == like[column]
    return scaling[same].set_index("subject")


def _label_with_exponent(name: str, fits: pd.DataFrame) -> str:
    return f"{name}, p {exponent(fits.loc[name, 'exponent'])}" if name in fits.index else name


def _format_time(seconds: float, _: int) -> str:
    unit = next(unit for least, unit in _TIME_UNITS if seconds >= 0.999 * least)
    return f"{seconds / _SCALES[unit]:g}{NARROW}{unit}"


def _format_memory(mib: float, _: int) -> str:
    return f"{mib * 1024:g}{NARROW}KiB" if mib < 0.999 else f"{mib:g}{NARROW}MiB"
