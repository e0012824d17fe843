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
from hydrarec.layout import ANALYSED, COLLECTED, CONTRASTED, DECIDED, comparison_folder, data_folder, run_folder
from hydrarec.outdated import other_data, other_settings, other_tables, prepared_anew

_LONGEST = 254
"""Letters of a part of a record's name; the parts before the last are folders that begin with @."""


class OtherSettings(NamedTuple):
    """Results that are not of the configuration's settings, each with the first difference."""

    replaced: list[str]
    """Data and runs that Snakemake has records of."""
    unseen: list[str]
    """Those that it has none of; of tables over all runs one at most, for one remedy is for all."""


def of_other_settings(config: BenchmarkConfig, folder: Path) -> OtherSettings:
    """Find data and results that are not of the configuration's settings.

    Parameters
    ----------
    config
        The comparison.
    folder
        Where Snakemake works.
    """
    results = Path("results")
    found = OtherSettings([], [])
    for dataset in config.datasets:
        card = data_folder(results, dataset.id) / "card.json"
        if not (folder / card).is_file() or not (why := other_data(dataset, folder / card)):
            continue
        if _is_recorded(folder, card):
            found.replaced.append(why)
        else:
            found.unseen.append(f"{why}; {prepared_anew(card)}")
    for dataset, run, path in _finished(config, results, folder):
        is_recorded = _is_recorded(folder, path)
        try:
            why = other_settings(config, dataset, run, folder / path.parent)
        except ValueError as error:
            # It cannot be read, and no comparison takes it. Nothing is lost with it.
            why = "" if is_recorded else str(error)
        if why:
            (found.replaced if is_recorded else found.unseen).append(why)
    tables = [comparison_folder(results, config.report) / name for name in (COLLECTED, CONTRASTED, ANALYSED, DECIDED)]
    unseen = (path for path in tables if (folder / path).is_file() and not _is_recorded(folder, path))
    found.unseen.extend(islice(filter(None, (other_tables(config, folder / path) for path in unseen)), 1))
    return found


def _finished(config: BenchmarkConfig, results: Path, folder: Path) -> Iterator[tuple[str, str, Path]]:
    """Yield data set, run and manifest of what is computed, ranked or not."""
    for dataset in config.datasets:
        for protocol in config.protocols:
            for run in config.all_runs:
                for seed in config.seeds_of(run.id):
                    path = run_folder(results, dataset.id, protocol, run.id, seed) / "manifest.json"
                    if (folder / path).is_file():
                        yield dataset.id, run.id, path


def _is_recorded(folder: Path, path: Path) -> bool:
    return (folder / ".snakemake/metadata" / _record(path)).is_file()


def _record(path: Path) -> Path:
    """Return the name under which Snakemake keeps its record of a file."""
    name = urlsafe_b64encode(path.as_posix().encode()).decode()
    *folders, last = [name[start : start + _LONGEST] for start in range(0, len(name), _LONGEST)]
    return Path(*(f"@{part}" for part in folders), last)
