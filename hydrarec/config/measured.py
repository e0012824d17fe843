"""Fingerprints of measurements: what speed and memory depend on, of all that a configuration says.

A part is measured again when this changes, so nothing belongs here that changes no time: names, claims, baselines, how
long trainings go on, further seeds.
"""

from typing import Any

from hydrarec.config.benchmark import BenchmarkConfig
from hydrarec.config.efficiency import ON_DATA, Part
from hydrarec.config.runs import Overrides, TrainedRun

SIZES = {"lengths", "d_model", "widths", "length", "elements"}
"""Keys of `efficiency` with the sizes of those others."""
WHEN_TO_STOP = {"max_epochs", "patience"}
"""Keys of `training` that no step knows of."""
NOTHING = {"id": "nothing", "baseline": "random"}
"""A configuration must have a run; where nothing is trained, softmax attention is measured all the same."""


def measured_settings(config: BenchmarkConfig, part: Part) -> dict[str, Any]:
    """Return what a part's measurements depend on.

    Parameters
    ----------
    config
        The comparison, which asks for measurements.
    part
        `operators`, `blocks`, `steps` or `inference`.

    Returns
    -------
    dict
        A configuration in the types of JSON, the same for all comparisons that would measure the same.
    """
    assert config.efficiency is not None
    trained = config.trained_runs
    settings = config.efficiency.model_dump(mode="json", exclude={"parts", "devices", "fit_from"})
    if part not in ON_DATA:
        return _configuration(
            runs=[_parts(run) for run in trained],
            encoder=config.encoder.model_dump(mode="json"),
            training={"precision": config.training.precision},
            efficiency=settings | {"parts": [part]},
        )
    ids = [dataset.id for dataset in config.datasets]
    return _configuration(
        runs=[_parts(run) | _overrides(run) for run in trained],
        datasets=[
            dataset.model_dump(mode="json", exclude={"licence": True, "citation": True, "source": {"urls"}})
            | {"title": dataset.id}
            for dataset in config.datasets
        ],
        protocols=config.protocols[:1],
        seeds=config.seeds[:1],
        encoder=config.encoder.model_dump(mode="json"),
        loss=config.loss.model_dump(mode="json"),
        training=config.training.model_dump(mode="json", exclude=WHEN_TO_STOP),
        per_dataset={name: _overrides(layer) for name, layer in config.per_dataset.items() if name in ids},
        efficiency={key: value for key, value in settings.items() if key not in SIZES} | {"parts": [part]},
    )


def summarised_settings(config: BenchmarkConfig) -> dict[str, Any]:
    """Return likewise what a summary of all parts depends on besides their tables."""
    assert config.efficiency is not None
    return _configuration(
        efficiency=config.efficiency.model_dump(mode="json", include={"parts", "threads", "fit_from"})
    )


def _configuration(**keys: Any) -> dict[str, Any]:
    """Return a complete configuration with these keys, the others as far as they must be there."""
    runs = keys.pop("runs", None) or [NOTHING]
    needed = {"report": "efficiency", "title": "", "datasets": ["synthetic"], "seeds": [0]}
    return needed | {"runs": runs, "evaluation": {"reference": runs[0]["id"]}} | keys


def _parts(run: TrainedRun) -> dict[str, Any]:
    return run.model_dump(mode="json", include={"id", "model", "attention", "masking"})


def _overrides(layer: Overrides) -> dict[str, Any]:
    """Return only what is written out: the rest is that of the layer below."""
    dumped = layer.model_dump(mode="json", include={"encoder", "training"}, exclude_unset=True)
    found = {key: values for key, values in dumped.items() if values}
    found["training"] = {key: value for key, value in found.get("training", {}).items() if key not in WHEN_TO_STOP}
    if layer.loss is not None:
        found["loss"] = layer.loss.model_dump(mode="json")
    return {key: values for key, values in found.items() if values}
