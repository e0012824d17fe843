"""What a table of the page is made of; `table.html.j2` writes it."""

from dataclasses import dataclass, field

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
    """A table of the page."""

    name: str
    """Its anchor."""
    caption: str
    columns: list[Column]
    bodies: list[list[Row]] = field(default_factory=list)
    """Groups of rows that stay together when the table is sorted."""
    csv: str = ""
    """Address of the CSV file with all its numbers."""
