"""The files of all runs of a comparison: which are there, whether they belong together, and what they say."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

from hydrarec.comparison.compatibility import (
    refuse_mixed_data,
    refuse_mixed_versions,
    refuse_other_data,
    refuse_other_settings,
)
from hydrarec.config import BenchmarkConfig
from hydrarec.layout import COSTS, PARTS, absent_files, split_folder
from hydrarec.outdated import why_unusable
from hydrarec.run_seeds import RunSeed, seeds_of


@dataclass(frozen=True)
class Finished:
    """The runs that can be compared on a dataset under a protocol, and where their files lie."""

    config: BenchmarkConfig
    results: Path
    dataset: str
    protocol: str
    runs: list[str]
    """Ids of those that are finished with every seed, in the order of the configuration."""

    @property
    def split(self) -> Path:
        """Folder of the split that they were computed on."""
        return split_folder(self.results, self.dataset, self.protocol)

    @property
    def everything(self) -> list[RunSeed]:
        """Each of the runs with each of its seeds."""
        return [one for run in self.runs for one in self.seeds_of(run)]

    def seeds_of(self, run: str) -> list[RunSeed]:
        """Return a run with each of its seeds."""
        return seeds_of(self.config, self.results, self.dataset, self.protocol, run)

    def is_from_lists(self, run: str) -> bool:
        """Return whether a run was handed in as recommendation lists, which say nothing of ranks beyond their end."""
        return any((one.folder / COSTS).is_file() for one in self.seeds_of(run))


def find_finished(config: BenchmarkConfig, results: Path) -> list[Finished]:
    """Return for every dataset and protocol the runs that have left all they must, of the configuration's settings.

    No other run is ranked or compared.
    """
    return [
        Finished(
            config,
            results,
            dataset.id,
            protocol,
            [
                run
                for run in config.run_ids
                if all(
                    not absent_files(one.folder) and not why_unusable(config, one)
                    for one in seeds_of(config, results, dataset.id, protocol, run)
                )
            ],
        )
        for dataset in config.datasets
        for protocol in config.protocols
    ]


def require_complete(config: BenchmarkConfig, results: Path, *, partial: bool = False) -> list[Finished]:
    """Refuse results that are not all there, not the configuration's, or do not belong together.

    Parameters
    ----------
    config
        The comparison.
    results
        Folder of everything computed.
    partial
        Whether runs may be absent and versions may be mixed, which a gate then says. Runs on different data are refused
        all the same.

    Returns
    -------
    list of Finished
        What a step of the comparison works on, one for every dataset and protocol; asked once, so that what comes to be
        there meanwhile is in all of its tables or in none.

    Raises
    ------
    FileNotFoundError
        Naming the absent files.
    ValueError
        Naming a split file that had another content for some runs than for others, a setting that is not the
        configuration's, of a run or of prepared data, or the versions of the package that runs come from.
    """
    if partial:
        scopes = find_finished(config, results)
    else:
        pairs = product(config.datasets, config.protocols)
        scopes = [Finished(config, results, dataset.id, protocol, config.run_ids) for dataset, protocol in pairs]
    everything = [one for scope in scopes for one in scope.everything]
    if partial and not everything:
        raise FileNotFoundError(f"{results}: no run is finished with all its seeds yet, so there is nothing to report")
    absent = [one.folder / name for one in everything for name in absent_files(one.folder)]
    if absent:
        shown = "\n".join(f"  {path}" for path in absent[:10])
        more = f"\n  and {len(absent) - 10} more" if len(absent) > 10 else ""
        raise FileNotFoundError(
            f"the comparison needs {len(absent)} file(s) that are not there; compute them with snakemake --forcerun "
            "collect (where a run lost some, delete its folder seed-<k> before); "
            f"what is finished is shown by `hydrarec show <run>` and `hydrarec partial-report`:\n{shown}{more}"
        )
    _require_splits(results, sorted({(one.dataset, one.protocol) for one in everything}))
    refuse_other_data(config, results)
    refuse_mixed_data(everything)
    if not partial:
        refuse_other_settings(config, everything)
        refuse_mixed_versions(config, everything)
    return scopes


def _require_splits(results: Path, scopes: list[tuple[str, str]]) -> None:
    """Refuse runs whose data are gone; Snakemake, whose tables of runs are there, does not miss them."""
    for dataset, protocol in scopes:
        split = split_folder(results, dataset, protocol)
        absent = [f"{part}.parquet" for part in PARTS if not (split / f"{part}.parquet").is_file()]
        if absent:
            raise FileNotFoundError(
                f"{split}: {', '.join(absent)} not there, but runs on these data are finished. Prepare them again by "
                f"`snakemake {split / 'train.parquet'}`. If Snakemake would then repeat the runs, `snakemake --touch` "
                "has it keep them; runs of other data are refused here in any case."
            )
