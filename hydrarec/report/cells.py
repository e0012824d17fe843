"""What a table is made of; `table.html.j2` writes it for the page, `export` for papers and programs."""

from dataclasses import dataclass, field
from typing import ClassVar

import pandas as pd

from hydrarec.report.style import RunStyle


@dataclass(frozen=True)
class Strip:
    """A value with its interval, drawn in a cell; all in shares of the cell's width."""

    low: float
    mean: float
    high: float


@dataclass(frozen=True)
class Cell:
    """What stands in a table at one place."""

    text: str
    value: float | str | None = None
    """What the column is sorted by; the text if None."""
    note: str = ""
    """Smaller text behind it."""
    run: RunStyle | None = None
    """The run it names, whose marker stands before it."""
    strip: Strip | None = None
    """Drawn in its place."""
    address: str = ""
    """Where it leads to; a run's name leads to the run in any case."""


@dataclass(frozen=True)
class Column:
    """Heading of a column."""

    title: str
    numeric: bool = True
    hint: str = ""
    """What it means, where the title does not say it all."""


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
