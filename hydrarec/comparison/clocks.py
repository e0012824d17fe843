"""By which clock times are compared: processor seconds where they mean the same on both sides, else the wall's.

Processor seconds leave out what a process waited for others. They are compared among CPU runs with equally many
threads, since a thread that waits for its fellows may be busy waiting. A GPU's work shows on the wall's clock only.
"""

import pandas as pd

CPU_COLUMNS = {
    "train_s": "train_cpu_s",
    "epoch_s": "epoch_cpu_s",
    "train_to_best_s": "train_to_best_cpu_s",
    "validation_s": "validation_cpu_s",
    "infer_ms_per_user": "infer_cpu_ms_per_user",
}
"""Columns of the times by the wall's clock, and their fellows in processor seconds."""
PROCESSOR, WALL = "processor seconds", "the wall clock"


def clock_column(times: pd.DataFrame, column: str) -> str:
    """Return the column that the times of these rows are compared by.

    Parameters
    ----------
    times
        Rows of `TIMES`: those that are compared.
    column
        A column of times by the wall's clock.
    """
    fellow = CPU_COLUMNS[column]
    threads = times["infer_threads" if column == "infer_ms_per_user" else "threads"]
    known = len(times) > 0 and times[fellow].notna().all() and threads.notna().all()
    return fellow if known and (times["device"] == "cpu").all() and threads.nunique() == 1 else column


def clock_name(column: str) -> str:
    """Return what a column of times was read from.

    >>> clock_name("epoch_cpu_s"), clock_name("epoch_s")
    ('processor seconds', 'the wall clock')
    """
    return PROCESSOR if column in CPU_COLUMNS.values() else WALL


def why_contended(times: pd.DataFrame, column: str) -> str | None:
    """Return which of the rows' times by a column others on the machine have spoilt; None: none, as far as is known.

    Processor seconds are not.
    """
    if clock_name(column) == PROCESSOR:
        return None
    signs = times["infer_contention" if column == "infer_ms_per_user" else "contention"]
    spoilt = times.assign(signs=signs)[signs.notna()]
    if spoilt.empty:
        return None
    first = spoilt.iloc[0]
    seed = f" with seed {first['seed']}" if "seed" in spoilt.columns else ""
    more = f", and {len(spoilt) - 1} more" if len(spoilt) > 1 else ""
    return f"{first['run']}{seed}: {first['signs']}{more}"
