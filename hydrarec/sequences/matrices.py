"""Logs as sparse matrices over items: who met what, what followed what, what a history weighs."""

import numpy as np
import scipy.sparse as sp
from jaxtyping import Int
from torch import Tensor

from hydrarec.sequences.log import Cases, Log


def user_items(train: Log, n_items: int) -> sp.csr_array:
    """Return which items (columns) each user (row, in the log's order) has met: float32 ones."""
    users = np.repeat(np.arange(len(train.users)), train.lengths.numpy())
    ones = np.ones(len(users), dtype=np.float32)
    met = sp.coo_array((ones, (users, train.items.numpy())), shape=(len(train.users), n_items + 1)).tocsr()
    met.data[:] = 1
    return met


def transitions(train: Log, n_items: int, gap: int = 1) -> sp.csr_array:
    """Count how often each item (column) came `gap` events after each other one (row), within a user."""
    items = train.items.numpy()
    users = np.repeat(train.users.numpy(), train.lengths.numpy())
    within = users[:-gap] == users[gap:]
    pairs = items[:-gap][within], items[gap:][within]
    ones = np.ones(len(pairs[0]), dtype=np.float32)
    # Equal pairs are summed by the conversion.
    return sp.coo_array((ones, pairs), shape=(n_items + 1, n_items + 1)).tocsr()


def history_weights(cases: Cases, rows: Int[Tensor, " B"], n_items: int, decay: float) -> sp.csr_array:
    """Return the weight of every item (column) in the history of each case (row)."""
    starts, stops = cases.starts[rows].numpy(), cases.stops[rows].numpy()
    lengths = stops - starts
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    place = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - starts, lengths)
    age = np.repeat(stops, lengths) - 1 - place
    weights = np.power(decay, age).astype(np.float32)
    items = cases.log.items.numpy()[place]
    return sp.csr_array((weights, items, offsets), shape=(len(rows), n_items + 1))
