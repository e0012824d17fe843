"""Softmax over the target and a few uniformly drawn negatives.

Source: eSASRec (RecSys 2025) uses it with 256 negatives; for uniform draws the log-Q correction of sampled softmax
(Bengio & Senecal 2008) is the same constant for every negative and is left out, as there.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.config.losses import SampledSoftmaxLossConfig
from hydrarec.losses.base import Loss, draw_negatives, score_items
from hydrarec.models.base import OutputLayer


class SampledSoftmaxLoss(Loss):
    """Cross-entropy among the target and its negatives."""

    config: SampledSoftmaxLossConfig

    def forward(
        self, hidden: Float[Tensor, "M D"], targets: Int[Tensor, " M"], output: OutputLayer, stream: torch.Generator
    ) -> Float[Tensor, ""]:
        """Return the mean loss; see `Loss.forward`."""
        negatives = draw_negatives(targets, self.config.n_negatives, len(output.weight) - 1, stream)
        scores = score_items(hidden, torch.cat([targets[:, None], negatives], dim=1), output)
        return F.cross_entropy(scores, torch.zeros_like(targets))
