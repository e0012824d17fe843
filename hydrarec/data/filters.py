"""Which raw interactions stay: exact duplicates, repeated pairs, minimum counts, a share. Arrays are in file order."""

import zlib
from functools import partial

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int

from hydrarec.data.chunked import chunk_slices
from hydrarec.data.sorting import sort
from hydrarec.data.threads import each


def not_duplicated(
    users: Int[np.ndarray, " E"], items: Int[np.ndarray, " E"], times: Int[np.ndarray, " E"]
) -> Bool[np.ndarray, " E"]:
    """Mark every interaction but the second and later ones with the same user, item and second.

    Returns
    -------
    numpy.ndarray
        True = stays.
    """
    keep = np.ones(len(users), dtype=bool)
    rows, pairs = _repeated(users, items)
    keep[rows] = ~pd.DataFrame({"pair": pairs, "time": times[rows]}).duplicated().to_numpy()
    return keep


def first_of_pair(
    users: Int[np.ndarray, " E"], items: Int[np.ndarray, " E"], times: Int[np.ndarray, " E"] | None
) -> Bool[np.ndarray, " E"]:
    """Mark the earliest interaction of every user with every item; among equal times the first in the file.

    Parameters
    ----------
    users, items
        Codes from 0.
    times
        Seconds; None if the source has none, then the file is in the order of time.

    Returns
    -------
    numpy.ndarray
        True = stays.
    """
    keep = np.ones(len(users), dtype=bool)
    rows, pairs = _repeated(users, items)
    order = np.lexsort((times[rows], pairs)) if times is not None else np.argsort(pairs, kind="stable")
    later = np.ones(len(order), dtype=bool)
    later[:1] = False
    later[1:] = pairs[order[1:]] == pairs[order[:-1]]
    keep[rows[order[later]]] = False
    return keep


def frequent(
    users: Int[np.ndarray, " E"],
    items: Int[np.ndarray, " E"],
    of_user: Int[np.ndarray, " U"],
    of_item: Int[np.ndarray, " N"],
    *,
    min_user: int,
    min_item: int,
    iterate: bool,
) -> tuple[Bool[np.ndarray, " E"], Int[np.ndarray, " U"], Int[np.ndarray, " N"]]:
    """Mark the interactions of users and items that have enough of them.

    Parameters
    ----------
    users, items
        Codes from 0.
    of_user, of_item
        Interactions of each code.
    min_user, min_item
        Fewest interactions of a user and of an item.
    iterate
        Count again after every removal until both minima hold for what is left: the core of Seidman (1983), for a
        graph of users and items. Otherwise both are counted once, on the data given.

    Returns
    -------
    tuple of numpy.ndarray
        True = stays; and how many interactions of each user and item do.
    """
    keep = np.ones(len(users), dtype=bool)
    while True:
        rare_users, rare_items = of_user < min_user, of_item < min_item
        if not of_user[rare_users].any() and not of_item[rare_items].any():
            return keep, of_user, of_item
        leaves = np.concatenate(
            each(partial(_leaving, users, items, rare_users, rare_items, keep), chunk_slices(len(users)))
        )
        keep[leaves] = False
        of_user = of_user - np.bincount(users[leaves], minlength=len(of_user))
        of_item = of_item - np.bincount(items[leaves], minlength=len(of_item))
        if not iterate:
            return keep, of_user, of_item


def _leaving(
    users: Int[np.ndarray, " E"],
    items: Int[np.ndarray, " E"],
    rare_users: Bool[np.ndarray, " U"],
    rare_items: Bool[np.ndarray, " N"],
    keep: Bool[np.ndarray, " E"],
    rows: slice,
) -> Int[np.ndarray, " L"]:
    return rows.start + np.flatnonzero((rare_users[users[rows]] | rare_items[items[rows]]) & keep[rows])


def subsample(n_interactions: int, keep: float, seed: int) -> Bool[np.ndarray, " E"]:
    """Mark a share of the interactions, drawn without replacement, each as likely as any other.

    Parameters
    ----------
    n_interactions
        How many there are.
    keep
        Share that stays; their number is rounded to the nearest.
    seed
        Of the draw. It puts all interactions into one random order of which the first stay, so that a smaller share
        is part of a larger one.

    Returns
    -------
    numpy.ndarray
        True = stays.
    """
    order = np.random.default_rng([seed, zlib.crc32(b"thin")]).permutation(n_interactions)
    stays = np.zeros(n_interactions, dtype=bool)
    stays[order[: round(keep * n_interactions)]] = True
    return stays


def n_repeated(users: Int[np.ndarray, " E"], items: Int[np.ndarray, " E"]) -> int:
    """Count the interactions of a user with an item that the same user had met before."""
    if all(each(partial(_ascend, users, items), chunk_slices(len(users)))):
        return 0
    pairs = sort(_pairs(users, items))
    return int(np.count_nonzero(pairs[1:] == pairs[:-1]))


def _ascend(users: Int[np.ndarray, " E"], items: Int[np.ndarray, " E"], rows: slice) -> bool:
    """Return whether these pairs and the next one stand in ascending order, none twice."""
    rows = slice(rows.start, rows.stop + 1)
    # These rows' own largest item keeps users apart well enough to compare them with each other.
    pairs = _pairs(users[rows], items[rows])
    return bool((pairs[1:] > pairs[:-1]).all())


def _repeated(users: np.ndarray, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return row numbers and pair codes of the interactions whose user and item occur together more than once."""
    pairs = _pairs(users, items)
    rows = np.flatnonzero(pd.Series(pairs).duplicated(keep=False).to_numpy())
    return rows, pairs[rows]


def _pairs(users: np.ndarray, items: np.ndarray) -> Int[np.ndarray, " E"]:
    return users.astype(np.int64) * (int(items.max(initial=0)) + 1) + items
