"""The embedded data set, as if it had been read from a file."""

import numpy as np
import pandas as pd

from hydrarec.config.datasets import SyntheticReaderConfig
from hydrarec.data.synthetic import draw


def read(path: None, config: SyntheticReaderConfig) -> pd.DataFrame:
    """Draw the embedded data set.

    Parameters
    ----------
    path
        None: there is no file.
    config
        Size and seed.

    Returns
    -------
    pandas.DataFrame
        Columns `user` and `item` (categoricals; the generator's numbers as text) and `timestamp`, by user and time.
    """
    rows = draw(config)
    for name in ("user", "item"):
        codes, values = pd.factorize(rows[name].to_numpy())
        rows[name] = pd.Categorical.from_codes(codes, categories=pd.Index(np.char.mod("%d", values)).astype("str"))
    return rows
