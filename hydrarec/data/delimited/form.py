"""What a line of delimited fields looks like, and the columns it becomes."""

import csv
import re
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

TYPES = {
    "user": pa.dictionary(pa.int32(), pa.string()),
    "item": pa.dictionary(pa.int32(), pa.string()),
    "timestamp": pa.int64(),
}
"""Columns that are read, in the order of the result."""
NUMBER = pa.uint32()
"""Type of a column of ids that are all numbers standing for themselves."""
LARGEST_TIMESTAMP = 99_999_999_999
"""In the year 5138; what is later is not counted in seconds."""
ISO_8601 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
"""Dates, or dates with times and perhaps a zone; the same to Python and to Arrow."""


@dataclass(frozen=True)
class LineFormat:
    """What a line of the file looks like."""

    columns: tuple[str, ...]
    """Meaning of the fields in order; `user`, `item` and `timestamp` are read, others are not."""
    separator: str | None
    """What stands between two fields; None: any white space."""
    header: bool = False
    """Whether the first line names the columns."""
    iso_8601: bool = False
    """Whether timestamps are dates and times, and not seconds since 1970."""

    @property
    def read(self) -> tuple[str, ...]:
        """The columns that are read, in the order of the result."""
        return tuple(name for name in TYPES if name in self.columns)

    @property
    def has_quotes(self) -> bool:
        """Whether a quote may enclose a field; elsewhere it is a character like others."""
        return self.separator is not None and len(self.separator) == 1

    def fields(self, line: str) -> list[str]:
        """Split a line; raises `csv.Error` if quotes do not match or a line ends within it."""
        if self.separator is None:
            return line.split()
        plain = line.split(self.separator)
        if not self.has_quotes or not ('"' in line or "\r" in line):
            return plain
        # Many files with tabs know no quotes, and have titles that begin with one.
        literal = self.separator == "\t" and "\r" not in line and len(plain) == len(self.columns)
        try:
            found = next(csv.reader([line], delimiter=self.separator, strict=True))
        except csv.Error:
            if literal:
                return plain
            raise
        return plain if literal and len(found) != len(plain) else found


def no_timestamps(n_rows: int) -> pd.Series:
    """Return the timestamp column of a format that has no times: all null."""
    return pd.Series([pd.NA], dtype="Int64").repeat(n_rows).reset_index(drop=True)
