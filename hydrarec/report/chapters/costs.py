"""Accuracy against cost: what every run took, how it got there, and what has to be known to read the times."""

import pandas as pd

from hydrarec.formatting import NARROW, NOTHING, duration, energy, percentage, size
from hydrarec.report import sentences
from hydrarec.report.blocks import Chapter, PageBlock, Text
from hydrarec.report.cells import Cell, Column, Row, Table, drop_empty_columns, run_cell
from hydrarec.report.chapters.scopes import by_scope
from hydrarec.report.clocks import clock_note
from hydrarec.report.figures.convergence import convergence
from hydrarec.report.figures.panels import Figure
from hydrarec.report.figures.reach import MARKED, reach
from hydrarec.report.figures.tradeoff import tradeoff
from hydrarec.report.inputs import Inputs, Scope

_NAMED = 4
"""Runs that are named in a sentence; of more their number, and the table has the rest."""
_GPU_COLUMNS = [
    Column("GPU memory", hint="allocated"),
    Column("Energy", hint="of the GPU while training; what else the machine takes is not measured"),
]


def costs(inputs: Inputs) -> Chapter | None:
    """Show accuracy against cost, convergence and times within every scope."""
    return by_scope(inputs, "costs", "Accuracy and cost", _blocks, "Cost")


def _blocks(inputs: Inputs, scope: Scope) -> list[PageBlock]:
    about, intervals = sentences.figure_basis(inputs, scope), sentences.interval_basis(inputs)
    blocks: list[PageBlock] = []
    if points := tradeoff(inputs, scope):
        caption = (
            f"Test accuracy against cost; {_front(inputs, scope)} "
            f"{about} {intervals} Few wide ones may be cut at the upper edge."
        )
        blocks.append(Figure(points, caption))
    if curves := convergence(inputs, scope):
        caption = (
            f"Validation after every epoch, up to the last epoch that every seed reached. {about} Line: mean over "
            "seeds; band: their range. Training time leaves out validation and set-up."
        )
        blocks.append(Figure(curves, caption))
    if curves := reach(inputs, scope):
        caption = (
            "Training time until validation first reaches a share of the reference's best with the same seed. "
            f"{about} Line: median over seeds, as far as every seed gets; band: their range. The broken line marks "
            f"{percentage(MARKED)}."
        )
        blocks.append(Figure(curves, caption))
    notes = [Text(note, "key") for note in time_notes(inputs, scope)]
    return [*blocks, times(inputs, scope), *notes]


def _front(inputs: Inputs, scope: Scope) -> str:
    if scope.of(inputs.times)["device"].nunique() == 1:
        return "the broken line joins the runs that no other beats in both (Pareto front)."
    return "broken lines join the runs of a device that no other of that device beats in both (Pareto fronts)."


def times(inputs: Inputs, scope: Scope) -> Table:
    """List what every run cost, as means over seeds; without columns about GPUs where there was none."""
    table = scope.of(inputs.times)
    gpu = bool((table["device"] != "cpu").any())
    # The only host and device there are stand below the table.
    several = table["host"].nunique() > 1 or table["device"].nunique() > 1
    rows = []
    for run in (run for run in inputs.config.run_ids if run in set(table["run"])):
        of_run, style = table[table["run"] == run], inputs.styles[run]
        mean = of_run.drop(columns=["converged"]).mean(numeric_only=True)
        trained = style.kind == "trained"
        rows.append(
            Row(
                [
                    run_cell(style),
                    _time(mean["epoch_s"], trained),
                    Cell(f"{mean['best_epoch']:.0f} of {mean['epochs']:.0f}" if trained else NOTHING, mean["epochs"]),
                    _time(mean["train_to_best_s"]),
                    _time(mean["train_s"]),
                    _time(mean["train_cpu_s"]),
                    _share(mean["busy_share"]),
                    _load(mean["load"], of_run["contention"]),
                    _time(mean["validation_s"], trained),
                    _time(mean["setup_s"]),
                    _time(mean["infer_ms_per_user"] / 1000),
                    Cell(size(of_run["peak_memory_mib"].max()), of_run["peak_memory_mib"].max()),
                    *([_gpu_memory(of_run["peak_gpu_mib"]), _energy(of_run["train_j"])] if gpu else []),
                    *([Cell(_join(of_run["device"]), note=f"on {_join(of_run['host'])}")] if several else []),
                ],
                style.kind,
            )
        )
    table_of_costs = Table(
        f"times-{scope.anchor}",
        f"{scope.name}: what every run cost, mean over seeds; memory is the largest",
        [
            Column("Run", numeric=False),
            Column("Epoch", hint="median training time of an epoch, by the wall clock"),
            Column("Best epoch"),
            Column("To best epoch", hint="training only, by the wall clock"),
            Column("All training", hint="by the wall clock"),
            Column("Processor", hint="all training in processor seconds, all threads together"),
            Column("Busy", hint="processor seconds over seconds by the clock and threads; on a CPU"),
            Column("Load", hint="load average of the machine while training; * marks a machine that was shared"),
            Column("Validation", hint="not part of the training time; by the wall clock"),
            Column("Set-up", hint="reading the data and building the model; by the wall clock"),
            Column("Inference", hint="per target, by the wall clock: encoding, scoring and counting"),
            Column("Memory", hint="resident, of the training process"),
            *(_GPU_COLUMNS if gpu else []),
            *([Column("Device", numeric=False)] if several else []),
        ],
        [rows],
        table,
    )
    return drop_empty_columns(table_of_costs)


def time_notes(inputs: Inputs, scope: Scope) -> list[str]:
    """Return what has to be known before times are compared."""
    table = scope.of(inputs.times)
    notes = []
    if table["device"].nunique() > 1:
        notes.append(f"Runs used different devices ({_join(table['device'])}); times compare only within a device.")
    if table["host"].nunique() > 1:
        notes.append(f"Runs were computed on {table['host'].nunique()} hosts ({_join(table['host'])}).")
    else:
        notes.append(f"All runs were computed on one host ({_join(table['host'])}), device {_join(table['device'])}.")
    if shared := sorted(set(table.loc[table["runs_per_gpu"] > 1, "run"])):
        notes.append(
            "Trainings shared a GPU, and their times are left out: "
            f"{', '.join(inputs.styles[run].label for run in shared)}."
        )
    if spoilt := list(table.loc[table["contention"].notna(), "run"].unique()):
        named = ", ".join(inputs.styles[run].label for run in spoilt)
        who = f"{len(spoilt)} of {table['run'].nunique()} runs" if len(spoilt) > _NAMED else named
        notes.append(f"Others were on the machine while {who} trained, so their wall clock is not their own.")
    if (table["epochs"] > 0).any():
        notes.append(clock_note(inputs, scope))
    notes.append(
        "Each run is a job of its own, so small differences in time are not evidence; epochs and accuracy are not "
        "affected."
    )
    return notes


def _time(seconds: float, shown: bool = True) -> Cell:
    return Cell(duration(seconds) if shown else NOTHING, -1.0 if seconds != seconds else float(seconds))


def _gpu_memory(values: pd.Series) -> Cell:
    return Cell(NOTHING, 0.0) if values.isna().all() else Cell(size(values.max()), float(values.max()))


def _share(share: float) -> Cell:
    return Cell(NOTHING, -1.0) if share != share else Cell(f"{100 * share:.0f}{NARROW}%", float(share))


def _load(load: float, contention: pd.Series) -> Cell:
    shared = "*" if contention.notna().any() else ""
    return Cell(NOTHING, -1.0) if load != load else Cell(f"{load:.1f}{shared}", float(load))


def _energy(joules: pd.Series) -> Cell:
    """Write the mean; a seed that was not measured leaves it unknown."""
    return Cell(NOTHING, -1.0) if joules.isna().any() else Cell(energy(joules.mean()), float(joules.mean()))


def _join(values: pd.Series) -> str:
    return ", ".join(sorted(set(values)))
