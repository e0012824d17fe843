"""`hydrarec profile`: where the time of training steps goes, as a table for the terminal."""

import pandas as pd

from hydrarec.formatting import count, duration, several
from hydrarec.terminal.text import align, to_ascii

SHOWN = 15
"""Operations in the table; the others are one line."""
LONGEST_NAME = 60
"""Characters of an operation's name; those of kernels are pages of C++."""


def format_profile(
    *, device: str, threads: int, steps: int, step_s: float, busy: float, operations: pd.DataFrame
) -> str:
    """Write a profile; the arguments are the fields of `hydrarec.efficiency.profile.Profile`."""
    on_gpu = device != "cpu"
    what, between = ("kernels", "waiting") if on_gpu else ("operations", "Python and bookkeeping of gradients")
    where = device if on_gpu else f"{device}, {several(threads, 'thread')}"
    lines = [
        f"{duration(step_s)} a training step ({where}, {several(steps, 'step')})",
        f"{_share(busy)} of it {what}, {count(operations['calls'].sum())} calls a step; the rest {between}",
        "",
    ]
    rows = [
        [_shorten(str(name)), _share(row["share"]), _calls(row["calls"]), _time(row["call_s"])]
        for name, row in operations.head(SHOWN).iterrows()
    ]
    if len(others := operations.iloc[SHOWN:]):
        calls = others["calls"].sum()
        seconds = (others["calls"] * others["call_s"]).sum() / calls
        rows.append([f"{len(others)} others", _share(others["share"].sum()), _calls(calls), _time(seconds)])
    lines += align([[what, "share", "calls", "a call"], *rows])
    return "\n".join(to_ascii(line) for line in lines)


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _time(seconds: float) -> str:
    return f"{1e6 * seconds:,.0f} us"


def _calls(number: float) -> str:
    return f"{number:.0f}" if number >= 10 else f"{number:.1f}"


def _shorten(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 3]}..."
