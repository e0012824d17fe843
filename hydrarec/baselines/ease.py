"""EASE: a linear autoencoder over items without self-similarity, solved in closed form.

It knows which items a user has met, not in which order: what is gained over it comes from order.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.baselines import BaselineInputs, read_options
from hydrarec.config.baselines import EaseOptions
from hydrarec.ranking.full import Scorer
from hydrarec.sequences.log import Log
from hydrarec.sequences.matrices import history_weights, user_items

BLOCK = 1024
"""Items whose co-occurrences are unpacked at once."""
MATRICES = 2
"""Dense item-item matrices that the solution needs at the same time."""


def scorer(inputs: BaselineInputs, options: dict[str, Any]) -> Scorer:
    """Score every item by the summed weights from the items of the history.

    Raises
    ------
    ValueError
        If the item-item matrices would be larger than `max_memory_gib`, or `l2` is too small.

    Notes
    -----
    score(i) = sum over the set of items h of the history of B[h, i]; B minimises |X - X B|^2 + l2 |B|^2 with a zero
    diagonal, X the binary user-item matrix of the training part. A user of whose items none is known gets popular
    items. O(N^2) memory, O(N^3) time, both in the items N alone.

    References
    ----------
    Steck, Embarrassingly Shallow Autoencoders for Sparse Data, WWW 2019, arXiv 1905.03375, eq. 8.
    """
    chosen = read_options(EaseOptions, options)
    n_items = inputs.catalogue.n_items
    needed_gib = MATRICES * 8 * (n_items + 1) ** 2 / 2**30
    if needed_gib > chosen.max_memory_gib:
        raise ValueError(
            f"{inputs.split}: {n_items} items need {needed_gib:.1f} GiB for {MATRICES} dense item-item matrices; "
            f"max_memory_gib allows {chosen.max_memory_gib:g}"
        )
    weights = item_weights(inputs.train, n_items, chosen.l2).numpy()
    popularity = inputs.catalogue.counts.float()

    def score(rows: Int[Tensor, " B"]) -> Float[Tensor, "B N1"]:
        history = history_weights(inputs.cases, rows, n_items, decay=1.0)
        history.sum_duplicates()
        history.data[:] = 1
        scores = torch.from_numpy((history @ weights).astype(np.float32))
        return torch.where(scores.any(1, keepdim=True), scores, popularity)

    return score


def item_weights(train: Log, n_items: int, l2: float) -> Float[Tensor, "N1 N1"]:
    """Return B: the weight of each item (row) of a history for the score of each other one (column), float64.

    Raises
    ------
    ValueError
        If `l2` is so small that there is no solution.
    """
    met = user_items(train, n_items)
    rows = met.T.tocsr()
    matrix = torch.empty(n_items + 1, n_items + 1, dtype=torch.float64)
    for first in range(0, n_items + 1, BLOCK):
        matrix[first : first + BLOCK] = torch.from_numpy((rows[first : first + BLOCK] @ met).toarray())
    matrix.diagonal().add_(l2)
    try:
        root = torch.linalg.cholesky(matrix, out=matrix)
    except torch.linalg.LinAlgError as error:
        raise ValueError(f"l2 of {l2:g} is too small: items that the same users met cannot be told apart") from error
    inverse = torch.cholesky_inverse(root, out=matrix)
    inverse.div_(-inverse.diagonal().clone())
    return inverse.fill_diagonal_(0)
