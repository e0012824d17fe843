"""The floor: the same items for everybody, most frequent in training first."""

from typing import Any

from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.baselines import BaselineInputs, NoOptions, read_options
from hydrarec.ranking.full import Scorer


def scorer(inputs: BaselineInputs, options: dict[str, Any]) -> Scorer:
    """Score every item by its training interactions."""
    read_options(NoOptions, options)
    counts = inputs.catalogue.counts.float()

    def score(rows: Int[Tensor, " B"]) -> Float[Tensor, "B N1"]:
        return counts.expand(len(rows), -1)

    return score
