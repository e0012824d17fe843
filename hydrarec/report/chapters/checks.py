"""Checks that come before any claim: the outcomes of `hydrarec.comparison.gates`."""

from collections import Counter
from dataclasses import asdict, fields

import pandas as pd

from hydrarec.comparison import Gate
from hydrarec.comparison.gate import CHECKS
from hydrarec.config import BenchmarkConfig
from hydrarec.config.titles import scope_titles
from hydrarec.report.blocks import Chapter, Folded, PageBlock, Part, Text
from hydrarec.report.cells import Cell, Column, Row, Table
from hydrarec.report.inputs import Inputs
from hydrarec.report.style import RunStyle

_ABOUT = (
    "Controls have scores that are known from theory; had one missed its score, this page would not have been written. "
    "Green: as it must be. Amber: read the results with this in mind. Red: do not use this run's results."
)


def checks(inputs: Inputs) -> Chapter:
    """Show what asks for attention, and folded away what does not."""
    tables = gate_tables(inputs.config, inputs.gates, inputs.styles)
    passed = sum(gate.status == "green" for gate in inputs.gates)
    asking = tables["attention"] if tables["attention"].bodies[0] else Text("Nothing asks for attention.")
    blocks: list[PageBlock] = [Text(_ABOUT), asking]
    if passed:
        blocks.append(Folded(f"{passed} checks passed", [tables["passed"]]))
    return Chapter("checks", "Checks", [Part(blocks)])


def concerns(gates: list[Gate]) -> str:
    """Say for the first screen what the checks that did not pass are about, the most frequent first.

    >>> found = [Gate(name, "a", "d", "loo", "amber", "", False) for name in ("floor", "machine", "floor")]
    >>> concerns(found)
    'below a simple baseline (2), times may hold waiting (1)'
    """
    counts = Counter(gate.name for gate in gates if gate.status != "green")
    return ", ".join(f"{CHECKS[name]} ({number})" for name, number in counts.most_common())


def gate_tables(config: BenchmarkConfig, gates: list[Gate], styles: dict[str, RunStyle]) -> dict[str, Table]:
    """Return the checks that ask for attention and those that passed; runs with the same finding share a row."""
    shown = {
        "attention": [g for g in gates if g.status != "green"],
        "passed": [g for g in gates if g.status == "green"],
    }
    captions = {"attention": "Checks that ask for attention", "passed": "Checks that passed"}
    titles = ("Status", "Check", "Run", "Where", "Finding")
    named = scope_titles(config)
    return {
        name: Table(
            f"gates-{name}",
            captions[name],
            [Column(title, numeric=False) for title in titles],
            [_rows(found, named, styles)],
            pd.DataFrame([asdict(gate) for gate in found], columns=[part.name for part in fields(Gate)]),
            prose=True,
        )
        for name, found in shown.items()
    }


def _rows(gates: list[Gate], named: dict[tuple[str, str], str], styles: dict[str, RunStyle]) -> list[Row]:
    alike: dict[tuple[str, ...], list[str]] = {}
    for gate in gates:
        where = named[gate.dataset, gate.protocol] if gate.dataset else "everywhere"
        alike.setdefault((gate.status, gate.name, where, gate.sentence), []).append(gate.run)
    return [
        Row(
            [Cell(status), Cell(check), _run_cell(runs, styles), Cell(where), Cell(sentence)],
            f"gate-{status}",
        )
        for (status, check, where, sentence), runs in alike.items()
    ]


def _run_cell(runs: list[str], styles: dict[str, RunStyle]) -> Cell:
    found = [styles[run] for run in runs if run]
    return Cell(", ".join(style.label for style in found), runs=found) if found else Cell("all")
