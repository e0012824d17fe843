"""Where results come from: code, machines, packages, data hashes, and the configuration itself."""

from collections import defaultdict
from typing import Any

import yaml

from hydrarec.formatting import NOTHING, several
from hydrarec.report.blocks import Chapter, Code, Facts, Part
from hydrarec.report.cells import Cell, Column, Row, Table
from hydrarec.report.chapters.computing import computing, missing_note
from hydrarec.report.figures.panels import Figure
from hydrarec.report.figures.pipeline import pipeline
from hydrarec.report.inputs import Inputs

_RULES = (
    "All rules of the workflow and which reads what of which, from left to right; a comparison runs those that its "
    "configuration asks for. Arrows that follow from others are left out, and so are "
    "targets that only gather files."
)
_MACHINE = ("host", "cpu", "gpu", "driver", "cuda", "platform", "threads")


def provenance(inputs: Inputs) -> Chapter:
    """Show what made the results."""
    manifests = [manifest for _, manifest in inputs.manifests]
    config = yaml.safe_dump(inputs.config.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)
    blocks = [
        Facts(_facts(inputs, manifests)),
        Figure([pipeline()], _RULES),
        computing(inputs),
        missing_note(inputs),
        _machines(manifests),
        _packages(manifests),
        _hashes(inputs),
        Code("Complete configuration, defaults written out", config),
    ]
    return Chapter("provenance", "Provenance", [Part(blocks)])


def _facts(inputs: Inputs, manifests: list[dict[str, Any]]) -> list[tuple[str, str]]:
    codes = [code for of_run in inputs.codes for code in of_run]
    written = sorted(manifest["created"] for manifest in manifests)
    return [
        ("Package", _distinct(codes, "package_version")),
        ("Commit", _distinct(codes, "git_commit")),
        ("Uncommitted changes", _uncommitted(inputs)),
        ("Python", _distinct(manifests, "python")),
        ("Seeds", ", ".join(map(str, inputs.config.seeds))),
        ("Runs written", f"{len(manifests)}, from {written[0]} to {written[-1]}"),
    ]


def _uncommitted(inputs: Inputs) -> str:
    """Say how many runs were computed by code with changes that no commit holds."""
    states = [{code["git_dirty"] for code in of_run} for of_run in inputs.codes]
    changed, unknown = sum(True in state for state in states), sum(None in state for state in states)
    said = f"in {changed} of {several(len(states), 'run')}" if changed else "none"
    return f"{said}; unknown of {unknown}" if unknown else said


def _distinct(manifests: list[dict[str, Any]], key: str) -> str:
    values = {manifest[key] for manifest in manifests}
    named = {True: "yes", False: "no", None: "unknown"}
    return ", ".join(sorted(named[value] if isinstance(value, bool | None) else str(value) for value in values))


def _packages(manifests: list[dict[str, Any]]) -> Table:
    """Return the versions of the packages that runs were computed with."""
    packages: dict[str, set[str]] = defaultdict(set)
    for manifest in manifests:
        for name, version in manifest["packages"].items():
            packages[name].add(version or "not installed")
    rows = [Row([Cell(name), Cell(", ".join(sorted(versions)))]) for name, versions in sorted(packages.items())]
    columns = [Column("Package", numeric=False), Column("Version", numeric=False)]
    return Table("packages", "Packages", columns, [rows], sortable=False)


def _machines(manifests: list[dict[str, Any]]) -> Table:
    found = {tuple(manifest[key] for key in _MACHINE): None for manifest in manifests}
    counts = {key: sum(tuple(m[k] for k in _MACHINE) == key for m in manifests) for key in found}
    rows = [
        Row([*(Cell(NOTHING if value is None else str(value)) for value in key), Cell(str(number), float(number))])
        for key, number in sorted(counts.items(), key=str)
    ]
    titles = ("Host", "CPU", "GPU", "Driver", "CUDA", "System", "Threads")
    columns = [*(Column(title, numeric=False) for title in titles), Column("Runs")]
    return Table("machines", "Machines", columns, [rows], sortable=False)


def _hashes(inputs: Inputs) -> Table:
    # All runs of a dataset and protocol saw the same files, or the tables would not have been made.
    found = {
        (one.dataset, one.protocol, file): digest
        for one, manifest in inputs.manifests
        for file, digest in sorted(manifest["data"].items())
    }
    rows = [Row([*map(Cell, key), Cell(digest)]) for key, digest in found.items()]
    columns = [Column(title, numeric=False) for title in ("Data set", "Protocol", "File", "SHA-256 of its content")]
    return Table("hashes", "Data files", columns, [rows], sortable=False)
