"""Measured runs that are kept: `docs/reproduction/measured.json` outlives the results folders they were read from.

A run counts only if it was computed with the settings that its configuration has today. Names and the choice between
CPU and GPU are no settings: they stand beside the result.
"""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import Field, TypeAdapter, ValidationError

from hydrarec.columns import RANKS
from hydrarec.comparison.measures import case_values, metric_names
from hydrarec.config import BenchmarkConfig
from hydrarec.config.base import ConfigModel
from hydrarec.config.differences import differences, settings_apart
from hydrarec.config.mistakes import explain, format_errors
from hydrarec.config.protocol import Protocol
from hydrarec.config.runs import BaselineRun
from hydrarec.files import read_json, write_json
from hydrarec.layout import absent_files
from hydrarec.metrics import user_mean
from hydrarec.run_seeds import RunSeed, seeds_of
from hydrarec.tables import read_table

log = logging.getLogger(__name__)

CUTOFFS = (1, 5, 10, 20)
"""The k of the metrics that are kept."""
NOT_SETTINGS = ("training.device",)
"""Keys that may differ: where a run is computed."""


class Key(NamedTuple):
    """What one measurement is about."""

    dataset: str
    protocol: str
    run: str
    seed: int


class Measurement(ConfigModel):
    """One run with one seed: what it scored, what it was computed with, on what, and at which cost."""

    dataset: str
    protocol: Protocol
    run: str
    seed: int
    metrics: dict[str, float]
    """Means over users."""
    n_users: int
    settings: dict[str, Any]
    """A trained run's complete settings, or a baseline's name and options."""
    test_split: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Content hash of the table of test targets."""
    package_version: str
    git_commit: str | None
    git_dirty: bool | None
    created: str
    device: str
    """`cpu`, or the GPU's name."""
    cpu: str
    threads: int
    epochs: int
    best_epoch: int
    converged: bool
    """Stopped by patience, not at the last allowed epoch."""
    train_s: float
    """All training seconds, validation and set-up excluded."""

    @property
    def key(self) -> Key:
        """What it is about."""
        return Key(self.dataset, self.protocol, self.run, self.seed)


def read_measured(path: Path) -> list[Measurement]:
    """Read what is kept; nothing if there is no file yet.

    Raises
    ------
    ValueError
        With one line per mistake if the file is not what `write_measured` writes.
    """
    if not path.is_file():
        return []
    try:
        return TypeAdapter(list[Measurement]).validate_python(read_json(path))
    except ValidationError as error:
        raise ValueError(format_errors(error, path)) from None


def write_measured(path: Path, measured: Iterable[Measurement]) -> None:
    """Write measurements, sorted by what they are about."""
    write_json(path, [one.model_dump() for one in sorted(measured, key=lambda one: one.key)])


def merge(known: Iterable[Measurement], found: Iterable[Measurement]) -> list[Measurement]:
    """Return one measurement for each key, the newest; those about the same data must be about the same targets.

    Raises
    ------
    ValueError
        If two have test splits of different content.
    """
    newest: dict[Key, Measurement] = {}
    for one in sorted([*known, *found], key=lambda one: one.created):
        newest[one.key] = one
    first: dict[tuple[str, str], Measurement] = {}
    for one in newest.values():
        other = first.setdefault((one.dataset, one.protocol), one)
        if other.test_split != one.test_split:
            raise ValueError(
                f"{one.dataset}/{one.protocol}: the test targets were {other.test_split[:12]} for {other.run}, seed "
                f"{other.seed}, and {one.test_split[:12]} for {one.run}, seed {one.seed}; they cannot be mixed"
            )
    return list(newest.values())


def find_measurements(
    results: Path, config: BenchmarkConfig, dataset: str, runs: Iterable[str]
) -> Iterator[Measurement]:
    """Read the finished ones of some runs from a results folder; those with other settings are named in the log."""
    for protocol in config.protocols:
        for run in runs:
            for one in seeds_of(config, results, dataset, protocol, run):
                if absent_files(one.folder):
                    continue
                found = _measure(one)
                other = differing_settings(found, config)
                if other:
                    log.warning("left out %s: computed with other settings (%s)", one.folder, "; ".join(other))
                else:
                    yield found


def differing_settings(measured: Measurement, config: BenchmarkConfig) -> list[str]:
    """Return where a measurement's settings are not its configuration's, such as `training.patience: 10, not 70`.

    Keys that did not exist when it was computed count with their defaults.
    """
    run = config.run(measured.run)
    if isinstance(run, BaselineRun):
        apart = differences(measured.settings, {"baseline": run.baseline, "options": run.options})
    else:
        try:
            apart = settings_apart(measured.settings, config.settings(measured.run, measured.dataset), NOT_SETTINGS)
        except ValidationError as error:
            return [line.strip() for line in explain(error).splitlines()]
    return [f"{key}: {before}, not {now}" for key, (before, now) in apart.items()]


def _measure(one: RunSeed) -> Measurement:
    ranks = read_table(one.folder / "ranks.parquet", RANKS)
    means = zip(metric_names(CUTOFFS), user_mean(case_values(ranks, CUTOFFS), ranks["user"]), strict=True)
    manifest, timing = one.json("manifest.json"), one.json("timing.json")
    baseline = {key: manifest["run"][key] for key in ("baseline", "options") if key in manifest["run"]}
    try:
        return Measurement(
            dataset=one.dataset,
            protocol=manifest["protocol"],
            run=one.run,
            seed=one.seed,
            metrics={name: round(float(mean), 6) for name, mean in means},
            n_users=ranks["user"].nunique(),
            settings=manifest["settings"] or baseline,
            test_split=manifest["data"]["test.parquet"],
            **{key: manifest[key] for key in ("package_version", "git_commit", "git_dirty", "created", "cpu")},
            **{key: timing[key] for key in ("device", "threads", "epochs", "best_epoch", "converged")},
            train_s=round(timing["train_s"], 3),
        )
    except (KeyError, ValidationError) as error:
        raise ValueError(f"{one.folder}: manifest.json or timing.json does not hold what it must: {error}") from error
