"""Lines one by one: what defines the format, and finds the first line that is not of it."""

import csv
import datetime
import re

import pyarrow as pa

from hydrarec.data.delimited.form import ISO_8601, LARGEST_TIMESTAMP, TYPES, LineFormat
from hydrarec.data.text import LineBlock, MalformedLineError, why_invalid_id

FRACTIONS = {"milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
"""Units that others count time in, and how many of them are a second."""


def parse_carefully(block: LineBlock, form: LineFormat, source: str) -> pa.Table:
    """Parse line by line, which finds the line that is wrong."""
    values: dict[str, list[str | int]] = {name: [] for name in form.read}
    for number, line in block.lines():
        fields = checked_fields(line, number, form, source)
        for name in form.read:
            field = fields[form.columns.index(name)]
            if name == "timestamp":
                values[name].append(_timestamp(field, form, number, line, source))
            elif problem := why_invalid_id(field):
                raise MalformedLineError(source, number, line, f"the {name} {problem}")
            else:
                values[name].append(field)
    return pa.table({name: pa.array(values[name], TYPES[name]) for name in form.read})


def checked_fields(line: str, number: int, form: LineFormat, source: str) -> list[str]:
    """Split a line into as many fields as there should be."""
    try:
        fields = form.fields(line)
    except csv.Error as error:
        problem = f"quotes do not match ({error})"
        # Whether a later line closes it, this one does not say; it may not in either case.
        if "unexpected end" in str(error):
            problem = "quotes do not match in this line, and a field in quotes may not go on in the next one"
        if '"' not in line:
            problem = "a carriage return stands in it; lines end with a line feed, alone or after a carriage return"
        raise MalformedLineError(source, number, line, problem) from None
    if len(fields) != len(form.columns):
        between = "white space" if form.separator is None else repr(form.separator)
        expected = f"expected {len(form.columns)} fields ({', '.join(form.columns)}) separated by {between}"
        raise MalformedLineError(source, number, line, f"{expected}; found {len(fields)}")
    return fields


def _timestamp(field: str, form: LineFormat, number: int, line: str, source: str) -> int:
    found = seconds_of_iso_8601(field) if form.iso_8601 else _whole(field)
    if found is not None and 0 <= found <= LARGEST_TIMESTAMP:
        return found
    if form.iso_8601:
        expected = "a time from 1970 to 5138 as 2023-12-24T01:22:14Z, or a date"
    else:
        expected = f"a whole number of seconds from 0 to {LARGEST_TIMESTAMP}"
    hint = _hint(field, form, is_first=number == 1)
    raise MalformedLineError(source, number, line, f"the timestamp {field!r} is not {expected}{hint}")


def _hint(field: str, form: LineFormat, *, is_first: bool) -> str:
    """Return what to do about a timestamp that is none."""
    if (whole := _whole(field)) is not None:
        unit, factor = next(
            ((unit, factor) for unit, factor in FRACTIONS.items() if whole <= factor * LARGEST_TIMESTAMP), ("", 0)
        )
        return "; set `times: seconds`" if form.iso_8601 else f"; divide {unit} by {factor} first" if unit else ""
    if not form.iso_8601 and seconds_of_iso_8601(field) is not None:
        return "; a reader of kind ratings takes it with `times: iso8601`"
    if re.fullmatch(r"\s*[0-9]+[.][0-9]*\s*", field):
        return "; write it without a fraction, in pandas by .astype('int64')"
    return "; if this line names the columns, set `header: true`" if is_first else ""


def _whole(field: str) -> int | None:
    return int(field) if re.fullmatch(r"\s*[0-9]{1,30}\s*", field) else None


def seconds_of_iso_8601(field: str) -> int | None:
    """Return the seconds since 1970 of a date or time, in UTC where it names no zone; None if it is none."""
    if not ISO_8601.fullmatch(field.strip()):
        return None
    try:
        time = datetime.datetime.fromisoformat(field.strip())
    except ValueError:
        return None
    known = time if time.tzinfo else time.replace(tzinfo=datetime.UTC)
    return (known - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) // datetime.timedelta(seconds=1)
