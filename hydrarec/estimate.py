"""How many hours the trainings of a comparison take, from the seconds that epochs took so far.

    hours = seeds * epochs * (train_s + validation_s) / epochs measured / 3600

Seconds are the clock's of runs that had the machine to themselves. Where others were there with every seed, those of
one-threaded trainings on a CPU are processor seconds, which leave the waiting out; others are as long as they took.
Each row says where its seconds come from; what nothing is known of is counted and not guessed. Reading data, ranking
and waiting in queues come on top: minutes for a run where training takes hours.
"""

import math
import statistics
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hydrarec.config import BenchmarkConfig, RunSettings
from hydrarec.config.differences import settings_apart
from hydrarec.contention import contention
from hydrarec.files import read_object
from hydrarec.formatting import duration, several
from hydrarec.run_seeds import seeds_of
from hydrarec.unfinished import saved_state


@dataclass(frozen=True)
class Measured:
    """What epochs of a run took."""

    device: str
    epoch_s: float
    """Seconds of an epoch, validation included."""
    epochs: float
    source: str = "measured"
    """How good the seconds are: of `SOURCES`, the first that there is counts."""


BY_CLOCK, BY_PROCESSOR, SHARED = "measured", "measured in processor seconds", "measured on a shared machine"
OTHER_LENGTH, AT_WORK = "measured with other max_epochs or patience", "measured of trainings at work"
SOURCES = (BY_CLOCK, BY_PROCESSOR, SHARED, OTHER_LENGTH, AT_WORK)
LENGTH = ("training.max_epochs", "training.patience")
"""Settings that change how many epochs there are, and not what one takes."""


@dataclass(frozen=True)
class Row:
    """The trainings of one run on one data set under one protocol: one for each seed."""

    dataset: str
    protocol: str
    run: str
    seeds: int
    epoch_s: float | None
    """None: nothing is known."""
    epochs: float
    """Epochs expected."""
    max_epochs: int
    source: str
    """Where the seconds come from."""

    def hours(self, epochs: float) -> float:
        """Return the hours of all seeds with so many epochs each; 0 if nothing is known."""
        return self.seeds * epochs * (self.epoch_s or 0.0) / 3600


def estimate(
    config: BenchmarkConfig, results: Path, *, given: Mapping[str, float], device: str | None = None
) -> tuple[str, list[Row]]:
    """Estimate the trainings of a comparison.

    A run that was computed, with any seed and these settings, stands for its other seeds. One that was not takes the
    seconds given for its data set, with as many epochs as are allowed; or the medians of the data set's computed runs.

    Parameters
    ----------
    config
        The comparison.
    results
        Folder of what was computed so far.
    given
        Seconds of an epoch by data set.
    device
        Only what was measured on it counts; None: the device with the most results.

    Returns
    -------
    tuple
        The device, and a row for each trained run.

    Raises
    ------
    ValueError
        If a given data set is not in the comparison, or nothing was measured on `device`.
    """
    ids = [dataset.id for dataset in config.datasets]
    if unknown := sorted(set(given) - set(ids)):
        raise ValueError(f"no data set {', '.join(unknown)} in the comparison; allowed: {', '.join(ids)}")
    trained = [(d, p, r.id) for d in ids for p in config.protocols for r in config.trained_runs]
    found = {training: list(_measurements(config, results, *training)) for training in trained}
    devices = Counter(one.device for many in found.values() for one in many)
    if device is None:
        device = devices.most_common(1)[0][0] if devices else ""
    elif device not in devices:
        raise ValueError(
            f"nothing in {results} was measured on {device!r}; there is: {', '.join(devices) or 'nothing'}"
        )
    known = {
        training: _best_measurements([one for one in many if one.device == device]) for training, many in found.items()
    }
    return device, [_row(config, training, known, given) for training in trained]


def seconds_of(entries: Iterable[str]) -> dict[str, float]:
    """Read `<dataset>=<seconds>`.

    Raises
    ------
    ValueError
        If an entry is not of this form, or its seconds are not positive and finite.
    """
    given: dict[str, float] = {}
    for entry in entries:
        dataset, _, text = entry.partition("=")
        try:
            given[dataset] = float(text)
        except ValueError:
            given[dataset] = math.nan
        if not 0 < given[dataset] < math.inf:
            raise ValueError(f"{entry!r} is not <dataset>=<seconds of an epoch>, for instance ml-1m=3.5")
    return given


def format_estimate(device: str, rows: list[Row]) -> str:
    """Return the table of an estimate, its sums and how much of it was measured."""
    lines = [f"{'run':<58} {'seeds':>5} {'epoch':>9} {'epochs':>7} {'all':>9} {'at most':>9}  seconds are"]
    for row in rows:
        name = f"{row.dataset} {row.protocol} {row.run}"
        if row.epoch_s is None:
            lines.append(f"{name:<58} {row.seeds:>5} {'?':>9} {'?':>7} {'?':>9} {'?':>9}  {row.source}")
        else:
            times = [duration(3600 * row.hours(epochs)) for epochs in (row.epochs, row.max_epochs)]
            numbers = f"{duration(row.epoch_s):>9} {row.epochs:>7.0f} {times[0]:>9} {times[1]:>9}"
            lines.append(f"{name:<58} {row.seeds:>5} {numbers}  {row.source}")
    total = sum(row.hours(row.epochs) for row in rows)
    limit = sum(row.hours(row.max_epochs) for row in rows)
    trainings = Counter[str]()
    for row in rows:
        trainings[row.source] += row.seeds
    hours = (
        f"{duration(3600 * total)}, {duration(3600 * limit)} if every training goes to its last epoch; "
        f"device: {device or 'as given'}."
    )
    unknown = sum(row.seeds for row in rows if row.epoch_s is None)
    if unknown == trainings.total():
        hours = "How long it takes is not known: no training was measured yet, and no --epoch-s is given."
    elif unknown:
        hours = f"At least {hours[:-1]}; of {several(unknown, 'training')} it is not known."
    lines += [
        hours,
        f"Of {trainings.total()} trainings: "
        + ", ".join(f"{number} {source}" for source, number in trainings.most_common())
        + ". Not counted: reading data, ranking, waiting in queues.",
    ]
    return "\n".join(lines)


def _measurements(config: BenchmarkConfig, results: Path, dataset: str, protocol: str, run: str) -> Iterator[Measured]:
    settings = config.settings(run, dataset)
    for one in seeds_of(config, results, dataset, protocol, run):
        folder = one.folder
        # The manifest is written last. Other settings take other times, and so does a GPU that was shared.
        manifest = read_object(folder / "manifest.json") if (folder / "manifest.json").exists() else {}
        if not manifest or _has_other_settings(manifest.get("settings"), settings, LENGTH):
            yield from _measurements_at_work(folder, settings)
            continue
        timing = read_object(folder / "timing.json")
        try:
            seconds, source = _seconds(timing, manifest.get("cpu_cores"))
            found = Measured(timing["device"], seconds / timing["epochs"], timing["epochs"], source)
            if _has_other_settings(manifest.get("settings"), settings):
                # How many epochs there will be is not known from others.
                found = replace(found, epochs=settings.training.max_epochs, source=OTHER_LENGTH)
        except (KeyError, TypeError, ZeroDivisionError) as error:
            raise ValueError(f"{folder / 'timing.json'}: not the times of a training: {error!r}") from error
        if timing.get("runs_per_gpu", 1) == 1:
            yield found


def _measurements_at_work(folder: Path, settings: RunSettings) -> Iterator[Measured]:
    """Return what the epochs of an unfinished training took so far; nothing if there are none or it is another one."""
    state = saved_state(folder)
    if not state.get("history") or state.get("runs_per_gpu", 1) != 1:
        return
    try:
        identity, history = state["identity"], state["history"]
        if _has_other_settings(identity["settings"], settings, LENGTH):
            return
        seconds = (history[-1]["train_s"] + history[-1]["validation_s"]) / len(history)
        # Of a GPU only its kind is known before the training is done.
        yield Measured(identity["device"], seconds, settings.training.max_epochs, AT_WORK)
    except (TypeError, KeyError):
        # Saved by another version: it is not gone on with.
        return


def _has_other_settings(found: Any, wanted: RunSettings, ignored: Collection[str] = ()) -> bool:
    try:
        return bool(settings_apart(found, wanted, ignored))
    except ValidationError:
        return True


def _seconds(timing: dict[str, Any], cores: int | None) -> tuple[float, str]:
    """Return the seconds of training and validation, and how good they are."""
    wall_s = timing["train_s"] + timing["validation_s"]
    cpu_s, threads = timing.get("train_cpu_s"), timing.get("threads")
    spoilt = contention(
        device=timing["device"],
        threads=threads,
        wall_s=timing["train_s"],
        cpu_s=cpu_s,
        load=timing.get("load"),
        cores=cores,
    )
    if spoilt is None:
        return wall_s, BY_CLOCK
    validation_s = timing.get("validation_cpu_s")
    if timing["device"] == "cpu" and threads == 1 and cpu_s is not None and validation_s is not None:
        return cpu_s + validation_s, BY_PROCESSOR
    return wall_s, SHARED


def _best_measurements(measured: list[Measured]) -> list[Measured]:
    """Return the measurements of the best source there is."""
    source = min((one.source for one in measured), key=SOURCES.index, default="")
    return [one for one in measured if one.source == source]


def _row(
    config: BenchmarkConfig,
    training: tuple[str, str, str],
    known: Mapping[tuple[str, str, str], list[Measured]],
    given: Mapping[str, float],
) -> Row:
    dataset, protocol, run = training
    limit = config.settings(run, dataset).training.max_epochs
    seconds: float | None
    if own := known[training]:
        seconds, epochs = statistics.mean(one.epoch_s for one in own), statistics.mean(one.epochs for one in own)
        source = own[0].source
    elif dataset in given:
        seconds, epochs, source = given[dataset], float(limit), "given"
    elif others := [one for key, many in known.items() for one in many if key[:2] == training[:2]]:
        seconds, epochs = statistics.median(o.epoch_s for o in others), statistics.median(o.epochs for o in others)
        source = "extrapolated from other runs on the data set"
    else:
        seconds, epochs, source = None, float(limit), "unknown"
    return Row(dataset, protocol, run, len(config.seeds_of(run)), seconds, epochs, limit, source)
