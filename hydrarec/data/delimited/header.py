"""The line that names the columns."""

from collections.abc import Iterable, Iterator

from hydrarec.data.delimited.careful import checked_fields, seconds_of_iso_8601
from hydrarec.data.delimited.form import LineFormat
from hydrarec.data.text import LineBlock, MalformedLineError

MEANINGS = ("user", "item", "rating", "timestamp")
"""What a header may call a column, perhaps with `id` behind it; then it must be that column."""


def without_names(blocks: Iterable[LineBlock], form: LineFormat, source: str) -> Iterator[LineBlock]:
    """Refuse a first line that names the columns of a format without a header: they would be an interaction.

    Where there are times, no name is one, and the parsers say so.
    """
    waiting = "timestamp" not in form.columns
    for block in blocks:
        if waiting and (first := next(block.lines(), None)) is not None:
            waiting = False
            number, line = first
            names = dict(zip(form.columns, line.split(form.separator), strict=False))
            if all(_meant(names.get(column, "")) == column for column in form.read):
                problem = "expected an interaction, found the names of the columns; leave out this line"
                raise MalformedLineError(source, number, line, problem)
        yield block


def without_header(blocks: Iterable[LineBlock], form: LineFormat, source: str) -> Iterator[LineBlock]:
    """Drop the first line that is not blank, once it is known to have as many fields as the others should."""
    waiting = True
    for block in blocks:
        first = next(block.lines(), None) if waiting else None
        if first is None:
            yield block
            continue
        waiting = False
        number, line = first
        if problem := _why_no_header(checked_fields(line, number, form, source), form):
            raise MalformedLineError(source, number, line, problem)
        rest = block.data.split(b"\n", number - block.first_line + 1)
        yield LineBlock(rest[-1] if len(rest) > number - block.first_line + 1 else b"", number + 1)


def _why_no_header(names: list[str], form: LineFormat) -> str | None:
    """Return why a line does not name the columns; None if it may."""
    if "timestamp" in form.columns and _is_time(names[form.columns.index("timestamp")]):
        return "expected the names of the columns, found an interaction; set `header: false`"
    read = [name for name, column in zip(names, form.columns, strict=True) if column in form.read]
    if (repeated := next((name for name in read if names.count(name) > 1), None)) is not None:
        return f"the column {repeated!r} stands there more than once"
    for name, column in zip(names, form.columns, strict=True):
        meant = _meant(name)
        if meant in MEANINGS and column in MEANINGS and meant != column:
            return f"the column {name!r} stands where the reader's `columns` say {column}"
    return None


def _meant(name: str) -> str:
    """Return what a name of a column says that it is."""
    return name.strip().strip('"').lower().removesuffix("id").removesuffix("_")


def _is_time(name: str) -> bool:
    return name.strip().isdecimal() or seconds_of_iso_8601(name) is not None
