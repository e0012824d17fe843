"""How data sets and protocols are called where there is no room for their full titles."""

import re

from hydrarec.config.benchmark import BenchmarkConfig
from hydrarec.config.protocol import PROTOCOL_TITLES


def protocol_name(protocol: str) -> str:
    """Return a protocol's name in words.

    >>> protocol_name("loo")
    'leave-one-out'
    """
    return PROTOCOL_TITLES[protocol].split(":")[0].split(" at ")[0]


def short_titles(titles: dict[str, str]) -> dict[str, str]:
    """Leave out what stands behind a bracket or a colon in titles, where the rest still tells them apart.

    >>> short_titles({"a": "MovieLens-1M (text file)", "b": "Beauty (5-core)", "c": "Beauty (raw)"})
    {'a': 'MovieLens-1M', 'b': 'Beauty (5-core)', 'c': 'Beauty (raw)'}
    """
    short = {name: re.split(r" \(|: ", title)[0].strip() for name, title in titles.items()}
    taken = list(short.values())
    return {name: it if it and taken.count(it) == 1 else titles[name] for name, it in short.items()}


def short_names(config: BenchmarkConfig) -> dict[str, str]:
    """Return the short titles of a comparison's data sets, by id."""
    return short_titles({dataset.id: dataset.title for dataset in config.datasets})


def title_remainder(title: str, short: str) -> str:
    """Return what a short title leaves out of the full one.

    >>> title_remainder("MovieLens-1M (text file)", "MovieLens-1M"), title_remainder("Made (here): simple", "Made")
    ('text file', 'here: simple')
    """
    return title.removeprefix(short).replace("(", "", 1).replace(")", "", 1).strip(" :")


def scope_titles(config: BenchmarkConfig) -> dict[tuple[str, str], str]:
    """Return by dataset and protocol what a table calls the two; the only protocol there is needs no mention."""
    short = short_names(config)
    single = len(config.protocols) == 1
    return {
        (dataset, protocol): title if single else f"{title}, {protocol_name(protocol)}"
        for dataset, title in short.items()
        for protocol in config.protocols
    }


def scope_names(config: BenchmarkConfig) -> dict[tuple[str, str], str]:
    """Return the same for sentences, in which commas stand between them."""
    short = short_names(config)
    single = len(config.protocols) == 1
    return {
        (dataset, protocol): title if single else f"{title} ({protocol_name(protocol)})"
        for dataset, title in short.items()
        for protocol in config.protocols
    }
