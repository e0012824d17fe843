"""Data and results that Snakemake has no records of, so that it cannot see that their settings are others now."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from hydrarec.config import BenchmarkConfig
from hydrarec.config.datasets import DatasetConfig
from hydrarec.layout import ANALYSED, COLLECTED, CONTRASTED, DECIDED, comparison_folder, data_folder, run_folder

_LONGEST = 254
"""Letters of a part of a record's name; the parts before the last are folders that begin with @."""


def unseen(config: BenchmarkConfig, folder: Path) -> list[str]:
    """Say in what data and results without records are not as the configuration has them; of tables once, at last.

    Where everything has its record this looks for files and reads none.

    Parameters
    ----------
    config
        The comparison.
    folder
        Where Snakemake works.
    """
    results = Path("results")
    cards = [(dataset, data_folder(results, dataset.id) / "card.json") for dataset in config.datasets]
    runs = [
        (dataset.id, run.id, run_folder(results, dataset.id, protocol, run.id, seed) / "manifest.json")
        for dataset in config.datasets
        for protocol in config.protocols
        for run in config.all_runs
        for seed in config.seeds_of(run.id)
    ]
    steps = [comparison_folder(results, config.report) / name for name in (COLLECTED, CONTRASTED, ANALYSED, DECIDED)]
    cards = [one for one in cards if _is_unrecorded(folder, one[-1])]
    runs = [one for one in runs if _is_unrecorded(folder, one[-1])]
    steps = [path for path in steps if _is_unrecorded(folder, path)]
    return list(_of_other_settings(config, folder, cards, runs, steps)) if cards or runs or steps else []


def _of_other_settings(
    config: BenchmarkConfig,
    folder: Path,
    cards: list[tuple[DatasetConfig, Path]],
    runs: list[tuple[str, str, Path]],
    steps: list[Path],
) -> Iterator[str]:
    # What reads manifests takes a second to load, and next to no plan gets here.
    from hydrarec.outdated import other_data, other_settings, other_tables  # noqa: PLC0415

    yield from filter(None, (other_data(dataset, folder / card) for dataset, card in cards))
    for dataset, run, path in runs:
        try:
            why = other_settings(config, dataset, run, folder / path.parent)
        except ValueError as error:
            # It cannot be read, and no comparison takes it.
            why = str(error)
        if why:
            yield why
    # One remedy is for all tables.
    yield from islice(filter(None, (other_tables(config, folder / path) for path in steps)), 1)


def _is_unrecorded(folder: Path, path: Path) -> bool:
    return (folder / path).is_file() and not (folder / ".snakemake/metadata" / _record(path)).is_file()


def _record(path: Path) -> Path:
    """Return the name under which Snakemake keeps its record of a file."""
    name = urlsafe_b64encode(path.as_posix().encode()).decode()
    *folders, last = [name[start : start + _LONGEST] for start in range(0, len(name), _LONGEST)]
    return Path(*(f"@{part}" for part in folders), last)
