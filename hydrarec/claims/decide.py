"""Decide every claim of a file: `verdicts.parquet` and `claims.parquet`."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hydrarec.claims.base import ClaimKind, Finding, Place
from hydrarec.claims.decided import Decided
from hydrarec.claims.evidence import Evidence, Undecidable, read_evidence
from hydrarec.columns import CLAIMS, VERDICTS
from hydrarec.config import BenchmarkConfig
from hydrarec.config.hypotheses import ClaimConfig, RunClaimConfig, load_hypotheses
from hydrarec.files import sha256
from hydrarec.significance.corrections import holm
from hydrarec.tables import write_table


def decide(config: BenchmarkConfig, hypotheses: Path, results: Path, comparison: Path, output: Path) -> None:
    """Decide every claim of a file and write `verdicts.parquet` and `claims.parquet`.

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
    """
    claims = load_hypotheses(hypotheses)
    evidence = read_evidence(config, claims, results, comparison)
    decided = [look(claim, claims.needed_for(claim), evidence) for claim in claims.claims]
    rows = [row for one in decided for row in verdict_rows(one)]
    write_table(pd.DataFrame(rows, columns=VERDICTS.names), output / "verdicts.parquet", VERDICTS)
    published = claims.published_file(hypotheses)
    registered = {
        "registered": claims.registered.isoformat(),
        "sha256": sha256(hypotheses),
        "published_sha256": sha256(published) if published else None,
    }
    table = [row | registered for row in claim_rows(decided)]
    write_table(pd.DataFrame(table, columns=CLAIMS.names), output / "claims.parquet", CLAIMS)


def look(claim: ClaimConfig, needed: int, evidence: Evidence) -> Decided:
    """Ask a claim in every place."""
    kind: ClaimKind = claim.implementation()(claim)
    places = kind.places(evidence)
    found: dict[Place, list[Finding] | str] = {}
    for place in places:
        try:
            found[place] = list(kind.findings(evidence, place))
        except Undecidable as reason:
            found[place] = str(reason)
    first = evidence.config.protocols[0]
    return Decided(claim, needed, found, [place for place in places if place.protocol in (None, first)])


def verdict_rows(decided: Decided) -> list[dict[str, Any]]:
    """Return the rows of `VERDICTS` about a claim; a place without findings has one that says why."""
    rows: list[dict[str, Any]] = []
    for place, findings in decided.found.items():
        if isinstance(findings, str):
            findings = [
                Finding(_subject(decided.config), "", "not decidable", f"Not decidable on {place}: {findings}.")
            ]
        rows += [{"claim": decided.config.id} | vars(place) | dataclasses.asdict(finding) for finding in findings]
    return rows


def claim_rows(decided: Sequence[Decided]) -> list[dict[str, Any]]:
    """Return the rows of `CLAIMS`, less what is known of the file; confirmatory claims are one family."""
    adjusted = _adjusted(decided)
    return [
        {
            "claim": one.config.id,
            "statement": one.config.statement,
            "kind": one.config.kind,
            "family": one.config.family,
            "p": one.p,
            "p_holm": p_holm,
            "holding": one.holding,
            "needed": one.needed,
            "places": one.decidable,
            **dict(zip(("verdict", "sentence"), one.verdict(p_holm), strict=True)),
        }
        for one, p_holm in zip(decided, adjusted, strict=True)
    ]


def _adjusted(decided: Sequence[Decided]) -> list[float | None]:
    """Adjust the confirmatory claims as one family; one that cannot be decided is a member that shows nothing."""
    family = [one for one in decided if one.config.family == "confirmatory" and one.config.kind != "growth"]
    values = dict(
        zip(map(id, family), holm(np.array([1.0 if one.p is None else one.p for one in family])), strict=True)
    )
    return [None if one.p is None else float(values.get(id(one), one.p)) for one in decided]


def _subject(claim: ClaimConfig) -> str:
    return claim.run if isinstance(claim, RunClaimConfig) else str(getattr(claim, "subject", ""))
