"""Decide every claim of a file: `verdicts.parquet` and `claims.parquet`."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hydrarec.claims.base import ClaimKind, Finding
from hydrarec.claims.decided import Decided
from hydrarec.claims.evidence import Evidence, Undecidable, read_evidence
from hydrarec.claims.places import Device, Place
from hydrarec.columns import CLAIMS, VERDICTS
from hydrarec.config import BenchmarkConfig
from hydrarec.config.compared import compared_settings
from hydrarec.config.hypotheses import ClaimConfig, RunClaimConfig, load_hypotheses
from hydrarec.files import atomic_folder, sha256, write_json
from hydrarec.layout import DECIDED
from hydrarec.significance.corrections import holm
from hydrarec.tables import write_table


def decide(config: BenchmarkConfig, hypotheses: Path, results: Path, comparison: Path, output: Path) -> None:
    """Decide every claim of a file and write `verdicts.parquet` and `claims.parquet`.

    The settings they were made with stand beside them in `decided.json`.

    Parameters
    ----------
    config
        The comparison.
    hypotheses
        The file of claims.
    results
        Folder of everything computed.
    comparison
        Folder with the tables of `collect` and `contrast` and with `gates.json`.
    output
        Folder of the tables.

    Raises
    ------
    ConfigError
        If the file of claims is wrong.
    FileNotFoundError
        If a table is absent.
    ValueError
        If tables were made with other settings than the configuration's, or are not what they must be.
    """
    claims = load_hypotheses(hypotheses)
    evidence = read_evidence(config, claims, results, comparison)
    decided = [evaluate_claim(claim, claims.needed_for(claim), evidence) for claim in claims.claims]
    published = claims.published_file(hypotheses)
    registered = {
        "registered": claims.registered.isoformat(),
        "sha256": sha256(hypotheses),
        "published_sha256": sha256(published) if published else None,
    }
    table = [row | registered for row in claim_rows(decided)]
    with atomic_folder(output, last=DECIDED) as new:
        write_table(pd.DataFrame(verdict_rows(decided), columns=VERDICTS.names), new / "verdicts.parquet", VERDICTS)
        write_table(pd.DataFrame(table, columns=CLAIMS.names), new / "claims.parquet", CLAIMS)
        write_json(new / DECIDED, compared_settings(config))


def evaluate_claim(claim: ClaimConfig, needed: int, evidence: Evidence) -> Decided:
    """Ask a claim in every scope what it finds there, or why it finds nothing."""
    kind: ClaimKind[Any] = claim.implementation()(claim)
    scopes = kind.scopes(evidence)
    found: dict[Place, list[Finding] | str] = {}
    for scope in scopes:
        try:
            found[scope] = list(kind.findings(evidence, scope))
        except Undecidable as reason:
            found[scope] = str(reason)
    first = evidence.config.protocols[0]
    return Decided(
        claim, needed, found, [scope for scope in scopes if isinstance(scope, Device) or scope.protocol == first]
    )


def verdict_rows(decided: Sequence[Decided]) -> list[dict[str, Any]]:
    """Return the rows of `VERDICTS`; a scope without findings has one that says why.

    Beside each finding's own p-value stands that of its claim in this scope: the largest of its findings, adjusted over
    the confirmatory claims that are made of the scope. Those are one family there, as they are over all scopes.
    """
    scopes = dict.fromkeys(scope for one in decided for scope in one.found)
    adjusted = {
        scope: _adjust(there, [one.p_at(scope) for one in there])
        for scope in scopes
        if (there := [one for one in decided if scope in one.found])
    }
    return [
        row for one in decided for scope in one.found for row in _rows_at(one, scope, adjusted[scope][one.config.id])
    ]


def _rows_at(decided: Decided, scope: Place, p_holm: float | None) -> list[dict[str, Any]]:
    findings = decided.found[scope]
    if isinstance(findings, str):
        findings = [
            Finding(_subject(decided.config), "", "not decidable", f"Not decidable on {scope.name}: {findings}.")
        ]
    common = {"claim": decided.config.id, "p_holm": p_holm} | scope.columns
    return [common | dataclasses.asdict(finding) for finding in findings]


def claim_rows(decided: Sequence[Decided]) -> list[dict[str, Any]]:
    """Return the rows of `CLAIMS`, less what is known of the file; confirmatory claims are one family."""
    adjusted = _adjust(decided, [one.p for one in decided])
    return [
        {
            "claim": one.config.id,
            "statement": one.config.statement,
            "kind": one.config.kind,
            "family": one.config.family,
            "p": one.p,
            "p_holm": adjusted[one.config.id],
            "holding": one.n_holding,
            "needed": one.needed,
            "places": one.n_decidable,
            **dict(zip(("verdict", "sentence"), one.verdict(adjusted[one.config.id]), strict=True)),
        }
        for one in decided
    ]


def _adjust(decided: Sequence[Decided], values: Sequence[float | None]) -> dict[str, float | None]:
    """Adjust the confirmatory claims as one family; one that cannot be decided is a member that shows nothing.

    Returns the values by the claim's id. Those of exploratory claims stay as they are.
    """
    known = {one.config.id: p for one, p in zip(decided, values, strict=True)}
    family = [one.config.id for one in decided if one.config.family == "confirmatory" and one.config.kind != "growth"]
    corrected = holm(np.array([1.0 if (p := known[name]) is None else p for name in family]))
    by_name = dict(zip(family, map(float, corrected), strict=True))
    return {name: None if p is None else by_name.get(name, p) for name, p in known.items()}


def _subject(claim: ClaimConfig) -> str:
    return claim.run if isinstance(claim, RunClaimConfig) else str(getattr(claim, "subject", ""))
