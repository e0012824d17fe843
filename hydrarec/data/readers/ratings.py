"""Delimited text files with a row per interaction: Amazon's ratings tables, or your own log."""

from pathlib import Path

import pandas as pd

from hydrarec.config.datasets import RatingsReaderConfig
from hydrarec.data.delimited.form import LineFormat
from hydrarec.data.delimited.parse import parse
from hydrarec.data.text import open_text


def read(path: Path, config: RatingsReaderConfig) -> pd.DataFrame:
    """Read a ratings table; ratings count as interactions whatever their value.

    Parameters
    ----------
    path
        The text file.
    config
        How its lines look.

    Returns
    -------
    pandas.DataFrame
        Columns `user`, `item`, `timestamp`, in file order.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is empty, is not in the declared encoding, or a line does not have the declared fields.
    """
    form = LineFormat(tuple(config.columns), config.separator, config.header, config.times == "iso8601")
    return parse(open_text(path, config.encoding), form, str(path))
