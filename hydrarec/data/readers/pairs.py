"""Lines of `user item`, a user's lines in time order: the text files of the SASRec and BERT4Rec repositories."""

from pathlib import Path

import pandas as pd

from hydrarec.config.datasets import PairsReaderConfig
from hydrarec.data.delimited.form import LineFormat
from hydrarec.data.delimited.parse import parse
from hydrarec.data.text import open_text

FORMAT = LineFormat(("user", "item"), separator=None)


def read(path: Path, config: PairsReaderConfig) -> pd.DataFrame:
    """Read a file of pairs.

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
        If the file is empty, is not in the declared encoding, or a line is not two fields.
    """
    return parse(open_text(path, config.encoding), FORMAT, str(path))
