"""The only way to read and write a table, and its hash."""

import hashlib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hydrarec.columns import FIRST, may_be_absent
from hydrarec.files import atomic_path


def write_table(frame: pd.DataFrame | pa.Table, path: Path, schema: pa.Schema) -> None:
    """Write a table with exactly the schema's columns, order and types, atomically.

    Parameters
    ----------
    frame
        Rows in the order in which they shall stand. Further columns are refused.
    path
        The Parquet file.
    schema
        One of the tables of `hydrarec.columns`.

    Raises
    ------
    ValueError
        If a column is absent, unknown, null where that is not allowed, or does not fit its type.
    """
    names = set(frame.column_names if isinstance(frame, pa.Table) else frame.columns)
    if names != set(schema.names):
        missing, unknown = set(schema.names) - names, names - set(schema.names)
        raise ValueError(f"{path}: missing columns {sorted(missing)}, unknown columns {sorted(unknown)}")
    try:
        if isinstance(frame, pa.Table):
            table = frame.select(schema.names).cast(schema)
        else:
            table = pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)
    except (ValueError, pa.ArrowTypeError) as error:
        raise ValueError(f"{path}: {error}") from error
    _refuse_nulls(table, schema, path)
    numbers = [field.name for field in schema if pa.types.is_integer(field.type) or pa.types.is_floating(field.type)]
    with atomic_path(path) as temporary:
        # No pandas metadata and no writer-dependent statistics text: equal rows give equal bytes. Numbers stand byte by
        # byte, all first bytes of a column before all second ones: the upper ones are mostly those of the neighbours,
        # which lz4 finds sooner than differences are packed, and in two thirds of the space at MovieLens-20M's size.
        pq.write_table(
            table.replace_schema_metadata(None),
            temporary,
            compression="lz4",
            use_dictionary=[name for name in schema.names if name not in numbers],
            column_encoding=dict.fromkeys(numbers, "BYTE_STREAM_SPLIT"),
        )


def read_table(path: Path, schema: pa.Schema, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a table and check it against its schema.

    Parameters
    ----------
    path
        The Parquet file.
    schema
        What it must hold. Further columns are refused, so that a file of another version is noticed.
    columns
        Read only these.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not Parquet, is truncated, its columns, types or nulls are not the schema's, or ids or positions are
        below the first.
    """
    return read_arrow(path, schema, columns).to_pandas()


def read_arrow(path: Path, schema: pa.Schema, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a table as Arrow's own, which copies nothing and tells nulls from numbers; otherwise like `read_table`."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    with _readable(path):
        found = pq.read_schema(path)
        if twice := [name for name in schema.names if found.names.count(name) > 1]:
            raise ValueError(f"{path}: {twice[0]}: {found.names.count(twice[0])} columns of this name")
        wrong = [
            f"{name}: expected {kind}, found {found.field(name).type if name in found.names else 'no such column'}"
            for name, kind in zip(schema.names, schema.types, strict=True)
            if (name not in found.names and not may_be_absent(schema.field(name)))
            or (name in found.names and found.field(name).type != kind)
        ] + [f"{name}: not a column of this table" for name in found.names if name not in schema.names]
        if wrong:
            raise ValueError(f"{path}: " + "; ".join(wrong))
        table = _with_absent(pq.read_table(path, columns=_there(columns, found.names)), schema, columns)
    _refuse_nulls(table, schema, path)
    _refuse_impossible(table, path)
    return table


@contextmanager
def _readable(path: Path) -> Generator[None]:
    """Name `path` in what Arrow says of a file that it cannot read."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path}: not a readable Parquet file: {error}; remove it and run its step again") from error


def _there(columns: Sequence[str] | None, found: Sequence[str]) -> list[str] | None:
    return None if columns is None else [name for name in columns if name in found]


def _with_absent(table: pa.Table, schema: pa.Schema, columns: Sequence[str] | None) -> pa.Table:
    """Add the columns that a file of before lacks, as nulls, in the schema's order."""
    wanted = schema.names if columns is None else list(columns)
    for name in wanted:
        if name not in table.column_names:
            table = table.append_column(schema.field(name), pa.nulls(len(table), schema.field(name).type))
    # The order of a file that lacks nothing is left as it is.
    return table.select(wanted) if table.column_names != wanted and set(table.column_names) == set(wanted) else table


def content_hash(path: Path) -> str:
    """Return a SHA-256 of a Parquet table's columns and values, whatever wrote and compressed the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not Parquet or is truncated.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    with _readable(path):
        return table_hash(pq.read_table(path))


_NULL = "\1"
"""What stands for a null text in a hash; no text of these tables has it in it."""


def table_hash(table: pa.Table) -> str:
    """Return what `content_hash` returns for a file with this table in it."""
    digest = hashlib.sha256()
    for name in table.column_names:
        column = table.column(name)
        digest.update(f"{name}:{column.type}:{len(column)}:{column.null_count};".encode())
        if pa.types.is_string(column.type):
            values = column.fill_null(_NULL) if column.null_count else column
            digest.update("\0".join(values.to_pylist()).encode())
            continue
        for chunk in column.chunks:
            filled = chunk.fill_null(0) if chunk.null_count else chunk
            digest.update(filled.to_numpy(zero_copy_only=False).data)
        if 0 < column.null_count < len(column):
            # A null counts as 0 above: where the nulls are tells one from the other.
            digest.update(np.flatnonzero(column.is_null().to_numpy()).astype("<i8").data)
    return digest.hexdigest()


def _refuse_impossible(table: pa.Table, path: Path) -> None:
    """Refuse ids and positions below the first: as indices of an array they would count from the end."""
    for name in set(FIRST) & set(table.column_names):
        least = pc.min(table.column(name)).as_py()
        if least is not None and least < FIRST[name]:
            raise ValueError(f"{path}: column {name} holds {least}; allowed: {FIRST[name]} and more")


def _refuse_nulls(table: pa.Table, schema: pa.Schema, path: Path) -> None:
    for name in table.column_names:
        if not schema.field(name).nullable and table.column(name).null_count:
            raise ValueError(f"{path}: column {name} holds {table.column(name).null_count} null values")
