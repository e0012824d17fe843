"""First-order Markov chain: what followed the user's last item in training, popular items where nothing did.

The plainest model of order. With more than the last item and its next one: `markov_smoothed`.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.baselines import BaselineInputs, NoOptions, read_options
from hydrarec.ranking.full import Scorer
from hydrarec.sequences.log import Cases
from hydrarec.sequences.matrices import transitions


def scorer(inputs: BaselineInputs, options: dict[str, Any]) -> Scorer:
    """Score every item by how often it came right after the user's last item in training.

    Notes
    -----
    score(i | last) = count(last -> i) + popularity(i) / (2 max popularity). The second term is at most 1/2, so it
    orders items with equal counts and never overturns a difference of counts. Memory: one number per distinct pair.
    """
    read_options(NoOptions, options)
    counts = transitions(inputs.train, inputs.catalogue.n_items)
    popularity = inputs.catalogue.counts.float()
    popularity = popularity / (2 * popularity.max())
    last = last_items(inputs.cases)

    def score(rows: Int[Tensor, " B"]) -> Float[Tensor, "B N1"]:
        return popularity + torch.from_numpy(counts[last[rows].numpy()].toarray())

    return score


def last_items(cases: Cases) -> Int[Tensor, " C"]:
    """Return the newest known item of every case; 0 where nothing is known."""
    newest = cases.log.items[(cases.stops - 1).clamp(min=0)]
    return torch.where(cases.stops > cases.starts, newest, 0)
