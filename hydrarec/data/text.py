"""Bytes to lines: checks a raw text file block by block and counts its lines, so that every error can name one."""

import codecs
import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np

from hydrarec.data.chunked import chunk_slices
from hydrarec.progress import bar

BLOCK_BYTES = 2**22
"""Bytes read at a time; large files never lie in memory as a whole. Larger blocks are given back to the system each
time, and clearing new memory then costs as much as parsing."""
CONTAINS_ASCII = ("utf-8", "ascii", "iso8859-1")
"""Encodings in which bytes below 128 are UTF-8 already, whatever stands before them: lines can be cut undecoded."""
LONGEST_LINE_BYTES = 2**23
"""A line beyond this is none: the file is not what it is taken for."""
LONGEST_ID = 1000
"""Most characters of a user or item."""
NO_VALUE = {
    *("NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "nan", "NaN", "NAN", "-nan", "-NaN", "NaT", "none", "None", "NONE"),
    *("null", "Null", "NULL", "(null)", "(NULL)", "<null>", "<NULL>", "[NULL]", r"\N", "undefined", "#NAME?"),
}
"""What R, pandas, JavaScript, spreadsheets and databases write where there is no value; as an id, all would be one user
or item."""
ROUNDED = r"^[0-9]([.,][0-9]+)?E[+][0-9]+$"
"""What spreadsheets make of ids of many digits: several become one."""
INVISIBLE = "\u200b\u200e\u200f\u2060\ufeff"
"""Characters without width that stand at the ends of words by accident only."""
OTHER_FORMATS = {
    b"\x1f\x8b": "compressed with gzip; unpack it",
    b"BZh": "compressed with bzip2; unpack it",
    b"\xfd7zXZ\0": "compressed with xz; unpack it",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; unpack it",
    b"PK\x03\x04": "a zip archive; unpack it",
    b"PAR1": "a Parquet file; write it as text",
}
"""What files begin with that are taken for text by mistake, and what to do about it."""
LINE_FEED = ord("\n")
NUMERIC = ord("+"), ord(":")
"""First and last of the characters of numbers and of what mostly stands between them: `+,-./0123456789:`."""
SHOWN_CHARACTERS = 80
"""Length to which a quoted line is cut in messages."""


@dataclass(frozen=True)
class LineBlock:
    """A block of whole lines of a file."""

    data: bytes
    """The lines in UTF-8, each ending in a line feed except perhaps the file's last."""
    first_line: int
    """Number of the first one, from 1."""

    @property
    def n_line_feeds(self) -> int:
        """How many lines end in it."""
        return self._scanned[0]

    @property
    def only_numbers(self) -> bool:
        """Whether there is nothing in it but line feeds and `NUMERIC` characters."""
        return self._scanned[1]

    @cached_property
    def _scanned(self) -> tuple[int, bool]:
        """Both of these, from one look at the bytes."""
        characters, (first, last) = np.frombuffer(self.data, dtype=np.uint8), NUMERIC
        n_line_feeds, only_numbers = 0, True
        for rows in chunk_slices(len(characters)):
            part = characters[rows]
            found = np.count_nonzero(part == LINE_FEED)
            n_line_feeds += int(found)
            # What is below the first are the line feeds.
            only_numbers = only_numbers and np.count_nonzero(part < first) == found and bool(part.max() <= last)
        return n_line_feeds, only_numbers

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield number and text of every line that is not blank."""
        for number, line in enumerate(self.data.decode().split("\n"), self.first_line):
            stripped = line.removesuffix("\r")
            if stripped.strip():
                yield number, stripped


class MalformedLineError(ValueError):
    """A line is not what the reader expects; the message has file, line number, text and what was expected."""

    def __init__(self, source: str, number: int, line: str, problem: str) -> None:
        shown = line if len(line) <= SHOWN_CHARACTERS else f"{line[:SHOWN_CHARACTERS]}..."
        super().__init__(f"{source}:{number}: {shown!r}: {problem}")


def read_blocks(stream: BinaryIO, source: str, encoding: str, total_bytes: int) -> Iterator[LineBlock]:
    """Cut a stream into blocks of whole lines.

    Parameters
    ----------
    stream
        The bytes.
    source
        What messages call the file.
    encoding
        How the text is encoded. A byte order mark is skipped.
    total_bytes
        Length of the stream, for the progress bar.

    Raises
    ------
    ValueError
        If a byte does not fit the encoding, is NUL, a byte order mark stands within the file, or a line is too long;
        naming the line.
    """
    decoder = None if encoding in CONTAINS_ASCII else codecs.getincrementaldecoder(encoding)()
    pending, line = b"", 1
    for chunk in _chunks(stream, source, total_bytes):
        data = chunk
        if decoder is not None:
            with _naming(source, line, pending, encoding):
                data = decoder.decode(chunk, final=not chunk).encode()
        cut = data.rfind(b"\n") + 1 if chunk else len(data)
        # Without a line feed in it, what came is part of a line that is not over yet; at the end the line is over.
        if cut or (pending and not chunk):
            block = LineBlock(b"".join((pending, memoryview(data)[:cut])), line)
            # Looked at here, before another thread has the block and looks as well.
            if not block.only_numbers:
                block = LineBlock(_checked(block.data, "utf-8" if decoder else encoding, source, line), line)
            line, pending = line + block.n_line_feeds, b""
            yield block
        pending += data[cut:]
        if len(pending) > LONGEST_LINE_BYTES:
            raise ValueError(
                f"{source}:{line}: the line is longer than {LONGEST_LINE_BYTES} bytes; is this a file of interactions?"
            )


def _checked(data: bytes, encoding: str, source: str, line: int) -> bytes:
    """Return lines of an encoding that contains ASCII in UTF-8; refuse what no text of interactions holds."""
    # Nearly every byte of nearly every file is ASCII, which need not be decoded to be encoded again.
    if not data.isascii():
        with _naming(source, line, b"", encoding):
            data = data.decode(encoding).encode()
        if line == 1:
            data = data.removeprefix(codecs.BOM_UTF8)
        _refuse_marks(data, source, line)
    if b"\0" in data:
        number = line + data.partition(b"\0")[0].count(LINE_FEED)
        raise ValueError(
            f"{source}:{number}: holds a NUL byte, which no text does; if it is UTF-16, say so with `encoding` in the "
            "reader's block"
        )
    return data


@contextmanager
def _naming(source: str, line: int, before: bytes, encoding: str) -> Iterator[None]:
    """Name the line of what cannot be decoded; `before` is what stands between where `line` begins and that."""
    try:
        yield
    except UnicodeDecodeError as error:
        passed = before.decode() + error.object[: error.start].decode(encoding, errors="replace")
        raise ValueError(
            f"{source}:{line + passed.count(chr(10))}: byte 0x{error.object[error.start]:02x} is not {encoding}; "
            "if the file has another encoding, say so with `encoding` in the reader's block"
        ) from None
    except UnicodeError as error:
        raise ValueError(f"{source}:{line}: not {encoding}: {error}; say what it is with `encoding`") from None


def _refuse_marks(text: bytes, source: str, line: int) -> None:
    """Refuse a byte order mark where a line begins: it would be part of an id, of a user who has another name above."""
    start = 0 if text.startswith(codecs.BOM_UTF8) else text.find(b"\n" + codecs.BOM_UTF8) + 1
    if start or text.startswith(codecs.BOM_UTF8):
        raise ValueError(
            f"{source}:{line + text[:start].count(LINE_FEED)}: begins with a byte order mark, as if another file began "
            "here; leave out these three bytes"
        )


def why_invalid_id(field: str) -> str | None:
    """Return why a field cannot be a user or item; None if it can."""
    if not field.strip():
        return "is empty"
    if field != field.strip() or field[0] in INVISIBLE or field[-1] in INVISIBLE:
        return f"is {field!r}, with white space at an end; the same name without it would be another user or item"
    if len(field) > LONGEST_ID:
        return f"has {len(field)} characters; allowed: up to {LONGEST_ID}"
    if field in NO_VALUE:
        return f"is {field!r}, which stands for no value; leave out such lines, or write it otherwise if it is a name"
    if re.match(ROUNDED, field):
        return f"is {field!r}, a number that a spreadsheet has rounded, as which several become one; export it as text"
    return None


def open_text(path: Path, encoding: str) -> Iterator[LineBlock]:
    """Read a text file as blocks of lines; raises like `read_blocks`, and `FileNotFoundError`."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    with path.open("rb") as stream:
        _refuse_other_formats(stream, path)
        yield from read_blocks(stream, str(path), encoding, path.stat().st_size)


def _refuse_other_formats(stream: BinaryIO, path: Path) -> None:
    beginning = stream.read(max(map(len, OTHER_FORMATS)))
    stream.seek(0)
    for magic, what in OTHER_FORMATS.items():
        # Text may begin so too, but none of these goes on as text.
        if beginning.startswith(magic) and not _is_text(stream):
            raise ValueError(f"{path}: {what} first")


def _is_text(stream: BinaryIO) -> bool:
    beginning = stream.read(1024)
    stream.seek(0)
    return beginning.isascii() and b"\0" not in beginning


def no_interactions(source: str) -> ValueError:
    """Return the error for a file without a single interaction."""
    return ValueError(f"{source}: empty: there is no line with an interaction in it")


def _chunks(stream: BinaryIO, source: str, total_bytes: int) -> Iterator[bytes]:
    """Yield chunks of bytes, and an empty one at the end, which tells the decoder to finish."""
    number_of_blocks = -(-total_bytes // BLOCK_BYTES)
    chunks = iter(lambda: stream.read(BLOCK_BYTES), b"")
    shown = bar(chunks, total=number_of_blocks, what=f"read {Path(source).name}", unit="block")
    yield from itertools.chain(shown, [b""])
