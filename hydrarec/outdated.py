"""Whether a result, or the data it is of, are of the settings that a configuration has today."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hydrarec.config import BenchmarkConfig
from hydrarec.config.compared import compared_settings
from hydrarec.config.datasets import DatasetConfig
from hydrarec.config.differences import differences, settings_apart
from hydrarec.config.runs import TrainedRun
from hydrarec.files import read_object
from hydrarec.layout import DECIDED, WEIGHTS
from hydrarec.provenance import ranked_with_other_weights, read_manifest
from hydrarec.run_seeds import RunSeed


def why_outdated(config: BenchmarkConfig, one: RunSeed) -> str | None:
    """Return in what a result is not of the configuration's settings, or not of one training; None if it is.

    Snakemake repeats runs whose settings change, as long as it has its own records of them. Results that were copied
    here, or are older than its records, are only found by this.
    """
    if ranked_with_other_weights(one.folder):
        return f"{one.folder / 'inference.json'}: was ranked with other weights than {WEIGHTS} beside it has now"
    return why_other_settings(config, one)


def why_unusable(config: BenchmarkConfig, one: RunSeed) -> str | None:
    """Return why a result that is complete is none of this comparison: outdated, or damaged; None if it is."""
    try:
        return why_outdated(config, one)
    except ValueError as error:
        return str(error)


def why_other_settings(config: BenchmarkConfig, one: RunSeed) -> str | None:
    """Return in what a result, ranked or not, is not of the configuration's settings; None if it is."""
    path = one.folder / "manifest.json"
    manifest, entry = read_manifest(path), config.run(one.run)
    if isinstance(entry, TrainedRun):
        try:
            apart = settings_apart(manifest.get("settings"), config.settings(one.run, one.dataset))
        except ValidationError:
            return f"{path}: its settings are those of hydrarec {manifest['package_version']} and cannot be read"
    else:
        before = {"baseline": manifest["run"].get("baseline"), "options": manifest["run"].get("options", {})}
        apart = differences(before, {"baseline": entry.baseline, "options": entry.options})
    return f"{path}: was computed with {summarise_differences(apart)}" if apart else None


def why_other_training(config: BenchmarkConfig, one: RunSeed, saved: dict[str, Any]) -> str | None:
    """Say by which settings an interrupted training is another one than the configuration's; None if it goes on.

    Parameters
    ----------
    config
        The comparison.
    one
        Which training.
    saved
        What its state says of itself; see `hydrarec.unfinished.saved_state`.
    """
    try:
        apart = settings_apart(saved["identity"]["settings"], config.settings(one.run, one.dataset))
    except (KeyError, TypeError, ValidationError):
        # Saved by another version, or cut off: nobody can tell.
        return None
    return f"a training with {summarise_differences(apart)}" if apart else None


def why_other_tables(config: BenchmarkConfig, path: Path) -> str | None:
    """Return in what tables over all runs are not of the configuration's settings; None if they are.

    Parameters
    ----------
    config
        The comparison.
    path
        The file beside the tables that says with which settings a step made them.
    """
    if not path.is_file():
        return f"{path}: no such file, so nobody can tell with which settings the tables beside it were made"
    try:
        made_with = read_object(path)
    except ValueError as error:
        return str(error)
    # Verdicts alone are about claims.
    ignored = () if path.name == DECIDED else ("hypotheses",)
    apart = differences(made_with, compared_settings(config), ignored)
    return f"{path}: the tables beside it were made with {summarise_differences(apart, shown=3)}" if apart else None


def why_other_data(wanted: DatasetConfig, card: Path) -> str | None:
    """Return in what prepared data are not as a data set is defined; None if they are, or are not there.

    Keys that did not exist when they were prepared count with their defaults.

    Parameters
    ----------
    wanted
        The definition.
    card
        The `card.json` of the data.
    """
    if not card.is_file():
        return None
    try:
        found = read_object(card)
    except ValueError as error:
        return str(error)
    source = found.get("source")
    decides = {
        "source": {key: source.get(key) for key in ("file", "sha256")} if isinstance(source, dict) else source,
        **{key: found[key] for key in ("reader", "filter", "thin", "tie_order") if key in found},
    }
    try:
        read = DatasetConfig.model_validate_json(json.dumps({"id": wanted.id, "title": wanted.title, **decides}))
    except ValidationError:
        return f"{card}: does not say how its data were prepared, or says it as another version of hydrarec does"
    apart = differences(json.loads(read.content_json()), json.loads(wanted.content_json()))
    return f"{card}: was prepared with {summarise_differences(apart)}" if apart else None


def preparation_hint(card: Path) -> str:
    """Say what has data, with this `card.json`, prepared anew that Snakemake has no records of."""
    return f"--forcerun {card.with_name('interactions.parquet')} has them, and what was computed on them, made anew"


def summarise_differences(apart: dict[str, tuple[Any, Any]], shown: int = 1) -> str:
    """Write the first of some differences from the configuration, and how many more there are."""
    first = [f"{key} = {before}, the configuration has {now}" for key, (before, now) in [*apart.items()][:shown]]
    more = f" and {len(apart) - shown} more" if len(apart) > shown else ""
    return f"{'; '.join(first)}{more}"
