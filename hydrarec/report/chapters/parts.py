"""The parts that were compared: operators, models without attention, and the combinations that were left out."""

from hydrarec.report.blocks import Chapter, Part, Text
from hydrarec.report.cells import Cell, Column, Row, Table
from hydrarec.report.inputs import Inputs
from hydrarec.report.operators import operator_tables

_ABOUT = (
    "What mixes the positions of a sequence: T positions, D features, H heads; sums run over the positions s that are "
    "visible to t. Time and memory are orders of growth of the operator alone, for one sequence and block."
)


def parts(inputs: Inputs) -> Chapter | None:
    """Show what the models of a comparison are made of; None where there are none."""
    tables = [*operator_tables(inputs.config), *_exclusions(inputs)]
    return Chapter("parts", "Operators", [Part([Text(_ABOUT), *tables])]) if tables else None


def _exclusions(inputs: Inputs) -> list[Table]:
    """List the combinations that the grid leaves out, with the reasons given."""
    grid = inputs.config.grid
    if grid is None or not grid.exclude:
        return []
    rows = [
        Row(
            [
                Cell(entry.model or "any"),
                Cell(entry.attention or "any"),
                Cell(entry.masking or "any"),
                Cell(entry.reason),
            ]
        )
        for entry in grid.exclude
    ]
    titles = ("Model", "Attention", "Masking", "Reason")
    return [
        Table(
            "exclusions",
            "Combinations left out",
            [Column(t, numeric=False) for t in titles],
            [rows],
            sortable=False,
        )
    ]
