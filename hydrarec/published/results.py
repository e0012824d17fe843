"""What the measurements of one run say in a table, whatever the number of seeds; and the command that repeats them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import fmean

from hydrarec.config import BenchmarkConfig
from hydrarec.formatting import duration, several
from hydrarec.published.measured import Measurement, differing_settings


@dataclass(frozen=True)
class Result:
    """The measurements of one run, by seed; at least one."""

    measured: list[Measurement]

    def mean(self, metric: str) -> float:
        """Return the mean of a metric over users and seeds."""
        return fmean(one.metrics[metric] for one in self.measured)

    @property
    def seeds(self) -> str:
        """The seeds."""
        return self._join_distinct(lambda one: str(one.seed))

    @property
    def epochs(self) -> str:
        """Epochs trained and the one whose weights were kept; empty for what is not trained in epochs."""
        return self._join_distinct(_epochs)

    @property
    def train(self) -> str:
        """Mean training time."""
        return duration(fmean(one.train_s for one in self.measured))

    @property
    def machine(self) -> str:
        """Where it was computed."""
        return self._join_distinct(_machine)

    @property
    def code(self) -> str:
        """Version and commit."""
        return self._join_distinct(_code)

    @property
    def test_split(self) -> str:
        """Beginning of the content hash of the test targets."""
        return self._join_distinct(lambda one: one.test_split[:12])

    def _join_distinct(self, say: Callable[[Measurement], str]) -> str:
        return "; ".join(dict.fromkeys(map(say, self.measured)))


def result_of(
    measured: Iterable[Measurement], config: BenchmarkConfig, dataset: str, protocol: str, run: str
) -> Result | None:
    """Return what was measured of a run with the settings it has in a configuration; None if nothing was."""
    about = [one for one in measured if one.key[:3] == (dataset, protocol, run)]
    found = [one for one in about if not differing_settings(one, config)]
    return Result(sorted(found, key=lambda one: one.seed)) if found else None


def command(config: BenchmarkConfig, path: str, dataset: str, protocol: str, run: str) -> str:
    """Return the command that computes a run with all seeds of its configuration, from the root of the repository."""
    folders = [f"results/runs/{dataset}/{protocol}/{run}/seed-{seed}/ranks.parquet" for seed in config.seeds_of(run)]
    return f"snakemake {' '.join(folders)} --profile local --configfile {path}"


def _epochs(one: Measurement) -> str:
    if not one.epochs:
        return ""
    end = "" if one.converged else ", not by patience"
    return f"{one.best_epoch} of {one.epochs}{end}"


def _machine(one: Measurement) -> str:
    threads = several(one.threads, "thread")
    return f"CPU ({one.cpu}), {threads}" if one.device == "cpu" else f"{one.device}, {threads}"


def _code(one: Measurement) -> str:
    commit = one.git_commit[:10] if one.git_commit else "commit unknown"
    return f"{one.package_version}, {commit}{' with uncommitted changes' if one.git_dirty else ''}"
