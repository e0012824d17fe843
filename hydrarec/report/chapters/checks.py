"""Checks that come before any claim: the outcomes of `hydrarec.comparison.gates`."""

from hydrarec.comparison import Gate
from hydrarec.report.blocks import Block, Chapter, Folded, Part, Text
from hydrarec.report.cells import Cell, Column, Row, Table
from hydrarec.report.inputs import Inputs
from hydrarec.report.style import RunStyle

_ABOUT = (
    "Controls have scores that are known from theory; had one missed its score, this page would not have been written. "
    "Green: as it must be. Amber: read the results with this in mind. Red: do not use this run's results."
)


def checks(inputs: Inputs, looks: dict[str, RunStyle]) -> Chapter:
    """Show what asks for attention, and folded away what does not."""
    tables = gate_tables(inputs.gates, looks)
    passed = sum(gate.status == "green" for gate in inputs.gates)
    asking = tables["attention"] if tables["attention"].bodies[0] else Text("Nothing asks for attention.")
    blocks: list[Block] = [Text(_ABOUT), asking]
    if passed:
        blocks.append(Folded(f"{passed} checks passed", [tables["passed"]]))
    return Chapter("checks", "Checks", [Part(blocks)])


def gate_tables(gates: list[Gate], looks: dict[str, RunStyle]) -> dict[str, Table]:
    """Return the checks that ask for attention and those that passed."""
    columns = [Column(title, numeric=False) for title in ("Status", "Check", "Run", "Where", "Finding")]
    shown = {
        "attention": [g for g in gates if g.status != "green"],
        "passed": [g for g in gates if g.status == "green"],
    }
    captions = {"attention": "Checks that ask for attention", "passed": "Checks that passed"}
    return {
        name: Table(
            f"gates-{name}",
            captions[name],
            columns,
            [
                [
                    Row(
                        [
                            Cell(gate.status),
                            Cell(gate.name),
                            Cell(looks[gate.run].label, run=looks[gate.run]) if gate.run else Cell("all"),
                            Cell(f"{gate.dataset}, {gate.protocol}" if gate.dataset else "everywhere"),
                            Cell(gate.sentence),
                        ],
                        f"gate-{gate.status}",
                    )
                    for gate in found
                ]
            ],
        )
        for name, found in shown.items()
    }
