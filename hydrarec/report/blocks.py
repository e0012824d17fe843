"""What the page is built of: chapters, their parts, and what stands in them.

Every figure and table of the report is a block somewhere in these, and everything that is written beside the page (SVG,
PDF, CSV, LaTeX, JSON) is found by walking through them. `blocks.html.j2` has a macro for each kind of block.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from markupsafe import Markup

from hydrarec.report.cells import Table
from hydrarec.report.figures.panels import Figure


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    macro: ClassVar[str] = "text"
    text: str
    """Escaped unless it is `Markup`."""
    look: str = ""
    """Class of the paragraph: under (what a part is about), key (how to read what stands above), or none."""


@dataclass(frozen=True)
class Facts:
    """Names with values."""

    macro: ClassVar[str] = "facts"
    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Lines:
    """A numbered list."""

    macro: ClassVar[str] = "lines"
    lines: Sequence[str]


@dataclass(frozen=True)
class Code:
    """Text as it is, folded away."""

    macro: ClassVar[str] = "code"
    title: str
    text: str


@dataclass(frozen=True)
class Folded:
    """Blocks that most readers do not ask for."""

    macro: ClassVar[str] = "folded"
    title: str
    blocks: Sequence["PageBlock"]
    anchor: str = ""
    note: str = ""
    """Smaller text behind the title."""


@dataclass(frozen=True)
class Card:
    """What is to be known first about one subject; cards stand side by side."""

    macro: ClassVar[str] = "card"
    title: Markup | str
    blocks: Sequence["PageBlock"]


@dataclass(frozen=True)
class Cards:
    """Cards side by side."""

    macro: ClassVar[str] = "cards"
    blocks: Sequence[Card]


PageBlock = Text | Facts | Lines | Code | Folded | Card | Cards | Table | Figure


@dataclass(frozen=True)
class Part:
    """Blocks under a heading of their own; without a title they stand directly below the chapter's."""

    blocks: Sequence[PageBlock]
    title: str = ""
    anchor: str = ""
    note: str = ""
    """Smaller text behind the title."""


@dataclass(frozen=True)
class Chapter:
    """A section of the page."""

    anchor: str
    """Its address, and the folder of its figures and tables."""
    title: str
    parts: Sequence[Part] = field(default_factory=list)
    brief: str = ""
    """Its title in the table of contents, where that has to be shorter."""

    def tables(self) -> Iterator[Table]:
        """Go through its tables."""
        return (block for block in self._walk() if isinstance(block, Table))

    def figures(self) -> Iterator[Figure]:
        """Go through its figures."""
        return (block for block in self._walk() if isinstance(block, Figure))

    def _walk(self) -> Iterator[PageBlock]:
        for part in self.parts:
            yield from _flatten(part.blocks)


def block_numbers(chapters: Sequence[Chapter]) -> dict[str, str]:
    """Return by its address what the page calls every table and figure, such as `Table 3`."""
    tables = [table.name for chapter in chapters for table in chapter.tables()]
    figures = [figure.name for chapter in chapters for figure in chapter.figures()]
    return {name: f"Table {number}" for number, name in enumerate(tables, 1)} | {
        name: f"Figure {number}" for number, name in enumerate(figures, 1)
    }


def _flatten(blocks: Sequence[PageBlock]) -> Iterator[PageBlock]:
    for block in blocks:
        yield block
        if isinstance(block, Folded | Card | Cards):
            yield from _flatten(block.blocks)
