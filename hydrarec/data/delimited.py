"""Lines of delimited fields to interactions, fast on lines that are right and precise about the first that is not.

Every block is parsed by Arrow first, while the next ones are read. Where Arrow refuses a block, or could understand it
differently (quotes, lone carriage returns), the block is parsed again line by line. That second, slow parser defines
the format; the fast one only has to agree with it.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from hydrarec.data.text import LONGEST_ID, NO_VALUE, Block, MalformedLineError, misfit, no_interactions

UNIT_SEPARATOR = b"\x1f"
"""Stands in for separators of several characters, which Arrow's parser does not know."""
LARGEST_TIMESTAMP = 99_999_999_999
"""In the year 5138; what is later is not counted in seconds."""
MEANINGS = ("user", "item", "rating", "timestamp")
"""What a header may call a column, perhaps with `id` behind it; then it must be that column."""
PARSERS = 2
"""Blocks parsed at the same time; more would wait for the one thread that reads and unpacks."""
WAITING_BLOCKS = 8
"""Most blocks that are read and not parsed yet."""
LARGEST_BLOCK_BYTES = 2**24
"""Bytes that Arrow takes in at once: more than a block has, unless a line is very long."""
_TYPES = {
    "user": pa.dictionary(pa.int32(), pa.string()),
    "item": pa.dictionary(pa.int32(), pa.string()),
    "timestamp": pa.int64(),
}
LARGEST_NUMBER = 2**22
"""Largest id kept as a number; tables over all numbers up to here take a few MiB."""
_NUMBER = pa.uint32()
_OTHER_WHITE_SPACE = re.compile(r"[^\S \n]")
_NO_VALUE = pa.array(sorted(NO_VALUE))
_HEXADECIMAL = re.compile(rb"(?<![0-9A-Za-z])0[xX]")


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
        if len(self.separator) > 1 or not ('"' in line or "\r" in line):
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
        Columns `user`, `item` (categoricals of text; whole numbers if every id of the column is one up to
        `LARGEST_NUMBER`, written without leading zeros) and `timestamp` (int64; Int64 and all null if the format has
        none), in file order.

    Raises
    ------
    ValueError
        If there is no interaction, or an id stands there both as a whole number and with a fraction of 0;
        `MalformedLineError` if a line has another number of fields, a user or item that is none, or a timestamp that
        is no whole number of seconds, or if what should be the header is none.
    """
    parsed = _parse_all(_without_header(blocks, form, source) if form.header else blocks, form, source)
    tables = [table for table in parsed if len(table)]
    if not tables:
        raise no_interactions(source)
    for name in ("user", "item"):
        if any(table[name].type != _NUMBER or pc.max(table[name]).as_py() > LARGEST_NUMBER for table in tables):
            tables = [_with_text(table, name) for table in tables]
    # One dictionary for all blocks, in the order of first appearance, instead of one per block.
    table = pa.concat_tables(tables).unify_dictionaries()
    _refuse_two_spellings(table, source)
    del parsed, tables
    # Each column's blocks are given back once they are one array.
    frame = table.to_pandas(split_blocks=True, self_destruct=True)
    del table
    if "timestamp" not in form.columns:
        frame["timestamp"] = no_timestamps(len(frame))
    return frame


def _parse_all(blocks: Iterable[Block], form: LineFormat, source: str) -> list[pa.Table]:
    """Parse blocks in threads while the next ones are read; of several errors the first in the file is raised."""
    parsed: list[Future[pa.Table]] = []
    with ThreadPoolExecutor(PARSERS) as parsers:
        try:
            for block in blocks:
                parsed.append(parsers.submit(_parse_block, block, form, source))
                if len(parsed) >= WAITING_BLOCKS:
                    parsed[-WAITING_BLOCKS].result()
        finally:
            # Also if reading went wrong: a line before that place may be wrong too, and is named instead.
            tables = [future.result() for future in parsed]
    return tables


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
        if problem := _header_misfit(_checked_fields(line, number, form, source), form):
            raise MalformedLineError(source, number, line, problem)
        rest = block.data.split(b"\n", number - block.first_line + 1)
        yield Block(rest[-1] if len(rest) > number - block.first_line + 1 else b"", number + 1)


def _parse_block(block: Block, form: LineFormat, source: str) -> pa.Table:
    table = _parse_fast(block, form)
    return _parse_carefully(block, form, source) if table is None else table


def _parse_fast(block: Block, form: LineFormat) -> pa.Table | None:
    """Parse with Arrow; None if that fails or the slow parser could understand the text differently."""
    data = block.data.replace(b"\r\n", b"\n") if b"\r" in block.data else block.data
    if _is_ambiguous(data, form):
        return None
    separator = (form.separator or " ").encode()
    if len(separator) > 1 and UNIT_SEPARATOR not in data:
        separator, data = UNIT_SEPARATOR, data.replace(separator, UNIT_SEPARATOR)
    if len(separator) > 1:
        return None
    # Numbers are several times as fast as text; where a later line is not one, everything is text after all.
    attempts = [_types_of_first_line(data, form, separator), _TYPES] if _is_plain(data, separator) else [_TYPES]
    for types in attempts:
        table = _read_csv(data, form, separator, types)
        if table is not None:
            return None if _has_misfits(table) else table
    return None


def _read_csv(data: bytes, form: LineFormat, separator: bytes, types: dict[str, pa.DataType]) -> pa.Table | None:
    names = [f"{place}-{name}" for place, name in enumerate(form.columns)]
    wanted = {name: names[form.columns.index(name)] for name in form.read}
    # Arrow's signed numbers may be -0.
    unsigned = types | {"timestamp": pa.uint64()}
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(data),
            # One thread: several blocks are parsed at the same time.
            read_options=pyarrow.csv.ReadOptions(column_names=names, use_threads=False, block_size=LARGEST_BLOCK_BYTES),
            parse_options=pyarrow.csv.ParseOptions(delimiter=separator.decode(), quote_char=False),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=list(wanted.values()),
                column_types={wanted[name]: unsigned[name] for name in form.read},
                null_values=[],
                strings_can_be_null=False,
            ),
        ).rename_columns(list(form.read))
        return table.cast(pa.schema([(name, types[name]) for name in form.read]))
    except pa.ArrowInvalid:
        return None


def _types_of_first_line(data: bytes, form: LineFormat, separator: bytes) -> dict[str, pa.DataType]:
    """Guess which ids are numbers."""
    fields = dict(zip(form.columns, data[: data.find(b"\n")].split(separator), strict=False))
    return _TYPES | {name: _NUMBER for name in ("user", "item") if fields.get(name, b"").isdigit()}


def _is_plain(data: bytes, separator: bytes) -> bool:
    """Whether every whole number is the shortest way to write it: no white space, no 0 before another digit.

    May say no where it is so, if fields are separated by something that stands behind the digits in the alphabet.
    """
    if separator >= b"0" or any(space in data for space in {b" ", b"\t"} - {separator}) or data[:1] == b"0":
        return False
    characters = np.frombuffer(data, dtype=np.uint8)
    padding = characters[1:-1] == ord("0")
    # In place, because new arrays of this size cost more than the comparisons. A number may be 0.5, but no id is.
    padding &= characters[2:] > ord(".")
    padding &= characters[:-2] < ord("0")
    return not np.isin(characters[:-2][padding], [ord(separator), ord("\n")]).any()


def _with_text(table: pa.Table, name: str) -> pa.Table:
    """Turn numbers into what stands in the file."""
    if table[name].type != _NUMBER:
        return table
    place = table.column_names.index(name)
    return table.set_column(place, name, table[name].cast(pa.string()).dictionary_encode().cast(_TYPES[name]))


def _is_ambiguous(data: bytes, form: LineFormat) -> bool:
    """Whether Arrow and the slow parser could differ: quotes, line ends, other white space, hexadecimal numbers."""
    if data.isspace() or not data or b'"' in data or b"\r" in data:
        return True
    if form.separator is None and _OTHER_WHITE_SPACE.search(data.decode()):
        return True
    return "timestamp" in form.columns and (b"x" in data or b"X" in data) and bool(_HEXADECIMAL.search(data))


def _has_misfits(table: pa.Table) -> bool:
    """Whether a field cannot be what it should be, so that the slow parser finds the line."""
    if "timestamp" in table.column_names and pc.max(table["timestamp"]).as_py() > LARGEST_TIMESTAMP:
        return True
    texts = [name for name in ("user", "item") if table[name].type != _NUMBER]
    return any(_is_misfit(chunk.dictionary) for name in texts for chunk in table[name].chunks)


def _is_misfit(texts: pa.Array) -> bool:
    empty = pc.min(pc.utf8_length(pc.utf8_trim_whitespace(texts))).as_py() == 0
    # Bytes, of which there are at least as many as characters.
    long = pc.max(pc.binary_length(texts)).as_py() > LONGEST_ID
    return empty or long or pc.any(pc.is_in(texts, _NO_VALUE)).as_py()


def _refuse_two_spellings(table: pa.Table, source: str) -> None:
    """Refuse 12 beside 12.0: whoever wrote the file meant one id, and here it would be two."""
    for name in ("user", "item"):
        if table[name].type == _NUMBER:
            continue
        texts = table[name].chunk(0).dictionary
        fractions = texts.filter(pc.ends_with(texts, ".0"))
        whole = pc.utf8_slice_codeunits(fractions, 0, -2)
        both = whole.filter(pc.is_in(whole, texts))
        if len(both):
            raise ValueError(
                f"{source}: the {name} {both[0].as_py()} stands there also as {both[0].as_py()}.0, {len(both)} such "
                "ids; write ids as text or whole numbers, the same everywhere"
            )


def _header_misfit(names: list[str], form: LineFormat) -> str:
    """Return why a line does not name the columns; empty if it may."""
    if "timestamp" in form.columns and names[form.columns.index("timestamp")].strip().isdecimal():
        return "expected the names of the columns, found an interaction; set `header: false`"
    if twice := next((name for name in names if names.count(name) > 1), None):
        return f"the column {twice!r} stands there more than once"
    for name, column in zip(names, form.columns, strict=True):
        meant = name.strip().lower().removesuffix("id").removesuffix("_")
        if meant in MEANINGS and column in MEANINGS and meant != column:
            return f"the column {name!r} stands where the reader's `columns` say {column}"
    return ""


def _parse_carefully(block: Block, form: LineFormat, source: str) -> pa.Table:
    """Parse line by line, which finds the line that is wrong."""
    values: dict[str, list[str | int]] = {name: [] for name in form.read}
    for number, line in block.lines():
        fields = _checked_fields(line, number, form, source)
        for name in form.read:
            field = fields[form.columns.index(name)]
            if name == "timestamp":
                values[name].append(_timestamp(field, number, line, source))
            elif problem := misfit(field):
                raise MalformedLineError(source, number, line, f"the {name} {problem}")
            else:
                values[name].append(field)
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
    whole = re.fullmatch(r"\s*[0-9]{1,30}\s*", field)
    if whole and int(field) <= LARGEST_TIMESTAMP:
        return int(field)
    hint = "; divide milliseconds by 1000 first" if whole else ""
    hint = "; if this line names the columns, set `header: true`" if number == 1 and not whole else hint
    problem = f"the timestamp {field!r} is not a whole number of seconds from 0 to {LARGEST_TIMESTAMP}{hint}"
    raise MalformedLineError(source, number, line, problem)
