"""What a table is made of; `table.html.j2` writes it for the page, `export` for papers and programs."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import ClassVar, Literal

import pandas as pd

from hydrarec.formatting import NOTHING
from hydrarec.report.style import RunStyle


@dataclass(frozen=True)
class Strip:
    """A value with its interval, drawn in a cell; all in shares of the cell's width."""

    low: float
    mean: float
    high: float


@dataclass(frozen=True)
class Cell:
    """What stands in a table in one row and column."""

    text: str
    value: float | str | None = None
    """What the column is sorted by; the text if None."""
    note: str = ""
    """Smaller text behind it."""
    run: RunStyle | None = None
    """The run it names, whose marker stands before it."""
    runs: Sequence[RunStyle] = ()
    """Several runs, each with its marker and its link; the text names them for papers and programs."""
    strip: Strip | None = None
    """Drawn in its place."""
    address: str = ""
    """Where it leads to; a run's name leads to the run in any case."""
    stress: Literal["", "best", "second"] = ""
    """Set in bold or underlined, as papers do."""
    mark: str = ""
    """Raised sign behind a number, which the caption explains; takes no width, so that digits stay below digits."""


def run_cell(run: RunStyle) -> Cell:
    """Return the cell that names a run."""
    return Cell(run.label, run=run)


@dataclass(frozen=True)
class Column:
    """Heading of a column."""

    title: str
    numeric: bool = True
    hint: str = ""
    """What it means, where the title does not say it all."""
    over: str = ""
    """Heading above it, which neighbours share."""
    page_only: bool = False
    """Left out for papers, whose pages are narrow."""


@dataclass(frozen=True)
class Row:
    """Cells of a row."""

    cells: list[Cell]
    kind: str = ""
    """Class that decides how it looks: trained, baseline, control or optimum."""


@dataclass(frozen=True)
class Table:
    """A table of the report."""

    macro: ClassVar[str] = "table"
    name: str
    """Its anchor and the name of its files."""
    caption: str
    columns: list[Column]
    bodies: list[list[Row]] = field(default_factory=list)
    """Groups of rows that stay together when the table is sorted."""
    data: pd.DataFrame | None = None
    """All its numbers, unrounded, for the CSV file; None if the cells say everything."""
    sortable: bool = True
    filters: bool = False
    """Rows can be chosen by text and by kind."""
    prose: bool = False
    """Cells hold sentences: where there is no room for columns, every row becomes a list."""


def spans(columns: Sequence[Column]) -> list[tuple[str, int]]:
    """Return the headings above columns, each with the number of neighbours that share it; none if there are none.

    >>> spans([Column("Run"), Column("HR", over="Beauty"), Column("MRR", over="Beauty"), Column("HR", over="Steam")])
    [('', 1), ('Beauty', 2), ('Steam', 1)]
    """
    found = [(over, len(list(group))) for over, group in groupby(columns, key=lambda column: column.over)]
    return found if any(over for over, _ in found) else []


def drop_empty_columns(table: Table) -> Table:
    """Leave out the columns that have nothing in any row; the CSV file has them if the table has data of its own.

    >>> columns = [Column("Run", numeric=False), Column("Load"), Column("Time")]
    >>> rows = [[Row([Cell("a"), Cell(NOTHING), Cell("3 s")]), Row([Cell("b"), Cell(NOTHING), Cell(NOTHING)])]]
    >>> [column.title for column in drop_empty_columns(Table("t", "Times", columns, rows)).columns]
    ['Run', 'Time']
    """
    rows = [row for body in table.bodies for row in body]
    kept = [
        index
        for index in range(len(table.columns))
        if not index or not rows or any(_has_content(row.cells[index]) for row in rows)
    ]
    bodies = [[replace(row, cells=[row.cells[index] for index in kept]) for row in body] for body in table.bodies]
    return replace(table, columns=[table.columns[index] for index in kept], bodies=bodies)


def _has_content(cell: Cell) -> bool:
    return cell.text not in ("", NOTHING) or bool(cell.note) or cell.strip is not None
