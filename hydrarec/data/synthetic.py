"""The embedded data set: interactions drawn from a process whose true next-item distribution can be computed.

Every user has a hidden theme, drawn uniformly. Given the theme z and the last item i, the next item is j with
probability

    q_z(j | i) = w_1 F(i, j) + w_2 G(z, j) + w_3 P(j),    restricted to the items not met yet and renormalised,

where F leads from an item to a few successors (first-order part), G prefers the theme's items (long-range part: one
item hardly tells the theme, the whole history does) and P is a Zipf law (popularity part). The first item has no
predecessor, so it comes from G and P alone. Nobody meets an item twice.

Times and lengths are drawn independently of the items, so neither tells anything about the next item. Parameters,
themes, items and times come from separate random streams of the same seed.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from hydrarec.config.datasets import SyntheticReaderConfig

FIRST_ORDER_WEIGHT, THEME_WEIGHT, POPULARITY_WEIGHT = 0.1, 0.8, 0.1
SUCCESSORS = np.array([0.25, 0.25, 0.25, 0.25])
"""Chances of an item's successors."""
N_THEMES = 10
THEME_SHARE = 0.06
"""Part of the catalogue that a theme prefers; themes overlap."""
ZIPF_EXPONENT = 1.0
SHORTEST, LONGEST = 15, 45
"""Bounds of a user's number of interactions, both included."""

SECONDS_PER_DAY = 86_400
START = 1_704_067_200
"""2024-01-01, the earliest interaction."""
START_SPAN_DAYS = 360
MEAN_GAP_DAYS = 5.0
TIE_PROBABILITY = 0.1
"""Chance that an interaction carries the same second as the one before it."""


@dataclass(frozen=True)
class SyntheticProcess:
    """The process with its parameters; items are numbered from 0."""

    successors: Float[np.ndarray, "N N"]
    """F: each row is a distribution over next items."""
    themes: Float[np.ndarray, "Z N"]
    """G: each row is a theme's distribution over items."""
    popularity: Float[np.ndarray, " N"]
    """P: a distribution over items."""

    @classmethod
    def from_config(cls, config: SyntheticReaderConfig) -> Self:
        """Draw the parameters that belong to a configuration's size and seed."""
        stream = _streams(config.seed)["parameters"]
        n_items = config.n_items
        ranks = 1.0 + stream.permutation(n_items)
        popularity = ranks**-ZIPF_EXPONENT
        successors = np.zeros((n_items, n_items))
        for item in range(n_items):
            others = np.delete(np.arange(n_items), item)
            successors[item, stream.choice(others, len(SUCCESSORS), replace=False)] = SUCCESSORS
        themes = np.zeros((N_THEMES, n_items))
        size = max(len(SUCCESSORS), round(THEME_SHARE * n_items))
        for theme in range(N_THEMES):
            themes[theme, stream.choice(n_items, size, replace=False)] = 1 / size
        return cls(successors, themes, popularity / popularity.sum())

    def next_item_probabilities(self, history: Int[np.ndarray, " T"]) -> Float[np.ndarray, " N"]:
        """Return the exact probability of every item to be the next one.

        The hidden theme is marginalised: p(j | history) = sum_z p(z | history) p(j | z, history), with the posterior
        of the themes from the likelihood of the whole history.

        Parameters
        ----------
        history
            Items met so far, oldest first, all different; may be empty.

        Returns
        -------
        numpy.ndarray
            Sums to 1 over the items not in the history, 0 on those in it.
        """
        history = np.asarray(history, dtype=np.int64)
        unseen = np.ones(len(self.popularity))
        unseen[history] = 0.0
        by_theme = self.mixture(history[-1:]) * unseen
        by_theme /= by_theme.sum(axis=1, keepdims=True)
        return self.theme_probabilities(history) @ by_theme

    def theme_probabilities(self, history: Int[np.ndarray, " T"]) -> Float[np.ndarray, " Z"]:
        """Return the posterior distribution of the hidden theme given the items met so far."""
        logs = np.zeros(len(self.themes))
        for step in range(len(history)):
            chances = self.mixture(history[max(step - 1, 0) : step])
            left = chances.sum(axis=1) - chances[:, history[:step]].sum(axis=1)
            logs += np.log(chances[:, history[step]] / left)
        weights = np.exp(logs - logs.max())
        return weights / weights.sum()

    def mixture(self, last: Int[np.ndarray, " L"]) -> Float[np.ndarray, "Z N"]:
        """Return q_z(. | last) for every theme, before items met are excluded; `last` holds one item or none."""
        base = POPULARITY_WEIGHT * self.popularity
        if len(last):
            base = base + FIRST_ORDER_WEIGHT * self.successors[last[0]]
        return base + THEME_WEIGHT * self.themes


def draw(config: SyntheticReaderConfig) -> pd.DataFrame:
    """Draw all users' interactions.

    Returns
    -------
    pandas.DataFrame
        Columns `user` and `item` (the generator's numbers from 0) and `timestamp` (seconds since 1970), by user and
        then by time. Equal configurations give equal rows.
    """
    process, streams = SyntheticProcess.from_config(config), _streams(config.seed)
    # No user can meet more items than there are; the tail of the mixture is tiny long before that.
    lengths = streams["lengths"].integers(SHORTEST, min(LONGEST, config.n_items // 2) + 1, size=config.n_users)
    themes = streams["themes"].integers(N_THEMES, size=config.n_users)
    sequences = _draw_items(process, themes, int(lengths.max()), streams["items"])
    times = _draw_times(config.n_users, int(lengths.max()), streams["times"])
    real = np.arange(int(lengths.max())) < lengths[:, None]
    return pd.DataFrame(
        {"user": np.repeat(np.arange(config.n_users), lengths), "item": sequences[real], "timestamp": times[real]}
    )


def _draw_items(
    process: SyntheticProcess, themes: np.ndarray, length: int, stream: np.random.Generator
) -> Int[np.ndarray, "U T"]:
    """Draw `length` items for every user at once, one step at a time."""
    users = np.arange(len(themes))
    unseen = np.ones((len(users), len(process.popularity)))
    fixed = THEME_WEIGHT * process.themes[themes] + POPULARITY_WEIGHT * process.popularity
    items = np.zeros((len(users), length), dtype=np.int64)
    for step in range(length):
        chances = fixed if step == 0 else fixed + FIRST_ORDER_WEIGHT * process.successors[items[:, step - 1]]
        cumulated = np.cumsum(chances * unseen, axis=1)
        # The first item whose cumulated chance exceeds the draw; seen items add nothing, so are never that item.
        thresholds = stream.random(len(users)) * cumulated[:, -1]
        items[:, step] = (cumulated <= thresholds[:, None]).sum(axis=1)
        unseen[users, items[:, step]] = 0.0
    return items


def _draw_times(n_users: int, length: int, stream: np.random.Generator) -> Int[np.ndarray, "U T"]:
    """Draw non-decreasing times, in seconds; some neighbours share a second, as in real logs."""
    starts = stream.integers(START_SPAN_DAYS * SECONDS_PER_DAY, size=(n_users, 1))
    gaps = 1 + stream.exponential(MEAN_GAP_DAYS * SECONDS_PER_DAY, size=(n_users, length)).astype(np.int64)
    gaps[stream.random((n_users, length)) < TIE_PROBABILITY] = 0
    return START + starts + np.cumsum(gaps, axis=1)


def _streams(seed: int) -> dict[str, np.random.Generator]:
    names = ("parameters", "lengths", "themes", "items", "times")
    children = np.random.SeedSequence(seed).spawn(len(names))
    return {name: np.random.default_rng(child) for name, child in zip(names, children, strict=True)}
