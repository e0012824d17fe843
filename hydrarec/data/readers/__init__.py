"""Raw formats, one per file: `kind: pairs` in the configuration is `hydrarec/data/readers/pairs.py`.

A reader is a function `read(path, config)` that returns the interactions in the order of the file, with the columns
`user` and `item` (pandas categoricals of text, or small whole numbers that stand for themselves) and `timestamp`
(integer seconds; null where the format has none).
"""

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

import pandas as pd

from hydrarec.config.datasets import ReaderConfig


def read(path: Path | None, config: ReaderConfig) -> pd.DataFrame:
    """Read a raw file with the reader its configuration names.

    Parameters
    ----------
    path
        The file; None for a reader that needs none.
    config
        Block `reader` of the dataset.

    Returns
    -------
    pandas.DataFrame
        Columns `user` and `item` (categoricals of text, as in the file, or whole numbers that stand there just so) and
        `timestamp` (int64, or Int64 and all null), in the order of the file.

    Raises
    ------
    ValueError
        If there is no such reader, or the file is not what the reader expects; the message names file and line.
    """
    if config.needs_source and path is None:
        raise ValueError(f"the reader {config.kind} reads a file, and none was given; name it with --raw")
    return _module(config.kind).read(path, config)


def kinds() -> list[str]:
    """Return the names of all readers."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def _module(kind: str) -> ModuleType:
    if kind not in kinds():
        raise ValueError(f"no reader {kind!r}; allowed: {', '.join(kinds())}")
    return importlib.import_module(f"{__name__}.{kind}")
