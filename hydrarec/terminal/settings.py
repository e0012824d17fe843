"""What a run's settings are, as far as they are not the defaults."""

from hydrarec.config import BenchmarkConfig
from hydrarec.config.differences import flatten
from hydrarec.config.runs import BaselineRun, TrainedRun

_NO_SETTINGS = {"run.id", "run.label", "training.device"}
"""Names and the choice between CPU and GPU, which stands beside the times."""
_PARTS = ("model", "attention", "masking")


def parts_of(run: TrainedRun | BaselineRun) -> str:
    """Return what a run is made of: kinds of its parts, or the baseline's rule.

    >>> parts_of(BaselineRun(id="pop", baseline="popularity", deterministic=True))
    'baseline popularity, deterministic'
    """
    if isinstance(run, BaselineRun):
        notes = ["deterministic"] if run.deterministic else []
        notes += [f"{run.control} control"] if run.control else []
        return ", ".join([f"baseline {run.baseline}", *notes])
    parts = {name: getattr(run, name) for name in _PARTS}
    return ", ".join(f"{name} {part.kind}" for name, part in parts.items() if part is not None)


def changed_settings(config: BenchmarkConfig, run_id: str) -> dict[str, str]:
    """Return the settings of a run that are not the defaults, in words; by data set where they differ between them.

    Parameters
    ----------
    config
        The comparison.
    run_id
        Run id.
    """
    run = config.run(run_id)
    if isinstance(run, BaselineRun):
        return {f"options.{key}": str(value) for key, value in run.options.items()}
    settings = {dataset.id: config.settings(run_id, dataset.id) for dataset in config.datasets}
    everything = {dataset: flatten(one.model_dump(mode="json")) for dataset, one in settings.items()}
    unlike = (flatten(one.model_dump(mode="json", exclude_defaults=True)) for one in settings.values())
    changed = {"loss.kind"}.union(*unlike) - _NO_SETTINGS
    found: dict[str, str] = {}
    for key in dict.fromkeys(key for one in everything.values() for key in one):
        if key not in changed:
            continue
        values = {dataset: str(one.get(key, "none")) for dataset, one in everything.items()}
        if len(set(values.values())) == 1:
            found[key] = next(iter(values.values()))
        else:
            found[key] = ", ".join(f"{value} on {dataset}" for dataset, value in values.items())
    return found
