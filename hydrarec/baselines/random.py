"""Control: knows nothing. Its HR@k must lie around k divided by the number of candidates."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.baselines import BaselineInputs, NoOptions, read_options
from hydrarec.ranking.full import Scorer


def scorer(inputs: BaselineInputs, options: dict[str, Any]) -> Scorer:
    """Score every item by a uniform random number.

    Each case has a stream of its own, so that neither the order nor the size of batches matters.
    """
    read_options(NoOptions, options)
    n_columns = inputs.catalogue.n_items + 1
    cases = torch.stack([inputs.cases.users, inputs.cases.steps], dim=1)

    def score(rows: Int[Tensor, " B"]) -> Float[Tensor, "B N1"]:
        streams = (np.random.default_rng([inputs.seed, user, step]) for user, step in cases[rows].tolist())
        return torch.from_numpy(np.stack([stream.random(n_columns, dtype=np.float32) for stream in streams]))

    return score
