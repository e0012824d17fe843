"""What is analysed: the datasets, protocols and runs of a comparison."""

from collections.abc import Iterator
from pathlib import Path

from hydrarec.comparison.cases import Cases, read_cases
from hydrarec.config import BenchmarkConfig


def scopes(config: BenchmarkConfig, results: Path) -> Iterator[tuple[str, str, Cases]]:
    """Go through datasets and protocols on which there are runs, with the cases of each."""
    for dataset in config.datasets:
        for protocol in config.protocols:
            if not runs_of(config, results, dataset.id, protocol):
                continue
            yield dataset.id, protocol, read_cases(config, results, dataset.id, protocol)


def runs_of(config: BenchmarkConfig, results: Path, dataset: str, protocol: str) -> list[str]:
    """Return the ids of the runs that are there on a dataset under a protocol."""
    return config.run_ids
