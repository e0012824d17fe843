"""What is analysed: the datasets, protocols and runs of a comparison."""

from collections.abc import Iterator
from pathlib import Path

from hydrarec.comparison.cases import EvaluationCases, read_evaluation_cases
from hydrarec.comparison.runs import finished_runs
from hydrarec.config import BenchmarkConfig


def scopes(config: BenchmarkConfig, results: Path) -> Iterator[tuple[str, str, EvaluationCases]]:
    """Go through datasets and protocols on which there are runs, with the cases of each."""
    for dataset in config.datasets:
        for protocol in config.protocols:
            if not finished_runs(config, results, dataset.id, protocol):
                continue
            yield dataset.id, protocol, read_evaluation_cases(config, results, dataset.id, protocol)
