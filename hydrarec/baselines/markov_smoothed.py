"""Smoothed Markov chain: what followed each item of the history, right after or a few items later.

Counting alone, it is the row to beat for a method that claims to have learnt order.
"""

from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.baselines import BaselineInputs, read_options
from hydrarec.config.baselines import MarkovSmoothedOptions
from hydrarec.ranking.full import Scorer
from hydrarec.sequences.matrices import history_weights, transitions


def scorer(inputs: BaselineInputs, options: dict[str, Any]) -> Scorer:
    """Score every item by how likely it follows the items of the history.

    Notes
    -----
    score(i) = sum over the history of decay^age(h) P(i | h), where age is 0 for the newest item,
    P(i | h) = (c(h, i) + smoothing p(i)) / (c(h) + smoothing), c(h, i) = sum over gaps g of 1..window of decay^(g - 1)
    times how often i came g events after h, c(h) its sum over i, and p the popularity, with sum 1.

    References
    ----------
    Skipping and mixing for Markov chains of items: Shani et al., An MDP-Based Recommender System, JMLR 6, 2005; their
    mixture is of orders, with one weight each. Prior: MacKay & Peto, A Hierarchical Dirichlet Language Model, Natural
    Language Engineering 1(3), 1995; popularity stands for their prior mean.
    """
    chosen = read_options(MarkovSmoothedOptions, options)
    n_items = inputs.catalogue.n_items
    counts = transitions(inputs.train, n_items)
    for gap in range(2, chosen.window + 1):
        counts += chosen.decay ** (gap - 1) * transitions(inputs.train, n_items, gap)
    totals = counts.sum(axis=1) + chosen.smoothing
    seen = (sp.diags_array(1 / totals) @ counts).tocsr().astype(np.float32)
    prior = (chosen.smoothing / totals).astype(np.float32)
    popularity = inputs.catalogue.counts.numpy() / inputs.catalogue.counts.sum().item()

    def score(rows: Int[Tensor, " B"]) -> Float[Tensor, "B N1"]:
        history = history_weights(inputs.cases, rows, n_items, chosen.decay)
        # Without a history nothing is left but popularity.
        share = np.where(history.count_nonzero(axis=1) > 0, history @ prior, 1)
        scores = (history @ seen).toarray() + share[:, None] * popularity
        return torch.from_numpy(scores.astype(np.float32))

    return score
