"""By which clock a scope's training curves are drawn, and what has to be said about it."""

from hydrarec.comparison.clocks import PROCESSOR, clock_column, clock_name, why_contended
from hydrarec.report.inputs import Inputs, Scope


def history_clock(inputs: Inputs, scope: Scope) -> str:
    """Return the column of the histories that a scope's curves are drawn by: one for all, so that they compare."""
    times = scope.of(inputs.times)
    found = clock_column(times[times["run"].isin({one.run for one in inputs.histories})], "train_s")
    histories = (table for run in inputs.config.run_ids for table in inputs.histories_of(scope, run))
    # Of runs that shared a GPU there are no times by any clock.
    timed = (table for table in histories if table["train_s"].notna().any())
    return found if all(table[found].notna().all() for table in timed) else "train_s"


def clock_note(inputs: Inputs, scope: Scope) -> str:
    """Say what the clock of the curves does, and whether others have spoilt it."""
    column = history_clock(inputs, scope)
    if clock_name(column) == PROCESSOR:
        return (
            "Training curves are drawn over processor seconds: all runs were trained on a CPU with equally many "
            "threads, and processor seconds leave out what they waited for others."
        )
    times = scope.of(inputs.times)
    times = times[times["epochs"] > 0]
    told = "Training curves are drawn over seconds by the wall clock, which hold whatever a run waited for."
    if spoilt := why_contended(times, column):
        return f"{told} The machine was shared ({spoilt}), so they compare no run with another."
    unknown = int((times["load"].isna() & times["train_cpu_s"].isna()).sum())
    return (
        f"{told} Of {unknown} of {len(times)} trainings nobody recorded whether others used the machine."
        if unknown
        else told
    )
