"""Control: knows the answer. Anything but a perfect score on warm targets means that ranking or metrics are wrong."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.baselines import BaselineInputs, NoOptions, read_options
from hydrarec.ranking.full import Scorer


def scorer(inputs: BaselineInputs, options: dict[str, Any]) -> Scorer:
    """Score the target 1 and every other item 0."""
    read_options(NoOptions, options)

    def score(rows: Int[Tensor, " B"]) -> Float[Tensor, "B N1"]:
        scores = torch.zeros(len(rows), inputs.catalogue.n_items + 1)
        return scores.scatter_(1, inputs.cases.targets[rows].long()[:, None], 1.0)

    return score
