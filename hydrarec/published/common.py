"""The section on operators: every one of them in one layout, with both maskings, under one configuration."""

from typing import Any

from hydrarec.config import BenchmarkConfig
from hydrarec.config.attention import AttentionConfig
from hydrarec.config.base import ConfigModel, kind_of
from hydrarec.config.masking import MaskingConfig
from hydrarec.config.published import CommonRuns
from hydrarec.config.runs import BaselineRun, TrainedRun
from hydrarec.formatting import NOTHING, score
from hydrarec.published.measured import Measurement
from hydrarec.published.results import Result, command, result_of
from hydrarec.report.cells import Cell, Column, Row, Table
from hydrarec.report.markdown import markdown

NOT_RUN = "not run here"
METRICS = ("ndcg@10", "hr@10")


def common_section(common: CommonRuns, config: BenchmarkConfig, measured: list[Measurement]) -> str:
    """Write the section as Markdown."""
    trained = config.trained_runs
    operators = [run for run in trained if run.model.kind == common.model]
    others = [run for run in trained if run.model.kind != common.model]
    others += [run for run in config.all_runs if isinstance(run, BaselineRun) and run.control is None]
    results = {run.id: result_of(measured, config, common.dataset, common.protocol, run.id) for run in config.all_runs}
    waiting = [run.id for run in (*operators, *others) if results[run.id] is None]
    parts = [
        "## All operators, one configuration",
        f"Every operator in the layout `{common.model}` with both maskings, on `{common.dataset}` under "
        f"`{common.protocol}`: `{common.config}`. The same for all, where the last column does not say otherwise: "
        f"{_shared_settings(config)}. One seed says nothing about the spread over seeds.",
        markdown(_table(operators, results)),
        "Other runs of the same configuration:",
        markdown(_table(others, results)),
    ]
    if waiting:
        commands = [command(config, common.config, common.dataset, common.protocol, run) for run in waiting]
        parts += ["Not run here yet; each by its command:", "```sh\n" + "\n".join(commands) + "\n```"]
    if absent := _absent_operators(common, operators):
        parts += ["Not among them:", "\n".join(f"* {line}" for line in absent)]
    return "\n\n".join(parts)


def _table(runs: list[TrainedRun | BaselineRun] | list[TrainedRun], results: dict[str, Result | None]) -> Table:
    ordered = sorted(runs, key=lambda run: -result.mean(METRICS[0]) if (result := results[run.id]) else 1.0)
    titles = ("Run", "NDCG@10", "HR@10", "Seeds", "Best epoch", "Training", "Where", "Code", "Own settings")
    columns = [Column(title, numeric=title in ("NDCG@10", "HR@10")) for title in titles]
    return Table("common", "", columns, [[_row(run, results[run.id]) for run in ordered]])


def _row(run: TrainedRun | BaselineRun, result: Result | None) -> Row:
    name = Cell(f"`{run.id}`", note=run.label)
    own = _own_settings(run)
    if result is None:
        return Row([name, Cell(NOT_RUN), *[Cell(NOTHING)] * 6, Cell(own)])
    scores = [Cell(score(result.mean(metric))) for metric in METRICS]
    told = (result.seeds, result.epochs or NOTHING, result.train, result.machine, result.code, own)
    return Row([name, *scores, *map(Cell, told)])


def _shared_settings(config: BenchmarkConfig) -> str:
    blocks = {"encoder": config.encoder, "loss": config.loss, "training": config.training}
    # Where something was computed stands beside it.
    return "; ".join(f"{name} {_pairs(block.model_dump(exclude={'device'}))}" for name, block in blocks.items())


def _own_settings(run: TrainedRun | BaselineRun) -> str:
    if isinstance(run, BaselineRun):
        return _pairs(run.options) or NOTHING
    blocks: list[ConfigModel | None] = [run.attention, run.masking, run.encoder, run.loss, run.training]
    written = [
        _pairs(block.model_dump(exclude_unset=True, exclude={"kind", "device"}))
        for block in blocks
        if block is not None
    ]
    return ", ".join(text for text in written if text) or NOTHING


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items() if value is not None)


def _absent_operators(common: CommonRuns, runs: list[TrainedRun]) -> list[str]:
    """Say which operators are missing with which masking, and why."""
    there = {(run.attention.kind, run.masking.kind) for run in runs if run.attention is not None}
    lines: list[str] = []
    for operator in AttentionConfig.__subclasses__():
        for masking in MaskingConfig.__subclasses__():
            pair = kind_of(operator), kind_of(masking)
            if pair in there:
                continue
            why = operator.no_causal_form if masking.causal else operator.no_bidirectional_form
            reason = f"has no such form: {why}" if why else f"not in `{common.config}`"
            lines.append(f"`{pair[0]}`, {pair[1]}: {reason}")
    return lines
