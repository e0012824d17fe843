"""Fingerprint of a comparison: what its tables depend on, and neither names nor where data may be had."""

import json
from typing import Any

from hydrarec.config.benchmark import BenchmarkConfig
from hydrarec.config.runs import BaselineRun, Overrides, TrainedRun

_OVERRIDDEN = set(Overrides.model_fields)


def compared_settings(config: BenchmarkConfig) -> dict[str, Any]:
    """Return what metrics, contrasts, analyses and verdicts of a comparison depend on.

    Parameters
    ----------
    config
        The comparison.

    Returns
    -------
    dict
        In the types of JSON. Runs of a grid stand among the others; the order of runs and data sets does not matter. Of
        what differs for one run or data set there is only what is written out.
    """
    ids = {dataset.id for dataset in config.datasets}
    return {
        **config.model_dump(mode="json", include={"protocols", "seeds", "encoder", "loss", "training", "hypotheses"}),
        # Which versions may be mixed decides whether there are tables, and nothing in them.
        "evaluation": config.evaluation.model_dump(mode="json", exclude={"accepted_versions"}),
        "datasets": {dataset.id: json.loads(dataset.content_json()) for dataset in config.datasets},
        "per_dataset": {name: _overrides(layer) for name, layer in config.per_dataset.items() if name in ids},
        "runs": {run.id: _run(run) for run in config.all_runs},
    }


def _run(run: TrainedRun | BaselineRun) -> dict[str, Any]:
    if isinstance(run, BaselineRun):
        return run.model_dump(mode="json", exclude={"id", "label"})
    return run.model_dump(mode="json", include={"model", "attention", "masking"}) | _overrides(run)


def _overrides(layer: Overrides) -> dict[str, Any]:
    written = layer.model_dump(mode="json", include=_OVERRIDDEN, exclude_unset=True)
    return {block: keys for block, keys in written.items() if keys is not None}
