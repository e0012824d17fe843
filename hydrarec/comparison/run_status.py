"""What became of every run: `runs.parquet`. In a comparison that is not complete it says why something is missing."""

from pathlib import Path
from typing import Any, Literal

import pandas as pd

from hydrarec.columns import RUNS
from hydrarec.config import BenchmarkConfig
from hydrarec.config.runs import TrainedRun
from hydrarec.files import read_json
from hydrarec.layout import absent_files
from hydrarec.outdated import why_unusable
from hydrarec.status import OPEN, TRAINED, Progress, is_worked_on, progress
from hydrarec.tables import write_table

Status = Literal["finished", "failed", "running", "missing"]


def write_runs(config: BenchmarkConfig, results: Path, output: Path) -> None:
    """Write `runs.parquet`: the status of every run with every seed, its epochs, and the last lines of its log.

    Parameters
    ----------
    config
        The comparison.
    results
        Folder of everything computed; the logs are in the folder beside it.
    output
        Folder of the table.
    """
    worked_on = is_worked_on(results)
    rows = [_row(config, one, worked_on) for one in progress(config, results)]
    write_table(pd.DataFrame(rows).astype({"epochs": "Int32"}), output / "runs.parquet", RUNS)


def _row(config: BenchmarkConfig, one: Progress, worked_on: bool) -> dict[str, Any]:
    status, said = _status_of_unfinished(one, worked_on), one.said
    if not absent_files(one.folder):
        said = why_unusable(config, one)
        status = "missing" if said else "finished"
    epochs = one.epochs or None
    timing = one.folder / "timing.json"
    if epochs is None and isinstance(config.run(one.run), TrainedRun) and timing.is_file():
        epochs = read_json(timing).get("epochs")
    return {
        "dataset": one.dataset,
        "protocol": one.protocol,
        "run": one.run,
        "seed": one.seed,
        "status": status,
        "epochs": epochs,
        "said": said or None,
    }


def _status_of_unfinished(one: Progress, worked_on: bool) -> Status:
    """Tell what failed from what is under way; one that was killed says nothing, but then nobody works here."""
    if one.stage == OPEN:
        return "missing"
    if one.has_reported_failure:
        return "failed"
    if worked_on:
        return "running"
    # A training that is done and was never ranked did nothing wrong.
    ranking_began = one.log is not None and "rank" in one.log.parts
    return "missing" if one.stage == TRAINED and not ranking_began else "failed"
