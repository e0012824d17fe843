"""Lines of delimited fields to interactions, fast on lines that are right and precise about the first that is not.

Every block is parsed by Arrow first. Where Arrow refuses a block, or could understand it differently (quotes, lone
carriage returns), the block is parsed again line by line. That second, slow parser defines the format; the fast one
only has to agree with it.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from hydrarec.data.text import Block, MalformedLineError, no_interactions

UNIT_SEPARATOR = "\x1f"
"""Stands in for separators of several characters, which Arrow's parser does not know."""
LARGEST_TIMESTAMP = 2**63 - 1
_TYPES = {
    "user": pa.dictionary(pa.int32(), pa.string()),
    "item": pa.dictionary(pa.int32(), pa.string()),
    "timestamp": pa.int64(),
}


@dataclass(frozen=True)
class LineFormat:
    """What a line of the file looks like."""

    columns: tuple[str, ...]
    """Meaning of the fields in order; `user`, `item` and `timestamp` are read, others are not."""
    separator: str | None
    """What stands between two fields; None: any white space."""
    header: bool = False
    """Whether the first line names the columns."""

    @property
    def read(self) -> tuple[str, ...]:
        """The columns that are read, in the order of the result."""
        return tuple(name for name in _TYPES if name in self.columns)

    def fields(self, line: str) -> list[str]:
        """Split a line; raises `csv.Error` if quotes do not match."""
        if self.separator is None:
            return line.split()
        if len(self.separator) > 1:
            return line.split(self.separator)
        return next(csv.reader([line], delimiter=self.separator, strict=True))


def parse(blocks: Iterable[Block], form: LineFormat, source: str) -> pd.DataFrame:
    """Parse a file of delimited lines.

    Parameters
    ----------
    blocks
        The file's lines.
    form
        What a line looks like. Fields of one-character separators may stand in double quotes, without line breaks
        inside. Blank lines are skipped.
    source
        What messages call the file.

    Returns
    -------
    pandas.DataFrame
        Columns `user`, `item` (categoricals of text) and `timestamp` (int64; Int64 and all null if the format has
        none), in file order.

    Raises
    ------
    ValueError
        If there is no interaction; `MalformedLineError` if a line has another number of fields, an empty user or item,
        or a timestamp that is not a whole number of at least 0.
    """
    tables = []
    for block in _without_header(blocks, form, source) if form.header else blocks:
        table = _parse_fast(block, form)
        tables.append(_parse_carefully(block, form, source) if table is None else table)
    if not sum(map(len, tables)):
        raise no_interactions(source)
    # One dictionary for all blocks, in the order of first appearance, instead of one per block.
    frame = pa.concat_tables(tables).unify_dictionaries().to_pandas()
    if "timestamp" not in form.columns:
        frame["timestamp"] = no_timestamps(len(frame))
    return frame


def no_timestamps(n_rows: int) -> pd.Series:
    """Return the timestamp column of a format that has no times: all null."""
    return pd.Series([pd.NA], dtype="Int64").repeat(n_rows).reset_index(drop=True)


def _without_header(blocks: Iterable[Block], form: LineFormat, source: str) -> Iterator[Block]:
    """Drop the first line that is not blank, once it is known to have as many fields as the others should."""
    waiting = True
    for block in blocks:
        first = next(block.lines(), None) if waiting else None
        if first is None:
            yield block
            continue
        waiting = False
        number, line = first
        _checked_fields(line, number, form, source)
        rest = block.text.split("\n", number - block.first_line + 1)
        yield Block(rest[-1] if len(rest) > number - block.first_line + 1 else "", number + 1)


def _parse_fast(block: Block, form: LineFormat) -> pa.Table | None:
    """Parse with Arrow; None if that fails or the slow parser could understand the text differently."""
    separator, text = form.separator or " ", block.text.replace("\r\n", "\n")
    if '"' in text or "\r" in text or not text.strip():
        return None
    if len(separator) > 1 and UNIT_SEPARATOR not in text:
        separator, text = UNIT_SEPARATOR, text.replace(separator, UNIT_SEPARATOR)
    if len(separator.encode()) > 1:
        return None
    names = [f"{place}-{name}" for place, name in enumerate(form.columns)]
    wanted = {name: names[form.columns.index(name)] for name in form.read}
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(text.encode()),
            read_options=pyarrow.csv.ReadOptions(column_names=names),
            parse_options=pyarrow.csv.ParseOptions(delimiter=separator, quote_char=False),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=list(wanted.values()),
                column_types={wanted[name]: _TYPES[name] for name in form.read},
                null_values=[],
                strings_can_be_null=False,
            ),
        ).rename_columns(list(form.read))
    except pa.ArrowInvalid:
        return None
    return None if _has_bad_values(table) else table


def _has_bad_values(table: pa.Table) -> bool:
    empty = any("" in chunk.dictionary.to_pylist() for name in ("user", "item") for chunk in table[name].chunks)
    return empty or ("timestamp" in table.column_names and pc.min(table["timestamp"]).as_py() < 0)


def _parse_carefully(block: Block, form: LineFormat, source: str) -> pa.Table:
    """Parse line by line, which finds the line that is wrong."""
    values: dict[str, list[str | int]] = {name: [] for name in form.read}
    for number, line in block.lines():
        fields = _checked_fields(line, number, form, source)
        for name in form.read:
            field = fields[form.columns.index(name)]
            if name == "timestamp":
                values[name].append(_timestamp(field, number, line, source))
            elif field:
                values[name].append(field)
            else:
                raise MalformedLineError(source, number, line, f"the {name} is empty")
    return pa.table({name: pa.array(values[name], _TYPES[name]) for name in form.read})


def _checked_fields(line: str, number: int, form: LineFormat, source: str) -> list[str]:
    try:
        fields = form.fields(line)
    except csv.Error as error:
        raise MalformedLineError(source, number, line, f"quotes do not match ({error})") from None
    if len(fields) != len(form.columns):
        between = "white space" if form.separator is None else repr(form.separator)
        expected = f"expected {len(form.columns)} fields ({', '.join(form.columns)}) separated by {between}"
        raise MalformedLineError(source, number, line, f"{expected}; found {len(fields)}")
    return fields


def _timestamp(field: str, number: int, line: str, source: str) -> int:
    if not re.fullmatch(r"\s*[0-9]+\s*", field) or int(field) > LARGEST_TIMESTAMP:
        hint = "; if this line names the columns, set `header: true`" if number == 1 else ""
        problem = f"the timestamp {field!r} is not a whole number of seconds, 0 or more{hint}"
        raise MalformedLineError(source, number, line, problem)
    return int(field)
