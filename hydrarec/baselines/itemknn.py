"""Item neighbourhoods: items that the same users have met as those of the history, recent ones weighing more."""

from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.baselines import BaselineInputs, read_options
from hydrarec.config.baselines import ItemKnnOptions
from hydrarec.ranking.full import Scorer
from hydrarec.sequences.log import Log
from hydrarec.sequences.matrices import history_weights, user_items

BLOCK = 256
"""Items whose neighbours are computed at once; bounds the memory of the unpruned similarities."""


def scorer(inputs: BaselineInputs, options: dict[str, Any]) -> Scorer:
    """Score every item by its summed similarity to the items of the history.

    Notes
    -----
    score(i) = sum over the history of decay^age(h) sim(h, i), where age is 0 for the newest item. With U the users of
    an item in training, sim(h, i) = |U_h and U_i| / (sqrt(|U_h| |U_i|) + shrinkage), the cosine if that is 0; only the
    `neighbours` most similar items of each h count. If no item is similar to any of the history, popular items come.

    References
    ----------
    Item-to-item collaborative filtering: Sarwar et al., WWW 2001. Decay over the history: Ding & Li, CIKM 2005.
    Shrinkage: Ferrari Dacrema et al., RecSys 2019, arXiv 1907.06902.
    """
    chosen = read_options(ItemKnnOptions, options)
    neighbours = similarities(inputs.train, inputs.catalogue.n_items, chosen.neighbours, chosen.shrinkage)
    popularity = inputs.catalogue.counts.float()

    def score(rows: Int[Tensor, " B"]) -> Float[Tensor, "B N1"]:
        weights = history_weights(inputs.cases, rows, inputs.catalogue.n_items, chosen.decay)
        scores = torch.from_numpy((weights @ neighbours).toarray())
        return torch.where(scores.any(1, keepdim=True), scores, popularity)

    return score


def similarities(train: Log, n_items: int, neighbours: int, shrinkage: float = 0.0) -> sp.csr_array:
    """Return the similarity of each item (row) to its most similar others (columns); ties go to the smaller id."""
    met = user_items(train, n_items)
    rows = met.T.tocsr()
    n_users = rows.sum(axis=1, dtype=np.float64)
    blocks = []
    for first in range(0, n_items + 1, BLOCK):
        # Users in common are counted exactly, so that equal similarities are equal.
        block = (rows[first : first + BLOCK] @ met).tocoo()
        block.data /= np.sqrt(n_users[block.row + first] * n_users[block.col]) + shrinkage
        blocks.append(_most_similar(block, first, neighbours))
    return sp.vstack(blocks, format="csr")


def _most_similar(block: sp.coo_array, first_item: int, neighbours: int) -> sp.csr_array:
    """Keep the largest entries of each row, the item itself left out."""
    others = block.row + first_item != block.col
    row, column, value = block.row[others], block.col[others], block.data[others]
    order = np.lexsort((column, -value, row))
    begins = np.searchsorted(row[order], np.arange(block.shape[0]))
    kept = order[np.arange(len(order)) - begins[row[order]] < neighbours]
    return sp.coo_array((value[kept], (row[kept], column[kept])), shape=block.shape).tocsr()
