"""Where a comparison's file of claims stands, and what it asks for that the comparison has not."""

from difflib import get_close_matches
from pathlib import Path
from typing import cast

from hydrarec.config.base import ConfigError
from hydrarec.config.benchmark import BenchmarkConfig
from hydrarec.config.hypotheses import ClaimConfig, GrowthClaimConfig, RunClaimConfig, load_hypotheses

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


def unmet(path: Path, config: BenchmarkConfig, named: str = "") -> list[str]:
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
    place = read_yaml(path).place
    found: list[str] = []
    for index, claim in enumerate(hypotheses.claims):
        why: list[str] = []
        if isinstance(claim, RunClaimConfig):
            why += _absent_runs(claim, config.run_ids)
            needed, there = hypotheses.needed_for(claim), len(config.datasets)
            if needed > there:
                why.append(f"it must hold on {needed} data sets, and {there} is there")
        if isinstance(claim, GrowthClaimConfig) and config.efficiency is None:
            why.append("no efficiency is measured")
        if why:
            keys = ["claims", index, *_key_of_absent(claim, config.run_ids)]
            found.append(f"{place(keys)}: claim {claim.id}: {'; '.join(why)}")
    return found


def _key_of_absent(claim: ClaimConfig, there: list[str]) -> list[str | int]:
    """Return the key under which a claim names the first run that is not there; none if all are."""
    for key in ("run", "against", "separates", "flag_if_beaten_by"):
        named = getattr(claim, key, [])
        if isinstance(named, str) and named not in there:
            return [key]
        if isinstance(named, list):
            for index, run in enumerate(cast(list[str], named)):
                if run not in there:
                    return [key, index]
    return []


def _absent_runs(claim: RunClaimConfig, there: list[str]) -> list[str]:
    others = [*getattr(claim, "separates", []), *getattr(claim, "flag_if_beaten_by", [])]
    absent = [run for run in dict.fromkeys([claim.run, *claim.against, *others]) if run not in there]
    meant = {run: get_close_matches(run, there, n=1, cutoff=0.8) for run in absent}
    named = [run + (f" (closest: {meant[run][0]})" if meant[run] else "") for run in absent]
    return [f"there is no run {', '.join(named)}"] if named else []
