"""What became of the claims that stand in a file of their own, and how that file and the results are dated."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from hydrarec.config.titles import scope_titles
from hydrarec.formatting import NARROW, NOTHING, p_value, sortable
from hydrarec.report.blocks import Folded, PageBlock, Text
from hydrarec.report.cells import Cell, Column, Row, Table, drop_empty_columns
from hydrarec.report.inputs import Inputs

_KEY = (
    "Supported: it holds in as many places as needed. Refuted: so many speak against it that too few are left. "
    "Not decided: neither. Not decidable: too few places could say anything. That it holds is shown by adjusted "
    "p-values, that the data speak against it by each place's own interval, which is not adjusted."
)

_REASON = "below it why this is the verdict; places are data sets, or devices. The numbers stand in the CSV file"


def claims(inputs: Inputs) -> list[PageBlock]:
    """Show the verdict on every claim, and folded away what it rests on; nothing where nothing was claimed."""
    if inputs.claims is None or inputs.verdicts is None:
        return []
    return [
        _table(inputs, inputs.claims),
        Text(f"{format_registration(inputs, inputs.claims.iloc[0].to_dict())} {_KEY}", "key"),
        Folded("What every verdict rests on", [_evidence(inputs)]),
    ]


def format_registration(inputs: Inputs, row: Mapping[Hashable, Any]) -> str:
    """Say of which day and bytes the file of claims is, and how many results may be older; `row` is of `CLAIMS`."""
    registered = row["registered"]
    days = [manifest["created"][:10] for _, manifest in inputs.manifests]
    older = sum(day <= registered for day in days)
    first = (
        f"Of {len(days)} results {older} were written on that day or before: that the claims were there first, only a "
        "record elsewhere of the file's hash can show."
        if older
        else f"All {len(days)} results were written after that day."
    )
    return (
        f"Claims and the rules that decide them are of {registered}, as their file says. {first} SHA-256 of the file: "
        f"{row['sha256'][:16]}{_format_published_hash(row)}."
    )


def _format_published_hash(row: Mapping[Hashable, Any]) -> str:
    """Name the file of published numbers by its hash, where the claims rest on one."""
    found = row["published_sha256"]
    return "" if pd.isna(found) else f", of the published numbers that it names: {found[:16]}"


def _table(inputs: Inputs, claims: pd.DataFrame) -> Table:
    rows = [
        Row(
            [
                Cell(row["claim"]),
                Cell(row["verdict"]),
                Cell(row["statement"], note=_reason(row)),
            ],
            f"claim-{row['verdict'].replace(' ', '-')}",
        )
        for _, row in claims.iterrows()
    ]
    columns = [
        Column("Claim", numeric=False),
        Column("Verdict", numeric=False),
        Column("What is claimed", numeric=False, hint=_REASON),
    ]
    return Table("claims", "Verdicts on the claims", columns, [rows], claims, prose=True)


def _reason(row: pd.Series) -> str:
    family = "" if row["family"] == "confirmatory" else f"{row['family'].capitalize()}. "
    return f"{family}{row['sentence']}"


def _evidence(inputs: Inputs) -> Table:
    assert inputs.verdicts is not None
    named, devices = (
        scope_titles(inputs.config),
        {measured.device: measured.source.title for measured in inputs.measured},
    )
    rows = [
        Row(
            [
                Cell(row["claim"]),
                Cell(_scope_title(row, named, devices)),
                Cell(row["verdict"]),
                *(Cell(_p(row[name]), sortable(row[name])) for name in ("p", "p_holm")),
                Cell(_format_detectable(row["detectable"]), sortable(row["detectable"])),
                Cell(row["sentence"]),
            ]
        )
        for _, row in inputs.verdicts.iterrows()
    ]
    columns = [
        *(Column(title, numeric=False) for title in ("Claim", "Where", "Verdict")),
        Column("p", hint="one-sided, of this finding; none where an interval decides"),
        Column("Holm p", hint="the claim's largest p here, over the confirmatory claims of this data set and protocol"),
        Column(
            "Could find",
            hint="smallest true difference, in per cent of the comparator, that would have been found here with a "
            "power of 80 %; for a claim of equivalence the smallest margin, had there been no difference",
        ),
        Column(
            "Finding",
            numeric=False,
            hint="differences in per cent of the comparator's mean; their intervals are of the ratio of the two means, "
            "so that they hold the comparator's own error. Superior follows from the one-sided p, beside which the "
            "two-sided interval may still contain 0 (of times 1)",
        ),
    ]
    table = Table(
        "evidence", "What every verdict rests on, place by place", columns, [rows], inputs.verdicts, prose=True
    )
    return drop_empty_columns(table)


def _p(value: float | None) -> str:
    return NOTHING if pd.isna(value) else p_value(float(value))


def _format_detectable(value: float | None) -> str:
    return NOTHING if pd.isna(value) else f"{value:.1f}{NARROW}%"


def _scope_title(row: pd.Series, named: dict[tuple[str, str], str], devices: dict[str, str]) -> str:
    if pd.isna(row["dataset"]):
        return devices.get(row["device"], str(row["device"]))
    return named[row["dataset"], row["protocol"]]
