"""Where a comparison's file of claims stands, and what it asks for that the comparison has not."""

import datetime
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

from hydrarec.config.bands import Band
from hydrarec.config.base import ConfigError
from hydrarec.config.benchmark import BenchmarkConfig
from hydrarec.config.hypotheses import GrowthClaimConfig, Hypotheses, RunClaimConfig, load_hypotheses
from hydrarec.config.mistakes import Locate

CHECKOUT = Path(__file__).parents[2]
"""The checkout that this package is part of, unless it is installed without one."""


def claims_file(config: BenchmarkConfig, checkout: Path | None = None) -> Path | None:
    """Return where a configuration's file of claims stands; None if it names none.

    Parameters
    ----------
    config
        Its `hypotheses` are seen from the root of the checkout, wherever it stands itself and wherever it is read.
    checkout
        The folder of the Snakefile at work; None: the current folder or the closest one around it that is a checkout,
        else the one that this package is part of.

    Raises
    ------
    ConfigError
        If claims are named and there is no checkout that they could be in.
    """
    if config.hypotheses is None:
        return None
    root = checkout or find_checkout()
    if root is None:
        raise ConfigError(
            f"hypotheses: {config.hypotheses} is seen from the root of a checkout, and {Path.cwd()} is in none; "
            "work in the checkout that holds it"
        )
    return root / config.hypotheses


def find_checkout() -> Path | None:
    """Return the checkout that the current folder is in, else that of this package; None if there is neither."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents, CHECKOUT) if _is_checkout(folder)), None)


def _is_checkout(folder: Path) -> bool:
    return (folder / "Snakefile").is_file() and (folder / "workflow" / "rules" / "common.smk").is_file()


def unmet_requirements(path: Path, config: BenchmarkConfig, named: str = "") -> list[str]:
    """Say of each claim of a file what it asks for that a comparison does not have, as far as this is known beforehand.

    A file of claims may serve several comparisons, so that none of this is a mistake by itself; a misspelt id is.

    Parameters
    ----------
    path
        The file of claims; each line begins with it and the number of the line in question.
    config
        The comparison.
    named
        As of `load_hypotheses`.

    Raises
    ------
    ConfigError
        As of `load_hypotheses`.
    """
    from hydrarec.config.yaml_file import read_yaml  # noqa: PLC0415 - as for the configuration itself

    hypotheses = load_hypotheses(path, named)
    locate = read_yaml(path).locate
    found: list[str] = []
    for index, claim in enumerate(hypotheses.claims):
        why: list[str] = []
        keys: list[str | int] = ["claims", index]
        if isinstance(claim, RunClaimConfig):
            if absent := _absent_runs(claim, config.run_ids):
                why.append(f"there is no run {_with_closest(absent, config.run_ids)}")
                keys += next(iter(absent.values()))
            needed, there = hypotheses.needed_for(claim), len(config.datasets)
            if needed > there:
                why.append(f"it must hold on {needed} data sets, and {there} is there")
            if other := _other_metrics(claim, config):
                allowed = " and ".join(config.evaluation.paired_metrics)
                why.append(f"pairs of runs are not compared on {', '.join(other)}; allowed here: {allowed}")
        if isinstance(claim, GrowthClaimConfig) and config.efficiency is None:
            why.append("no efficiency is measured")
        if why:
            found.append(f"{locate(keys)}: claim {claim.id}: {'; '.join(why)}")
    found += _misspelt_bands(hypotheses, config, locate)
    if hypotheses.registered > datetime.date.today():
        found.append(f"{locate(['registered'])}: registered: {hypotheses.registered} has not come yet")
    return found


def _other_metrics(claim: RunClaimConfig, config: BenchmarkConfig) -> list[str]:
    """Return the metrics that a claim names and that pairs are not compared on."""
    named = [getattr(claim, "metric", None), *getattr(claim, "metrics", [])]
    return [metric for metric in named if metric and metric not in config.evaluation.paired_metrics]


def _misspelt_bands(hypotheses: Hypotheses, config: BenchmarkConfig, locate: Locate) -> list[str]:
    """Say which bands are of a run or data set that is nearly one of the comparison's; others serve another."""
    datasets = [dataset.id for dataset in config.datasets]
    found: list[str] = []
    for index, band in enumerate(hypotheses.bands):
        if not isinstance(band, Band):
            continue
        for key, name, there in (("run", band.run, config.run_ids), ("dataset", band.dataset, datasets)):
            if name not in there and (close := get_close_matches(name, there, n=1, cutoff=0.8)):
                found.append(
                    f"{locate(['bands', index])}: a band is of {key} {name}, which is not there (closest: {close[0]})"
                )
    return found


def _absent_runs(claim: RunClaimConfig, there: list[str]) -> dict[str, Sequence[str | int]]:
    """Return the runs that a claim names and that are not there, each with the keys under which it stands."""
    found: dict[str, Sequence[str | int]] = {}
    for key in ("run", "against", "separates", "flag_if_beaten_by"):
        named = getattr(claim, key, [])
        named_runs = [(named, [key])] if isinstance(named, str) else [(run, [key, i]) for i, run in enumerate(named)]
        for run, keys in named_runs:
            if run not in there:
                found.setdefault(run, keys)
    return found


def _with_closest(absent: Iterable[str], there: list[str]) -> str:
    meant = {run: get_close_matches(run, there, n=1, cutoff=0.8) for run in absent}
    return ", ".join(run + (f" (closest: {close[0]})" if close else "") for run, close in meant.items())
