"""What a plan is told of data and results that are there and are not as the configuration has them.

Snakemake makes anew, in the same place, what it has records of; the earlier result is gone then. What it has no records
of it leaves, as it cannot see that the settings are others now.
"""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from hydrarec.config import BenchmarkConfig
from hydrarec.formatting import several
from hydrarec.layout import ANALYSED, COLLECTED, CONTRASTED, DECIDED, card_file, comparison_folder
from hydrarec.outdated import preparation_hint, why_other_data, why_other_settings, why_other_tables, why_other_training
from hydrarec.run_seeds import RunSeed, planned_run_seeds
from hydrarec.unfinished import latest, saved_state

RESULTS = Path("results")
"""Where Snakemake's folder has results."""
_LONGEST = 254
"""Letters of a part of a record's name; the parts before the last are folders that begin with @."""


class OtherSettings(NamedTuple):
    """Results that are not of the configuration's settings, each with the first difference."""

    replaced: list[str]
    """Data and runs that Snakemake has records of, and what interrupted trainings have saved."""
    unseen: list[str]
    """Those that it has none of; of tables over all runs one at most, for one remedy is for all."""


def find_other_settings(config: BenchmarkConfig, folder: Path) -> OtherSettings:
    """Find data and results that are not of the configuration's settings.

    Parameters
    ----------
    config
        The comparison.
    folder
        Where Snakemake works.
    """
    found = [*_data(config, folder), *_runs(config, folder), *_tables(config, folder)]
    return OtherSettings(*([why for is_replaced, why in found if is_replaced is wanted] for wanted in (True, False)))


def _data(config: BenchmarkConfig, folder: Path) -> Iterator[tuple[bool, str]]:
    """Yield whether data are replaced, and in what they are others."""
    for dataset in config.datasets:
        card = card_file(RESULTS, dataset.id)
        if why := why_other_data(dataset, folder / card):
            if _is_recorded(folder, card):
                yield True, f"{why}; so was all that was computed on it"
            else:
                yield False, f"{why}; {preparation_hint(card)}"


def _runs(config: BenchmarkConfig, folder: Path) -> Iterator[tuple[bool, str]]:
    """Yield the same of runs, be they finished, trained or interrupted."""
    for one in planned_run_seeds(config, folder / RESULTS):
        yield from _run_results(config, folder, one)


def _run_results(config: BenchmarkConfig, folder: Path, one: RunSeed) -> Iterator[tuple[bool, str]]:
    state, manifest = latest(one.folder), one.folder / "manifest.json"
    if state.is_file():
        saved = saved_state(one.folder)
        if why := why_other_training(config, one, saved):
            # Whoever goes on with it starts from the first epoch, and saves the next over it.
            yield True, f"{state}: has {several(len(saved['history']), 'epoch')} of {why}"
    if manifest.is_file():
        is_recorded = _is_recorded(folder, manifest.relative_to(folder))
        try:
            why = why_other_settings(config, one)
        except ValueError as error:
            # It cannot be read, and no comparison takes it: nothing is lost with it.
            why = None if is_recorded else str(error)
        if why:
            yield is_recorded, why


def _tables(config: BenchmarkConfig, folder: Path) -> Iterator[tuple[bool, str]]:
    """Yield the same of the first tables over all runs that are others; they are replaced without loss."""
    tables = (comparison_folder(RESULTS, config.report) / name for name in (COLLECTED, CONTRASTED, ANALYSED, DECIDED))
    unseen = (path for path in tables if (folder / path).is_file() and not _is_recorded(folder, path))
    for why in islice(filter(None, (why_other_tables(config, folder / path) for path in unseen)), 1):
        yield False, why


def _is_recorded(folder: Path, path: Path) -> bool:
    return (folder / ".snakemake/metadata" / _record(path)).is_file()


def _record(path: Path) -> Path:
    """Return the name under which Snakemake keeps its record of a file."""
    name = urlsafe_b64encode(path.as_posix().encode()).decode()
    *folders, last = [name[start : start + _LONGEST] for start in range(0, len(name), _LONGEST)]
    return Path(*(f"@{part}" for part in folders), last)
