"""Whether a result is of the settings that a configuration has today."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hydrarec.config import BenchmarkConfig
from hydrarec.config.differences import differences, settings_apart
from hydrarec.config.runs import TrainedRun
from hydrarec.provenance import WEIGHTS, ranked_with_other_weights, read_manifest


def outdated(config: BenchmarkConfig, dataset: str, run: str, folder: Path) -> str:
    """Return in what a result is not of the configuration's settings, or not of one training; empty if it is.

    Snakemake repeats runs whose settings change, as long as it has its own records of them. Results that were copied
    here, or are older than its records, are only found by this.
    """
    if ranked_with_other_weights(folder):
        return f"{folder / 'inference.json'}: was ranked with other weights than {WEIGHTS} beside it has now"
    return other_settings(config, dataset, run, folder)


def other_settings(config: BenchmarkConfig, dataset: str, run: str, folder: Path) -> str:
    """Return in what a result, ranked or not, is not of the configuration's settings; empty if it is."""
    path = folder / "manifest.json"
    manifest, entry = read_manifest(path), config.run(run)
    if isinstance(entry, TrainedRun):
        try:
            apart = settings_apart(manifest.get("settings"), config.settings(run, dataset))
        except ValidationError:
            return f"{path}: its settings are those of hydrarec {manifest['package_version']} and cannot be read"
    else:
        before = {"baseline": manifest["run"].get("baseline"), "options": manifest["run"].get("options", {})}
        apart = differences(before, {"baseline": entry.baseline, "options": entry.options})
    return f"{path}: was computed with {told(apart)}" if apart else ""


def told(apart: dict[str, tuple[Any, Any]]) -> str:
    """Say the first of some differences from the configuration, and how many more there are."""
    (key, (before, now)), *others = apart.items()
    more = f" and {len(others)} more" if others else ""
    return f"{key} = {before}, the configuration has {now}{more}"
