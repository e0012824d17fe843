"""The outcomes of `hydrarec.comparison.gates` as tables."""

from hydrarec.comparison import Gate
from hydrarec.report.cells import Cell, Column, Row, Table
from hydrarec.report.style import RunStyle


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
            "tables/gates.csv",
        )
        for name, found in shown.items()
    }
