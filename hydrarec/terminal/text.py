"""Plain text: columns that line up, and only characters that every terminal, pipe and log can write."""

import textwrap
from collections.abc import Sequence

from hydrarec.formatting import MINUS, NARROW, NOTHING

WIDTH = 80
"""Columns that every terminal has."""
_PLAIN = str.maketrans({MINUS: "-", NARROW: " ", NOTHING: "-"})


def to_ascii(text: str) -> str:
    """Write typographic characters of numbers with those of ASCII.

    >>> to_ascii("−4.2\u202f%"), to_ascii("0.1\u20130.2")
    ('-4.2 %', '0.1-0.2')
    """
    return text.translate(_PLAIN)


def wrap(text: str) -> list[str]:
    """Break a sentence into lines that every terminal has room for; words stay whole.

    >>> wrap("x" * 78 + " and more")[1]
    'and more'
    """
    # Numbers still hold their own spaces here, at which no line is broken.
    return [to_ascii(line) for line in textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)]


def align(rows: Sequence[Sequence[str]], left: int = 1, indent: int = 2) -> list[str]:
    r"""Return rows of cells as lines whose columns line up.

    Parameters
    ----------
    rows
        Cells, equally many in each row.
    left
        Columns, from the first, that are flush left; the others are flush right.
    indent
        Spaces before each line.

    Examples
    --------
    >>> print("\n".join(align([["metric", "mean"], ["mrr", "0.1"]], indent=0)))
    metric  mean
    mrr      0.1
    """
    cells = [[to_ascii(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        (
            " " * indent
            + "  ".join(
                cell.ljust(width) if index < left else cell.rjust(width)
                for index, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
        ).rstrip()
        for row in cells
    ]
