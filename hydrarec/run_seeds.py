"""What results are kept by: one run with one seed on a data set under a protocol."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from hydrarec.config import BenchmarkConfig
from hydrarec.files import read_object
from hydrarec.layout import run_folder


@dataclass(frozen=True)
class RunSeed:
    """One run with one seed on one dataset and protocol."""

    dataset: str
    protocol: str
    run: str
    seed: int
    folder: Path
    """Where its files lie, or will."""

    @property
    def place(self) -> Path:
        """Where it is below the folders of runs, and of each rule's logs and benchmarks."""
        return Path(self.dataset, self.protocol, self.run, f"seed-{self.seed}")

    def json(self, name: str) -> dict[str, Any]:
        """Read one of its JSON files."""
        return read_object(self.folder / name)


def seeds_of(config: BenchmarkConfig, results: Path, dataset: str, protocol: str, run: str) -> list[RunSeed]:
    """Return a run with each of its seeds."""
    return [
        RunSeed(dataset, protocol, run, seed, run_folder(results, dataset, protocol, run, seed))
        for seed in config.seeds_of(run)
    ]


def planned_run_seeds(config: BenchmarkConfig, results: Path) -> list[RunSeed]:
    """Return everything a comparison consists of, in the order of the configuration."""
    scopes = product(config.datasets, config.protocols, config.run_ids)
    return [one for dataset, protocol, run in scopes for one in seeds_of(config, results, dataset.id, protocol, run)]
