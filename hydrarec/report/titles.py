"""How data sets are called where there is no room for their full titles."""

import re

from hydrarec.config import BenchmarkConfig
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


def make_readable(sentence: str, named: dict[tuple[str, str], str]) -> str:
    """Write the scopes and protocols of a sentence as the page does; elsewhere sentences name them as files do.

    >>> make_readable("on ml-1m/loo: it is low", {("ml-1m", "loo"): "MovieLens-1M"})
    'on MovieLens-1M: it is low'
    >>> named = {("a", "loo"): "Beauty, leave-one-out", ("b", "loo"): "Steam, leave-one-out"}
    >>> make_readable("support under loo only: it is lost on a/loo, b/loo", named)
    'support under leave-one-out only: it is lost on Beauty (leave-one-out), Steam (leave-one-out)'

    Some name only the data set, where they begin.

    >>> make_readable("Not decidable on a/loo: on a: absent. On b it takes 2 s. Over a, b it grows.", named)
    'Not decidable on Beauty (leave-one-out): on Beauty: absent. On Steam it takes 2 s. Over Beauty, Steam it grows.'
    """
    for (dataset, protocol), title in named.items():
        name = protocol_name(protocol)
        # Commas stand between scopes.
        scope = title.replace(f", {name}", f" ({name})")
        sentence = re.sub(rf"(?<![\w/-]){re.escape(f'{dataset}/{protocol}')}(?![\w/-])", lambda _, t=scope: t, sentence)
        sentence = re.sub(rf"(?<=\bunder ){protocol}\b", name, sentence)
    short = {dataset: title.removesuffix(f", {protocol_name(name)}") for (dataset, name), title in named.items()}
    ids = "|".join(re.escape(dataset) for dataset in sorted(short, key=len, reverse=True))
    # Elsewhere in a sentence the same word may be part of a run's name.
    opening = rf"(^|(?<=[.:] ))([Oo]n|Over)( (?:{ids})(?:, (?:{ids}))*)(?=[ :])"
    return re.sub(opening, lambda found: found[2] + re.sub(ids, lambda one: short[one[0]], found[3]), sentence)
