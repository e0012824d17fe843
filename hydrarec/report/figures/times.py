"""Axes of times: ticks at seconds, minutes and hours that people count in, and no more of them than have room."""

from math import ceil

from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from hydrarec.formatting import NARROW

_UNITS = ((3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
_COARSE = [number * size for size, _ in _UNITS[:2] for number in (1, 10)]
_COARSE = sorted([*_COARSE, *(100 * 3600.0 * 10**n for n in range(3)), *(10.0**n for n in range(-6, 2))])
_FINE = sorted(
    [number * size for size, _ in _UNITS[:3] for number in (1, 2, 5, 10, 20, 30)]
    + [number * size for size, _ in _UNITS[3:] for number in (1, 2, 5, 10, 20, 50, 100, 200, 500)]
    + [3600.0 * number for number in (50, 100, 200, 500, 1000)]
)


def time_ticks(low: float, high: float, most: int) -> list[float]:
    """Return round times between two in seconds, on a logarithmic axis with room for so many labels.

    >>> time_ticks(40, 2400, most=8)
    [60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0]
    >>> time_ticks(0.0001, 5000, most=5)
    [0.0001, 0.01, 1.0, 60.0, 3600.0]
    """
    for steps in (_FINE, _COARSE):
        inside = [step for step in steps if low <= step <= high]
        if len(inside) <= most:
            break
    return inside[:: max(1, ceil(len(inside) / most))]


def format_time(seconds: float) -> str:
    """Write a round time in the unit that fits it.

    >>> [format_time(seconds).split() for seconds in (0.001, 600, 7200)]
    [['1', 'ms'], ['10', 'min'], ['2', 'h']]
    """
    size, unit = next((size, unit) for size, unit in _UNITS if seconds >= 0.999 * size)
    return f"{seconds / size:g}{NARROW}{unit}"


def scale_times(axis: Axis, low: float, high: float, most: int) -> None:
    """Give a logarithmic axis of seconds from `low` to `high` at most so many ticks."""
    axis.set_major_locator(FixedLocator(time_ticks(low, high, most)))
    axis.set_major_formatter(FuncFormatter(lambda seconds, _: format_time(seconds)))
    axis.set_minor_locator(NullLocator())
