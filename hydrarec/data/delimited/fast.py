"""Blocks of lines that are right, by Arrow; whatever it could understand differently is left to the careful parser."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from jaxtyping import UInt8

from hydrarec.data.chunked import chunk_slices
from hydrarec.data.delimited.form import ISO_8601, LARGEST_TIMESTAMP, NUMBER, TYPES, LineFormat
from hydrarec.data.text import INVISIBLE, LINE_FEED, LONGEST_ID, NO_VALUE, ROUNDED, LineBlock

UNIT_SEPARATOR = b"\x1f"
"""Stands in for separators of several characters, which Arrow's parser does not know."""
LARGEST_BLOCK_BYTES = 2**24
"""Bytes that Arrow takes in at once: more than a block has, unless a line is very long."""
_OTHER_WHITE_SPACE = re.compile(r"[^\S \n]")
_NO_VALUE = pa.array(sorted(NO_VALUE))
_HEXADECIMAL = re.compile(rb"(?<![0-9A-Za-z])0[xX]")


def parse_fast(block: LineBlock, form: LineFormat) -> pa.Table | None:
    """Parse with Arrow; None if that fails or the careful parser could understand the text differently."""
    data, quoted = block.data, False
    if not block.only_numbers:
        data = data.replace(b"\r\n", b"\n")
        if _is_ambiguous(data, form):
            return None
        quoted = form.has_quotes and b'"' in data
        if quoted and not _quotes_enclose_fields(data, form.separator):
            return None
    if not data or data.isspace():
        return None
    separator = (form.separator or " ").encode()
    if len(separator) > 1 and UNIT_SEPARATOR not in data:
        separator, data = UNIT_SEPARATOR, data.replace(separator, UNIT_SEPARATOR)
    if len(separator) > 1:
        return None
    # Numbers are several times as fast as text; where a later line is not one, everything is text after all.
    plain = (block.only_numbers or not _has_blanks(data, separator)) and not _has_padding(data, separator)
    # Between quotes, padding is not seen.
    plain &= not quoted
    attempts = [_types_of_first_line(data, form, separator), TYPES] if plain else [TYPES]
    for types in attempts:
        table = _read_csv(data, form, separator, types, quoted=quoted)
        if table is not None:
            return None if _has_invalid_fields(table) else table
    return None


def _read_csv(
    data: bytes, form: LineFormat, separator: bytes, types: dict[str, pa.DataType], *, quoted: bool
) -> pa.Table | None:
    names = [f"{index}-{name}" for index, name in enumerate(form.columns)]
    wanted = {name: names[form.columns.index(name)] for name in form.read}
    # Arrow's signed numbers may be -0.
    unsigned = types | {"timestamp": pa.string() if form.iso_8601 else pa.uint64()}
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(data),
            # One thread: several blocks are parsed at the same time.
            read_options=pyarrow.csv.ReadOptions(column_names=names, use_threads=False, block_size=LARGEST_BLOCK_BYTES),
            parse_options=pyarrow.csv.ParseOptions(delimiter=separator.decode(), quote_char='"' if quoted else False),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=list(wanted.values()),
                column_types={wanted[name]: unsigned[name] for name in form.read},
                null_values=[],
                strings_can_be_null=False,
            ),
        ).rename_columns(list(form.read))
        if form.iso_8601:
            index = table.column_names.index("timestamp")
            table = table.set_column(index, "timestamp", _seconds_of_iso_8601(table["timestamp"]))
        return table.cast(pa.schema([(name, types[name]) for name in form.read]))
    except pa.ArrowInvalid:
        return None


def _seconds_of_iso_8601(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return seconds since 1970; raises `pa.ArrowInvalid` for what is no such time, or before, or not like the first.

    Arrow takes times with zones or times without, and none beyond the year 2262.
    """
    if not pc.all(pc.match_substring_regex(texts, f"^({ISO_8601.pattern})$")).as_py():
        raise pa.ArrowInvalid("not ISO 8601")
    zone = re.search("Z|[+-][0-9]{2}:?[0-9]{2}$", texts[0].as_py()[len("2023-12-24") :])
    nanoseconds = texts.cast(pa.timestamp("ns", "UTC" if zone else None)).cast(pa.int64())
    if pc.min(nanoseconds).as_py() < 0:
        raise pa.ArrowInvalid("before 1970")
    return pc.divide(nanoseconds, 10**9)


def _types_of_first_line(data: bytes, form: LineFormat, separator: bytes) -> dict[str, pa.DataType]:
    """Guess which ids are numbers."""
    fields = dict(zip(form.columns, data[: data.find(b"\n")].split(separator), strict=False))
    return TYPES | {name: NUMBER for name in ("user", "item") if fields.get(name, b"").isdigit()}


def _has_blanks(data: bytes, separator: bytes) -> bool:
    """Whether there are blanks beside what separates fields, which may stand around a number."""
    return any(blank in data for blank in {b" ", b"\t"} - {separator})


def _has_padding(data: bytes, separator: bytes) -> bool:
    """Whether a whole number may be written longer than need be, with a 0 before another digit.

    May say so where none is, if fields are separated by something that stands behind the digits in the alphabet.
    """
    if separator >= b"0" or data[:1] == b"0":
        return True
    characters = np.frombuffer(data, dtype=np.uint8)
    return any(_pads(characters[rows.start : rows.stop + 2], separator) for rows in chunk_slices(len(characters)))


def _pads(characters: UInt8[np.ndarray, " N"], separator: bytes) -> bool:
    """Whether a number, but the first, begins with a 0 before another digit."""
    padding = characters[1:-1] == ord("0")
    # A number may be 0.5, but no id is.
    padding &= characters[2:] > ord(".")
    padding &= characters[:-2] < ord("0")
    if not padding.any():
        return False
    return bool(np.isin(characters[:-2][padding], [ord(separator), ord("\n")]).any())


def _is_ambiguous(data: bytes, form: LineFormat) -> bool:
    """Whether Arrow and the careful parser could differ: line ends, other white space, hexadecimal numbers."""
    if b"\r" in data:
        return True
    if form.separator is None and _OTHER_WHITE_SPACE.search(data.decode()):
        return True
    return "timestamp" in form.columns and (b"x" in data or b"X" in data) and bool(_HEXADECIMAL.search(data))


def _quotes_enclose_fields(data: bytes, separator: str) -> bool:
    """Whether every quote begins or ends a field of one line, so that nobody could take it for anything else."""
    characters = np.frombuffer(b"\n" + data + b"\n", dtype=np.uint8)
    quotes = np.flatnonzero(characters == ord('"'))
    if len(quotes) % 2:
        return False
    first, last = quotes[::2], quotes[1::2]
    between = [ord(separator), LINE_FEED]
    if not (np.isin(characters[first - 1], between).all() and np.isin(characters[last + 1], between).all()):
        return False
    lines = np.flatnonzero(characters == LINE_FEED)
    return bool((np.searchsorted(lines, first) == np.searchsorted(lines, last)).all())


def _has_invalid_fields(table: pa.Table) -> bool:
    """Whether a field cannot be what it should be, so that the careful parser finds the line."""
    if "timestamp" in table.column_names and pc.max(table["timestamp"]).as_py() > LARGEST_TIMESTAMP:
        return True
    texts = [name for name in ("user", "item") if table[name].type != NUMBER]
    return any(_has_invalid_ids(chunk.dictionary) for name in texts for chunk in table[name].chunks)


def _has_invalid_ids(texts: pa.Array) -> bool:
    trimmed = pc.utf8_trim_whitespace(texts)
    trimmed = pc.utf8_trim(trimmed, INVISIBLE)
    empty = pc.min(pc.utf8_length(trimmed)).as_py() == 0 or pc.any(pc.not_equal(trimmed, texts)).as_py()
    # Bytes, of which there are at least as many as characters.
    long = pc.max(pc.binary_length(texts)).as_py() > LONGEST_ID
    senseless = pc.or_(pc.is_in(texts, _NO_VALUE), pc.match_substring_regex(texts, ROUNDED))
    return empty or long or pc.any(senseless).as_py()
