"""Raw formats, one per file: `kind: pairs` in the configuration is `hydrarec/data/readers/pairs.py`.

A reader is a function `read(path, config)` that returns the interactions in the order of the file, with the columns
`user` and `item` (pandas categoricals of text, or whole numbers up to `LARGEST_NUMBER` that stand for themselves) and
`timestamp` (integer seconds; null where the format has none), and no others.
"""

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import numpy as np
import pandas as pd

from hydrarec.config.datasets import ReaderConfig
from hydrarec.data.delimited.form import LARGEST_TIMESTAMP, TYPES
from hydrarec.data.delimited.parse import LARGEST_NUMBER


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
        If there is no such reader, or the file is not what the reader expects; the message names file and line. Or the
        reader returned what no reader may: other columns, users or items that are neither categories of text nor whole
        numbers from 0 to `LARGEST_NUMBER`, rows without a user or item, or times that are no whole seconds or are
        missing in some rows only.
    """
    if config.needs_source and path is None:
        raise ValueError(f"the reader {config.kind} reads a file, and none was given; name it with --raw")
    frame = _module(config.kind).read(path, config)
    if sorted(map(str, frame.columns)) != sorted(TYPES):
        raise ValueError(
            f"the reader {config.kind} returned the columns {', '.join(map(str, frame.columns))}; allowed: "
            f"{', '.join(TYPES)}, all of them and no others; without times, no_timestamps() of "
            "hydrarec.data.delimited.form"
        )
    for name in ("user", "item"):
        _check_ids(frame[name], config)
    _check_times(frame["timestamp"], config)
    return frame


def kinds() -> list[str]:
    """Return the names of all readers."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def _module(kind: str) -> ModuleType:
    if kind not in kinds():
        raise ValueError(f"no reader {kind!r}; allowed: {', '.join(kinds())}")
    return importlib.import_module(f"{__name__}.{kind}")


def _check_ids(ids: pd.Series, config: ReaderConfig) -> None:
    is_text = isinstance(ids.dtype, pd.CategoricalDtype) and pd.api.types.is_string_dtype(ids.dtype.categories.dtype)
    if not is_text and not pd.api.types.is_integer_dtype(ids.dtype):
        raise ValueError(
            f"the reader {config.kind} returned a {ids.name} of type {ids.dtype}; allowed: categories of text, or "
            f'whole numbers from 0 to {LARGEST_NUMBER}; remedy: frame["{ids.name}"].astype("str").astype("category")'
        )
    codes = ids.cat.codes if is_text else ids
    # A category that is missing has the code -1.
    if codes.hasnans or codes.min() < 0:
        _refuse(codes.isna() | (codes < 0), f"no {ids.name}, or a number below 0 for it", config)
    if not is_text and codes.max() > LARGEST_NUMBER:
        remedy = f'remedy: frame["{ids.name}"].astype("str").astype("category")'
        _refuse(codes > LARGEST_NUMBER, f"a number above {LARGEST_NUMBER} for the {ids.name} ({remedy})", config)


def _check_times(times: pd.Series, config: ReaderConfig) -> None:
    allowed = f"allowed: whole seconds from 0 to {LARGEST_TIMESTAMP}, or no time in any row"
    if not pd.api.types.is_numeric_dtype(times.dtype):
        raise ValueError(f"the reader {config.kind} returned times of type {times.dtype}; {allowed}")
    if times.hasnans:
        absent = times.isna()
        if absent.all():
            return
        # One missing time among many would make all of them worthless: the order would be another.
        _refuse(absent, f"no time, where others have one; {allowed}", config)
    whole = pd.api.types.is_integer_dtype(times.dtype) or (times % 1 == 0).all()
    if not whole or times.min() < 0 or times.max() > LARGEST_TIMESTAMP:
        wrong = (times % 1 != 0) | ~times.between(0, LARGEST_TIMESTAMP)
        _refuse(wrong, f"a time that does not fit; {allowed}", config)


def _refuse(wrong: "pd.Series[bool]", what: str, config: ReaderConfig) -> NoReturn:
    rows = np.flatnonzero(wrong.to_numpy())
    raise ValueError(
        f"the reader {config.kind} returned {len(rows)} of {len(wrong)} rows with {what}; the first is row "
        f"{rows[0]}, counted from 0"
    )
