"""A line per user, the user and then the items in time order: the text files of the S3-Rec repository."""

from pathlib import Path

import pandas as pd
import pyarrow as pa

from hydrarec.config.datasets import SequencesReaderConfig
from hydrarec.data.delimited.form import no_timestamps
from hydrarec.data.delimited.parse import refuse_two_spellings
from hydrarec.data.text import MalformedLineError, no_interactions, open_text, why_invalid_id


def read(path: Path, config: SequencesReaderConfig) -> pd.DataFrame:
    """Read a file of sequences.

    Parameters
    ----------
    path
        The text file.
    config
        Its encoding.

    Returns
    -------
    pandas.DataFrame
        Columns `user`, `item` and `timestamp` (all null), in file order, which is the users' order in time.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is empty, is not in the declared encoding, or a line has no item, a user that had a line before,
        an id that is none, or one in two spellings (see `refuse_two_spellings`).
    """
    users: list[str] = []
    items: list[str] = []
    line_of: dict[str, int] = {}
    for block in open_text(path, config.encoding):
        for number, line in block.lines():
            user, *sequence = line.split()
            if not sequence:
                raise MalformedLineError(str(path), number, line, "expected a user and at least one item")
            if user in line_of:
                raise MalformedLineError(
                    str(path), number, line, f"user {user!r} has a line already, number {line_of[user]}"
                )
            if problem := next(filter(None, map(why_invalid_id, (user, *sequence))), None):
                raise MalformedLineError(str(path), number, line, f"the user or an item {problem}")
            line_of[user] = number
            users += [user] * len(sequence)
            items += sequence
    if not items:
        raise no_interactions(str(path))
    columns = pa.table({"user": pa.array(users).dictionary_encode(), "item": pa.array(items).dictionary_encode()})
    refuse_two_spellings(columns, str(path))
    return columns.to_pandas().assign(timestamp=no_timestamps(len(items)))
