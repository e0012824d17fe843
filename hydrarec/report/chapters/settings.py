"""How runs were set: what all share, in what each differs from the reference, and how long each was let train."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from hydrarec.config.titles import scope_titles
from hydrarec.formatting import NOTHING
from hydrarec.report.blocks import Chapter, PageBlock, Part, Text
from hydrarec.report.cells import Cell, Column, Row, Table, run_cell
from hydrarec.report.chapters.data import format_value
from hydrarec.report.chapters.runs import effective_settings
from hydrarec.report.inputs import Inputs
from hydrarec.report.style import RunStyle

ARCHITECTURE = ("model", "attention", "masking")
"""What a comparison of architectures may differ in; anything else is named."""
_ABOUT = (
    "No setting was searched: every run has the values written in the configuration, those below unless the table of "
    "differences names another; the CSV file has every run's. They may suit some runs better than others, so a "
    "difference between two runs is one at these settings."
)
_STOPPING = (
    "Training ends after the given number of epochs without a better validation NDCG@10, or at the last epoch allowed; "
    "the weights of the best epoch are kept. A run that used all its epochs may have become better with more."
)


@dataclass(frozen=True)
class Difference:
    """A setting that a run does not share with the reference."""

    run: str
    dataset: str
    setting: str
    value: str
    reference: str

    @property
    def is_architectural(self) -> bool:
        """Whether it is part of what is compared."""
        return self.setting.split(" ")[0] in ARCHITECTURE


def settings(inputs: Inputs) -> Chapter | None:
    """Show settings and how trainings ended; None where nothing is trained."""
    trained = [run for run in inputs.config.run_ids if inputs.styles[run].kind == "trained"]
    if not trained:
        return None
    own = {
        (run, dataset.id): _settings_of(inputs, run, dataset.id)
        for run in trained
        for dataset in inputs.config.datasets
    }
    found = {
        key: {name: format_value(value, name) for name, value in effective_settings(values).items()}
        for key, values in own.items()
    }
    reference = inputs.reference.id
    blocks: list[PageBlock] = [Text(_ABOUT), _settings_table(found, inputs.reference)]
    if reference in trained and len(trained) > 1:
        blocks.append(_difference_table(inputs, trained, differences(found, reference)))
    blocks += [Text(_STOPPING), _stopping_table(inputs, own)]
    return Chapter("settings", "Settings", [Part(blocks)])


def _settings_table(found: dict[tuple[str, str], dict[str, str]], reference: RunStyle) -> Table:
    """Return the settings of the reference, or those that all share where it is none of the trained runs."""
    own = {key: values for key, values in found.items() if key[0] == reference.id}
    everything = [
        (run, dataset, name, value) for (run, dataset), values in found.items() for name, value in values.items()
    ]
    caption = (
        f"Settings of {reference.label}, the reference; none was searched"
        if own
        else "Settings that all trained runs share; none was searched"
    )
    return Table(
        "settings-reference",
        caption,
        [Column("Setting", numeric=False), Column("Value", numeric=False)],
        [[Row([Cell(name), Cell(value)]) for name, value in shared_settings(own or found)]],
        pd.DataFrame(everything, columns=["run", "dataset", "setting", "value"]),
        sortable=False,
    )


def shared_settings(found: dict[tuple[str, str], dict[str, str]]) -> list[tuple[str, str]]:
    """Return the settings that all runs have in common, by name; where data sets differ, each with its value.

    >>> made = {("a", "one"): {"size": "8", "loss": "bce"}, ("b", "one"): {"size": "8", "loss": "ce"}}
    >>> both = made | {("a", "two"): {"size": "16", "loss": "bce"}, ("b", "two"): {"size": "16", "loss": "ce"}}
    >>> shared_settings(both)
    [('size', 'one: 8 · two: 16')]
    """
    facts = []
    for name in dict.fromkeys(name for values in found.values() for name in values):
        by_dataset: dict[str, set[str | None]] = {}
        for (_, dataset), values in found.items():
            by_dataset.setdefault(dataset, set()).add(values.get(name))
        if all(len(values) == 1 for values in by_dataset.values()):
            only = {dataset: str(next(iter(values))) for dataset, values in by_dataset.items()}
            same = len(set(only.values())) == 1
            each = " · ".join(f"{dataset}: {value}" for dataset, value in only.items())
            facts.append((name, next(iter(only.values())) if same else each))
    return facts


def differences(found: dict[tuple[str, str], dict[str, str]], reference: str) -> list[Difference]:
    """Return every setting in which a run differs from the reference on a data set."""
    listed = []
    for (run, dataset), values in found.items():
        other = found[reference, dataset]
        for name in dict.fromkeys([*values, *other]):
            value, expected = values.get(name, NOTHING), other.get(name, NOTHING)
            if value != expected:
                listed.append(Difference(run, dataset, name, value, expected))
    return listed


def _settings_of(inputs: Inputs, run: str, dataset: str) -> dict[str, Any]:
    """Return the settings a run was trained with, as its manifest says; those it is to have if it is not finished."""
    manifest = next((m for one, m in inputs.manifests if (one.run, one.dataset) == (run, dataset)), None)
    return (manifest or {}).get("settings") or inputs.config.settings(run, dataset).model_dump(mode="json")


def _difference_table(inputs: Inputs, trained: list[str], found: list[Difference]) -> Table:
    reference = inputs.reference.id

    def row(run: str) -> Row:
        mine = [difference for difference in found if difference.run == run]
        parts = {room: [d for d in mine if d.setting.split(" ")[0] == room] for room in ARCHITECTURE}
        rest = [difference for difference in mine if not difference.is_architectural]
        cells = [Cell(_format_differences(parts[room], inputs, room) or "the same") for room in ARCHITECTURE]
        return Row(
            [run_cell(inputs.styles[run]), *cells, Cell(_format_differences(rest, inputs) or "nothing")],
            "trained",
        )

    return Table(
        "settings-differences",
        f"In what every trained run differs from {inputs.reference.label}, the reference",
        [
            Column("Run", numeric=False),
            Column("Model", numeric=False, hint="the layout of the blocks"),
            Column("Attention", numeric=False, hint="the operator and its own settings"),
            Column("Masking", numeric=False),
            Column("Anything else", numeric=False, hint="nothing: the two differ in their architecture only"),
        ],
        [[row(run) for run in trained if run != reference]],
        pd.DataFrame(found, columns=["run", "dataset", "setting", "value", "reference"]),
        prose=True,
    )


def _format_differences(found: list[Difference], inputs: Inputs, room: str = "") -> str:
    """Write differences with the value on the reference's side; data sets are named where they do not agree."""
    every, said = len(inputs.config.datasets), []
    # Settings that only one of two operators has go with its name.
    renamed = {difference.dataset for difference in found if difference.setting == room}
    kept = [d for d in found if d.setting == room or d.dataset not in renamed or NOTHING not in (d.value, d.reference)]
    for change in dict.fromkeys((d.setting, d.value, d.reference) for d in kept):
        where = [d.dataset for d in kept if (d.setting, d.value, d.reference) == change]
        name, value, reference = change
        # A model that takes no operator has none.
        only = "none" if value == NOTHING else value
        what = only if name == room else f"{name.removeprefix(f'{room} ')} {value}, not {reference}"
        said.append(what if len(where) == every else f"{what} ({', '.join(where)})")
    return "; ".join(said)


def _stopping_table(inputs: Inputs, own: dict[tuple[str, str], dict[str, Any]]) -> Table:
    rows, data, named = [], [], scope_titles(inputs.config)
    for (run, dataset, protocol), times in inputs.times.groupby(["run", "dataset", "protocol"], sort=False):
        if (run, dataset) not in own:
            continue
        training = own[str(run), str(dataset)]["training"]
        ended = int(times["converged"].fillna(False).astype(bool).sum())
        least, most = int(times["epochs"].min()), int(times["epochs"].max())
        rows.append(
            Row(
                [
                    run_cell(inputs.styles[str(run)]),
                    Cell(named[str(dataset), str(protocol)]),
                    Cell(format_value(training["max_epochs"]), float(training["max_epochs"])),
                    Cell(format_value(training["patience"]), float(training["patience"])),
                    Cell(str(most) if least == most else f"{least}\u2013{most}", float(most)),
                    Cell(f"{ended} of {len(times)}", ended / len(times)),
                ],
                "trained",
            )
        )
        data.append(
            {"run": run, "dataset": dataset, "protocol": protocol}
            | {"epochs_allowed": training["max_epochs"], "patience": training["patience"], "epochs_least": least}
            | {"epochs_most": most, "ended_by_patience": ended, "trainings": len(times)}
        )
    return Table(
        "settings-stopping",
        "How trainings ended",
        [
            Column("Run", numeric=False),
            Column("Where", numeric=False),
            Column("Epochs allowed"),
            Column("Patience", hint="epochs without a better validation NDCG@10"),
            Column("Epochs trained", hint="from the shortest to the longest training"),
            Column("Ended by patience", hint="trainings, of all seeds; the others used all their epochs"),
        ],
        [rows],
        pd.DataFrame(data),
    )
