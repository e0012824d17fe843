"""A configuration from a file or a mapping, with all mistakes that its parts cannot see by themselves."""

from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from hydrarec.config.base import ConfigError
from hydrarec.config.baselines import OPTIONS, SEEDED
from hydrarec.config.benchmark import BenchmarkConfig
from hydrarec.config.mistakes import Locate, explain
from hydrarec.config.runs import BaselineRun
from hydrarec.formatting import several


def load(raw: dict[str, Any], baselines: list[str] | None = None, locate: Locate | None = None) -> BenchmarkConfig:
    """Check a configuration and return it typed.

    Parameters
    ----------
    raw
        The mapping as read from YAML.
    baselines
        Names of the baselines that have a rule file; not checked if absent.
    locate
        Says where a value stands; messages begin with it.

    Raises
    ------
    ConfigError
        With one line per mistake: its location, the path of the key, what is wrong, and what is allowed.
    """
    try:
        config = BenchmarkConfig.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(_mistakes(explain(error, locate=locate))) from None
    found = [
        line
        for run in config.trained_runs
        for dataset in config.datasets
        for line in _mistakes_of_merged(config, run.id, dataset.id, locate)
    ]
    for index, run in enumerate(config.runs):
        if not isinstance(run, BaselineRun):
            continue
        if baselines is not None and run.baseline not in baselines:
            why = f"runs[{index}].baseline: no rule file for {run.baseline!r}; allowed: {', '.join(baselines)}"
            found.append(_line(locate, ["runs", index, "baseline"], why))
        else:
            found += _mistakes_of_options(config, run, index, locate)
    if found:
        raise ConfigError(_mistakes("\n".join(found)))
    return config


def _mistakes_of_options(config: BenchmarkConfig, run: BaselineRun, index: int, locate: Locate | None) -> list[str]:
    """Name options that a baseline of this package does not have; those of others are known to their programs.

    And the data sets on which the baseline cannot work.
    """
    if run.baseline not in OPTIONS:
        return []
    try:
        options = OPTIONS[run.baseline].model_validate(run.options)
    except ValidationError as error:
        above = ["runs", index, "options"]
        there: Locate | None = locate and (lambda keys: locate([*above, *keys]))
        return explain(error, f"runs[{index}].options", there).split("\n")
    found = [
        f"cannot be computed on {dataset.id}: {why}"
        for dataset in config.datasets
        if (why := options.why_unfit(dataset))
    ]
    if run.deterministic and run.baseline in SEEDED:
        found.append(f"deterministic: true, but {run.baseline} changes with the seed; leave it out")
    return [_line(locate, ["runs", index], f"runs[{index}] ({run.id}): {said}") for said in found]


def _mistakes_of_merged(config: BenchmarkConfig, run_id: str, dataset_id: str, locate: Locate | None) -> list[str]:
    """Name settings of a run on a dataset that contradict each other once merged."""
    try:
        config.settings(run_id, dataset_id)
    except ValidationError as error:
        # The keys of the merged settings are not where they were written; the run or, if it is of the grid, that is.
        ids = [run.id for run in config.runs]
        keys: list[str | int] = ["runs", ids.index(run_id)] if run_id in ids else ["grid"]
        return [_line(locate, keys, explain(error, f"on {dataset_id}: run {run_id}").strip())]
    return []


def _line(locate: Locate | None, keys: list[str | int], said: str) -> str:
    return f"  {f'{locate(keys)}: ' if locate else ''}{said}"


def _mistakes(lines: str) -> str:
    number = lines.count("\n") + 1
    return f"the configuration has {several(number, 'mistake')}:\n{lines}"


def load_file(path: Path, baselines: list[str] | None = None) -> BenchmarkConfig:
    """Read and check a YAML configuration file.

    Raises
    ------
    OSError
        If it cannot be read.
    ConfigError
        Like `load`, each mistake with its line, and if it is no plain YAML; see `hydrarec.config.yaml_file`.
    """
    # A job of Snakemake never needs it.
    from hydrarec.config.yaml_file import read_yaml  # noqa: PLC0415

    file = read_yaml(path)
    values = file.values
    if not isinstance(values, dict):
        raise ConfigError(f"{path}:1: must be a mapping of keys; found {type(values).__name__}")
    return load(cast(dict[str, Any], values), baselines, file.locate)
