"""The data card: what a prepared dataset is, in numbers. Written as `card.json`, rendered in the report."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
from jaxtyping import Int

from hydrarec.config.datasets import DatasetConfig

QUANTILES = {"p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}


def counts(stage: str, of_user: Int[np.ndarray, " U"], of_item: Int[np.ndarray, " N"]) -> dict[str, Any]:
    """Return how many users, items and interactions there are after a stage of the preparation, from those of each."""
    n_users, n_items = (int(np.count_nonzero(of_one)) for of_one in (of_user, of_item))
    return {"stage": stage, "users": n_users, "items": n_items, "interactions": int(of_user.sum())}


def describe(dataset: DatasetConfig, sha256: str | None) -> dict[str, Any]:
    """Return what the configuration says about a dataset, with the checksum of the file that was read."""
    source = dataset.source
    return {
        "dataset": dataset.id,
        "title": dataset.title,
        "licence": dataset.licence,
        "citation": dataset.citation,
        "source": {"file": source.file, "urls": list(source.urls), "sha256": sha256} if source else None,
        "reader": dataset.reader.model_dump(),
        "filter": dataset.filter.model_dump(),
        **({} if dataset.thin is None else {"thin": dataset.thin.model_dump()}),
        **({} if dataset.tie_order is None else {"tie_order": dataset.tie_order}),
    }


def measure(
    users: Int[np.ndarray, " E"],
    times: Int[np.ndarray, " E"] | None,
    lengths: Int[np.ndarray, " U"],
    popularity: Int[np.ndarray, " N"],
    repeats: int,
) -> dict[str, Any]:
    """Measure prepared interactions.

    Parameters
    ----------
    users
        Dense ids from 1, by user and then by time.
    times
        Seconds since 1970; None if the source has none.
    lengths, popularity
        Interactions of each user and of each item of the catalogue, of which a thinned data set may have some without
        any.
    repeats
        Interactions with an item that the user had met before.

    Returns
    -------
    dict
        `users`, `items` (of the catalogue), `items_without_interaction` (only where there are some), `interactions`,
        `density` (share of all user-item pairs, each pair counted once per interaction), `repeats`, `lengths` and
        `popularity` (quantiles over users and over items), `times` (None, or as `measure_times` says).
    """
    unmet = int(np.count_nonzero(popularity == 0))
    return {
        "users": len(lengths),
        "items": len(popularity),
        **({"items_without_interaction": unmet} if unmet else {}),
        "interactions": len(users),
        "density": len(users) / (len(lengths) * len(popularity)),
        "repeats": repeats,
        "lengths": _quantiles(lengths),
        "popularity": {
            **_quantiles(popularity),
            "top_1_percent_share": _top_share(popularity, 0.01),
            "top_10_percent_share": _top_share(popularity, 0.1),
        },
        "times": None if times is None else measure_times(users, times),
    }


def measure_times(users: Int[np.ndarray, " E"], times: Int[np.ndarray, " E"]) -> dict[str, Any]:
    """Measure when things happened and how much of the order is arbitrary.

    Parameters
    ----------
    users, times
        By user and then by time.

    Returns
    -------
    dict
        `first`, `last` (seconds since 1970), `first_day`, `last_day` (UTC), `tie_share` (interactions that share
        their second with another one of the same user), `last_two_tie_share` (users whose last two interactions share
        a second, so that the order of the file decides which is held out).
    """
    same_user = users[1:] == users[:-1]
    ties_next = same_user & (times[1:] == times[:-1])
    tied = np.zeros(len(users), dtype=bool)
    tied[1:] = ties_next
    tied[:-1] |= ties_next
    newest = np.append(np.flatnonzero(~same_user), len(users) - 1)
    starts = np.append(0, newest[:-1] + 1)
    first, last = int(times.min()), int(times.max())
    return {
        "first": first,
        "last": last,
        "first_day": _day(first),
        "last_day": _day(last),
        "tie_share": int(np.count_nonzero(tied)) / len(tied),
        "last_two_tie_share": float(ties_next[newest[newest > starts] - 1].sum() / len(starts)),
    }


def _quantiles(values: np.ndarray) -> dict[str, float]:
    """Summarise counts; quantiles are values that occur, not interpolations."""
    named = {name: int(np.quantile(values, share, method="inverted_cdf")) for name, share in QUANTILES.items()}
    return {"min": int(values.min()), **named, "max": int(values.max()), "mean": float(values.mean())}


def _top_share(popularity: np.ndarray, share: float) -> float:
    """Return the part of all interactions that the most popular `share` of the items has, at least one item."""
    n_top = max(1, round(share * len(popularity)))
    return float(np.sort(popularity)[-n_top:].sum() / popularity.sum())


def _day(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return "out of the calendar's range"
