"""A card for every run: what it is, and every number of the primary metric with the files it comes from."""

from typing import Any
from urllib.parse import quote

from hydrarec.config import BenchmarkConfig
from hydrarec.config.base import kind_of, kinds_of
from hydrarec.config.differences import flatten
from hydrarec.config.models import ModelConfig
from hydrarec.config.runs import BaselineRun
from hydrarec.formatting import NOTHING, metric_title, score
from hydrarec.layout import run_folder
from hydrarec.report.blocks import Chapter, Facts, Folded, Part, Text
from hydrarec.report.cells import Cell, Column, Row, Table
from hydrarec.report.chapters.data import format_value, humanise
from hydrarec.report.inputs import Inputs
from hydrarec.report.style import RunStyle
from hydrarec.run_seeds import RunSeed

_ABOUT = (
    "What every run is, and where each of its numbers comes from. Links lead to the results that this page was made "
    "of; where these are no longer beside it, the manifests are in report.json."
)


def runs(inputs: Inputs) -> Chapter:
    """Show a card for every run, folded away until somebody follows a link to it."""
    cards = [_card(inputs, run, inputs.styles[run]) for run in inputs.config.run_ids]
    return Chapter("runs", "Runs", [Part([Text(_ABOUT), *cards])])


def _card(inputs: Inputs, run: str, style: RunStyle) -> Folded:
    facts = [("Run", run), ("Kind", style.kind), *_settings(inputs.config, run)]
    return Folded(
        style.label, [Facts(facts), _results(inputs, run, style)], style.anchor, _describe_parts(inputs.config, run)
    )


def _describe_parts(config: BenchmarkConfig, run: str) -> str:
    """Say in a few words what a run is."""
    entry = config.run(run)
    if isinstance(entry, BaselineRun):
        return f"{'control' if entry.control else 'baseline'}: {entry.baseline}"
    parts = (getattr(entry, name) for name in ("model", "attention", "masking"))
    return ", ".join(part.kind for part in parts if part is not None)


def _settings(config: BenchmarkConfig, run: str) -> list[tuple[str, str]]:
    """Return what a run is made of; where datasets differ, each with its value."""
    entry = config.run(run)
    if isinstance(entry, BaselineRun):
        options = [(humanise(name), format_value(value, name)) for name, value in entry.options.items()]
        return [("Baseline", entry.baseline), ("Deterministic", format_value(entry.deterministic)), *options]
    by_dataset = {
        dataset.id: effective_settings(config.settings(run, dataset.id).model_dump(mode="json"))
        for dataset in config.datasets
    }
    facts = []
    for name in dict.fromkeys(key for settings in by_dataset.values() for key in settings):
        values = {dataset: format_value(settings.get(name), name) for dataset, settings in by_dataset.items()}
        first = next(iter(values.values()))
        same = all(value == first for value in values.values())
        facts.append((name, first if same else " · ".join(f"{dataset}: {value}" for dataset, value in values.items())))
    return facts


def effective_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return by path the settings that a run has in the end; what it overrides stands in them already.

    >>> run = {"id": "a", "label": "A", "encoder": {"d_model": 8}, "loss": None, "masking": {"kind": "causal"}}
    >>> effective_settings({"run": run, "encoder": {"d_model": 8}})
    {'masking': 'causal', 'encoder d_model': 8}
    """
    own = {name: part for name, part in settings["run"].items() if name in ("model", "attention", "masking")}
    everything = own | {name: part for name, part in settings.items() if name != "run"}
    if "model" in own:
        everything["encoder"] = _with_inner_width(settings["encoder"], own["model"]["kind"])
    # The kind of a room's block stands for the room.
    return {path.removesuffix(".kind").replace(".", " "): value for path, value in flatten(everything).items()}


def _with_inner_width(encoder: dict[str, Any], model: str) -> dict[str, Any]:
    """Write the width of feed-forward parts out, which is the model's own unless it is configured."""
    known = next((block for block in kinds_of(ModelConfig) if kind_of(block) == model), ModelConfig)
    width = encoder.get("d_ff") or known.d_ff_factor * encoder["d_model"]
    return {name: value for name, value in encoder.items() if name != "d_ff"} | ({"d_ff": width} if width else {})


def _results(inputs: Inputs, run: str, style: RunStyle) -> Table:
    table = inputs.metrics[(inputs.metrics["run"] == run) & (inputs.metrics["group"] == "all")]
    values = table[table["metric"] == inputs.primary].set_index(["dataset", "protocol", "seed"])["value"]
    rows = [
        _row(inputs, one, manifest, float(values.get((one.dataset, one.protocol, one.seed), float("nan"))))
        for one, manifest in inputs.manifests
        if one.run == run
    ]
    return Table(
        f"results-of-{run}",
        f"{style.label}: every seed",
        [
            Column("Data set", numeric=False),
            Column("Protocol", numeric=False),
            Column("Seed"),
            Column(metric_title(inputs.primary), hint="mean over users"),
            Column("Host", numeric=False),
            Column("Written", numeric=False),
            Column("Commit", numeric=False),
            Column("Files", numeric=False),
        ],
        [rows],
        table,
        sortable=False,
    )


def _row(inputs: Inputs, one: RunSeed, manifest: dict[str, Any], value: float) -> Row:
    folder = run_folder(inputs.address, one.dataset, one.protocol, one.run, one.seed).as_posix()
    commit = (manifest["git_commit"] or NOTHING)[:10] + ("+" if manifest["git_dirty"] else "")
    return Row(
        [
            Cell(one.dataset),
            Cell(one.protocol),
            Cell(str(one.seed), float(one.seed)),
            Cell(score(value), value),
            Cell(manifest["host"]),
            Cell(manifest["created"]),
            Cell(commit),
            Cell("manifest.json", address=quote(f"{folder}/manifest.json", safe="/+")),
        ]
    )
