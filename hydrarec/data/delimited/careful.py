"""Lines one by one: what defines the format, and finds the first line that is not of it."""

import csv
import re

import pyarrow as pa

from hydrarec.data.delimited.form import LARGEST_TIMESTAMP, TYPES, LineFormat
from hydrarec.data.text import Block, MalformedLineError, misfit


def parse_carefully(block: Block, form: LineFormat, source: str) -> pa.Table:
    """Parse line by line, which finds the line that is wrong."""
    values: dict[str, list[str | int]] = {name: [] for name in form.read}
    for number, line in block.lines():
        fields = checked_fields(line, number, form, source)
        for name in form.read:
            field = fields[form.columns.index(name)]
            if name == "timestamp":
                values[name].append(_timestamp(field, number, line, source))
            elif problem := misfit(field):
                raise MalformedLineError(source, number, line, f"the {name} {problem}")
            else:
                values[name].append(field)
    return pa.table({name: pa.array(values[name], TYPES[name]) for name in form.read})


def checked_fields(line: str, number: int, form: LineFormat, source: str) -> list[str]:
    """Split a line into as many fields as there should be."""
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
