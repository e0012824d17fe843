"""Data cards: what `card.json` and `split.json` say, whatever keys they have."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hydrarec.config.datasets import DatasetConfig
from hydrarec.config.titles import short_names
from hydrarec.formatting import NARROW, NOTHING, count
from hydrarec.report.blocks import Chapter, Facts, Folded, Part
from hydrarec.report.cells import Cell, Column, Row, Table
from hydrarec.report.inputs import Inputs

_NO_COUNTS = ("seed", "tie_order", "year")
"""Whole numbers that are written without spaces."""
_WORDS = {
    "first_day": "first",
    "last_day": "last",
    "last_two_tie_share": "users whose last two are at one time",
    "tie_share": "at the time of the one before",
    "iterate": "repeated until nothing changes",
    "min_user_interactions": "least of a user",
    "min_item_interactions": "least of an item",
    "top_1_percent_share": "the most popular 1\u202f% have",
    "top_10_percent_share": "the most popular 10\u202f% have",
}
"""Keys inside of facts that are code, in words."""
_COUNTS = ("users", "target users", "targets", "items", "interactions")
_FIRST = (
    "users", "items", "interactions", "density", "lengths", "popularity", "repeats", "tie_share", "times", "filter",
)  # fmt: skip
"""What is told first of a dataset; the rest follows by name."""
_RAW = ("stages", 1)
"""The table of a dataset that nothing was removed from."""
_ORIGIN = ("hash", "sha256", "url", "source", "reader")
"""What the names of facts hold that only somebody needs who wants the same data."""


@dataclass(frozen=True)
class DataCard:
    """A dataset for the page."""

    dataset: str
    title: str
    tables: list[Table]
    """Lists of records, such as the counts after each filter."""
    facts: list[tuple[str, str]]
    """Everything else: name and value."""
    origin: list[tuple[str, str]]
    """Where its files are from, and their hashes."""


def data(inputs: Inputs) -> Chapter:
    """Show the sizes of all datasets side by side, and a card for each."""
    cards = data_cards(inputs)
    first = [Part([_statistics(inputs)])] if inputs.cards else []
    parts = [
        *first,
        *(
            Part(
                [
                    Facts(card.facts),
                    *card.tables,
                    *([Folded("Files and hashes", [Facts(card.origin)])] if card.origin else []),
                ],
                card.title,
                f"dataset-{card.dataset}",
                card.dataset,
            )
            for card in cards
        ),
    ]
    return Chapter("datasets", "Data", parts)


def _statistics(inputs: Inputs) -> Table:
    """Return what papers say of data sets: how many, how dense, how long."""
    columns = {
        "users": "Users",
        "items": "Items",
        "interactions": "Interactions",
        "density": "Density",
        "mean": "Mean length",
        "p50": "Median length",
        "repeats": "Repeats",
    }
    hints = {
        "density": "interactions of users x items",
        "mean": "interactions of a user",
        "p50": "interactions of a user",
        "repeats": "interactions with an item that the user met before",
    }
    short, rows = short_names(inputs.config), []
    for dataset, card in inputs.cards.items():
        known = card.get("lengths", {}) | card
        cells = [Cell(format_value(known.get(key), key), _sort_value(known.get(key))) for key in columns]
        rows.append(Row([Cell(short[dataset], address=f"#dataset-{dataset}"), *cells]))
    return Table(
        "statistics",
        "Data sets after filtering",
        [
            Column("Data set", numeric=False),
            *(Column(title, hint=hints.get(key, "")) for key, title in columns.items()),
        ],
        [rows],
    )


def data_cards(inputs: Inputs) -> list[DataCard]:
    """Return a card for each dataset."""
    cards, short = [], short_names(inputs.config)
    for dataset in inputs.config.datasets:
        if dataset.id not in inputs.cards:
            continue
        content: dict[str, Any] = dict(inputs.cards[dataset.id])
        parts: list[Mapping[str, Any]] = []
        for protocol in inputs.config.protocols:
            if (dataset.id, protocol) in inputs.splits:
                split = dict(inputs.splits[dataset.id, protocol])
                parts += _parts(protocol, split.pop("parts", None))
                split.pop("protocol", None)
                if isinstance(cuts := split.get("cuts"), Mapping):
                    split["cuts"] = {part: _moment(cuts[part]) for part in sorted(cuts, key=_time_order)}
                content[f"split {protocol}"] = split
        if parts:
            content["parts"] = parts
        # What data are called and where they come from, the configuration says; changed, they are not prepared anew.
        content |= _configured_facts(dataset, content.get("source"))
        # The heading says both.
        title = str(content.pop("title"))
        content.pop("dataset", None)
        # A single stage counts what stands above it.
        records = {name: value for name, value in content.items() if _is_records(value) and (name, len(value)) != _RAW}
        tables = [_table(dataset.id, short[dataset.id], name, value) for name, value in records.items()]
        order = sorted(content, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
        facts = [fact for name in order if not _is_records(content[name]) for fact in _facts(name, content[name])]
        # What a file does not know is no fact.
        facts = [(name, value) for name, value in facts if value != NOTHING]
        origin = [fact for fact in facts if any(word in fact[0].lower() for word in _ORIGIN)]
        cards.append(DataCard(dataset.id, title, tables, [fact for fact in facts if fact not in origin], origin))
    return cards


def _configured_facts(dataset: DatasetConfig, source: Any) -> dict[str, Any]:
    """Return what the configuration says of data that are the same whatever it says, in the words of `card.json`."""
    said: dict[str, Any] = {"title": dataset.title, "licence": dataset.licence, "citation": dataset.citation}
    if dataset.source is not None and isinstance(source, Mapping):
        said["source"] = {**source, "urls": list(dataset.source.urls)}
    return said


def _parts(protocol: str, parts: Any) -> list[Mapping[str, Any]]:
    """Return the parts of a split as records, in the order of time."""
    if not isinstance(parts, Mapping):
        return []
    return [
        {"split": protocol, "part": name} | {key.replace("_", " "): value for key, value in parts[name].items()}
        for name in sorted(parts, key=_time_order)
        if isinstance(parts[name], Mapping)
    ]


def _time_order(part: str) -> int:
    """Return which part of a split comes when, as a number to sort by."""
    order = ("train", "validation", "test")
    return order.index(part) if part in order else len(order)


def _moment(seconds: Any) -> Any:
    """Write seconds since 1970 as day and time; leave what the calendar does not have as it is.

    >>> _moment(1697683799)
    '2023-10-19 02:49:59 UTC'
    """
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (TypeError, OverflowError, ValueError, OSError):
        return seconds


def humanise(key: str) -> str:
    """Write a key as words.

    >>> humanise("tie_share")
    'Tie share'
    """
    words = key.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def format_value(value: Any, name: str = "") -> str:
    """Write any value of a JSON file for people.

    >>> format_value(0.0321, "tie_share"), format_value(999611), format_value({"max": 61, "min": 5})
    ('3.21\u202f%', '999\u202f611', 'min 5 · max 61')
    """
    match value:
        case None:
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case int():
            return str(value) if name in _NO_COUNTS else count(value)
        case float():
            share = name.endswith(("share", "density", "sparsity")) and 0 <= value <= 1
            return f"{100 * value:.3g}{NARROW}%" if share else count(value) if value >= 1000 else f"{value:.4g}"
        case Mapping():
            if {"min", "max"} <= set(value) and all(isinstance(part, int | float) for part in value.values()):
                value = dict(sorted(value.items(), key=_quantile_order))
            # Of a time that stands there as a day too nobody wants to read the seconds.
            told = {str(k): v for k, v in value.items() if f"{k}_day" not in value}
            return " · ".join(f"{_WORDS.get(k) or humanise(k).lower()} {format_value(v, k)}" for k, v in told.items())
        case list() | tuple():
            return ", ".join(format_value(entry) for entry in value)
        case _:
            return str(value) or NOTHING


def _quantile_order(part: tuple[Any, Any]) -> tuple[float, int]:
    """Return what quantiles are sorted by: their value, and where values are equal their order."""
    name, value = str(part[0]), part[1]
    return value, {"min": -1, "max": 101}.get(name, int(name[1:]) if name[1:].isdecimal() else 50)


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(entry, Mapping) for entry in value)


def _facts(name: str, value: Any) -> list[tuple[str, str]]:
    """Return a value as facts; a mapping that holds further ones becomes a fact for each of its keys."""
    if isinstance(value, Mapping) and any(isinstance(part, Mapping | list) for part in value.values()):
        return [fact for key, part in value.items() for fact in _facts(f"{name}: {humanise(str(key)).lower()}", part)]
    return [(humanise(name), format_value(value, name))]


def _table(dataset: str, named: str, name: str, records: list[Mapping[str, Any]]) -> Table:
    keys = list(dict.fromkeys(key for record in records for key in record))
    numeric = {key: all(isinstance(record.get(key, 0), int | float) for record in records) for key in keys}
    # JSON files are sorted by key; people want names first, and then users before what users did.
    keys.sort(key=lambda key: (numeric[key], _COUNTS.index(key) if key in _COUNTS else len(_COUNTS)))
    rows = [
        Row([Cell(format_value(record.get(key), key), _sort_value(record.get(key))) for key in keys])
        for record in records
    ]
    titles = {"stages": "counts after each filter", "filters": "counts after each filter", "parts": "what was split"}
    title = titles.get(name, humanise(name).lower())
    columns = [Column(humanise(key), numeric=numeric[key]) for key in keys]
    return Table(f"data-{dataset}-{name.replace(' ', '-')}", f"{named}: {title}", columns, [rows], sortable=False)


def _sort_value(value: Any) -> float | str | None:
    return float(value) if isinstance(value, int | float) else None
