"""Data cards: what `card.json` and `split.json` say, whatever keys they have."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hydrarec.numbers import NARROW, NOTHING, count
from hydrarec.report.blocks import Chapter, Facts, Part
from hydrarec.report.cells import Cell, Column, Row, Table
from hydrarec.report.inputs import Inputs
from hydrarec.report.style import RunStyle

_COUNTS = ("users", "items", "interactions")


@dataclass(frozen=True)
class DataCard:
    """A dataset for the page."""

    dataset: str
    title: str
    tables: list[Table]
    """Lists of records, such as the counts after each filter."""
    facts: list[tuple[str, str]]
    """Everything else: name and value."""


def data(inputs: Inputs, _: dict[str, RunStyle]) -> Chapter:
    """Show a card for each dataset."""
    cards = data_cards(inputs)
    parts = [
        Part([*card.tables, Facts(card.facts)], card.title, f"dataset-{card.dataset}", card.dataset) for card in cards
    ]
    return Chapter("datasets", "Data", parts)


def data_cards(inputs: Inputs) -> list[DataCard]:
    """Return a card for each dataset."""
    cards = []
    for dataset in inputs.config.datasets:
        if dataset.id not in inputs.cards:
            continue
        content: dict[str, Any] = dict(inputs.cards[dataset.id])
        for protocol in inputs.config.protocols:
            if (dataset.id, protocol) in inputs.splits:
                content[f"split {protocol}"] = inputs.splits[dataset.id, protocol]
        title = str(content.pop("title", dataset.title))
        tables = [_table(dataset.id, name, value) for name, value in content.items() if _is_records(value)]
        facts = [fact for name, value in content.items() if not _is_records(value) for fact in _facts(name, value)]
        cards.append(DataCard(dataset.id, title, tables, facts))
    return cards


def humanise(key: str) -> str:
    """Write a key as words.

    >>> humanise("tie_share")
    'Tie share'
    """
    words = key.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def plain(value: Any, name: str = "") -> str:
    """Write any value of a JSON file for people.

    >>> plain(0.0321, "tie_share"), plain(999611), plain({"max": 61, "min": 5})
    ('3.21\u202f%', '999\u202f611', 'min 5 · max 61')
    """
    match value:
        case None:
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case int():
            # Seeds and years are no counts, but nobody minds an unbroken number below 10,000.
            return count(value) if abs(value) >= 10_000 else str(value)
        case float():
            share = name.endswith(("share", "density", "sparsity")) and 0 <= value <= 1
            return f"{100 * value:.3g}{NARROW}%" if share else f"{value:.4g}"
        case Mapping():
            if {"min", "max"} <= set(value) and all(isinstance(part, int | float) for part in value.values()):
                value = dict(sorted(value.items(), key=lambda part: part[1]))
            return " · ".join(f"{humanise(str(k)).lower()} {plain(v, str(k))}" for k, v in value.items())
        case list() | tuple():
            return ", ".join(plain(entry) for entry in value)
        case _:
            return str(value) or NOTHING


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(entry, Mapping) for entry in value)


def _facts(name: str, value: Any) -> list[tuple[str, str]]:
    """Return a value as facts; a mapping that holds further ones becomes a fact for each of its keys."""
    if isinstance(value, Mapping) and any(isinstance(part, Mapping | list) for part in value.values()):
        return [fact for key, part in value.items() for fact in _facts(f"{name}: {humanise(str(key)).lower()}", part)]
    return [(humanise(name), plain(value, name))]


def _table(dataset: str, name: str, records: list[Mapping[str, Any]]) -> Table:
    keys = list(dict.fromkeys(key for record in records for key in record))
    numeric = {key: all(isinstance(record.get(key), int | float) for record in records) for key in keys}
    # JSON files are sorted by key; people want names first, and then users before what users did.
    keys.sort(key=lambda key: (numeric[key], _COUNTS.index(key) if key in _COUNTS else len(_COUNTS)))
    rows = [
        Row([Cell(plain(record.get(key), key), _sort_value(record.get(key))) for key in keys]) for record in records
    ]
    title = "counts after each filter" if name in ("stages", "filters") else humanise(name).lower()
    columns = [Column(humanise(key), numeric=numeric[key]) for key in keys]
    return Table(f"data-{dataset}-{name.replace(' ', '-')}", f"{dataset}: {title}", columns, [rows], sortable=False)


def _sort_value(value: Any) -> float | str | None:
    return float(value) if isinstance(value, int | float) else None
