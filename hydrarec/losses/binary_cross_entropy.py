"""Binary cross-entropy of the target against drawn negatives, and its calibrated form gBCE.

    loss = -(1 / (K + 1)) (beta log sigmoid(s_target) + sum_j log sigmoid(-s_j)),
    beta = alpha (t (1 - 1 / alpha) + 1 / alpha),   alpha = K / (N - 1)

with K negatives of N items. t = 0 gives beta = 1, the loss of SASRec (Kang & McAuley 2018, eq. 7, up to
the constant factor, and to negatives, which are drawn from all items but the target here and there from those the user
has not met); t > 0 is gBCE (Petrov & Macdonald 2023, "gSASRec", eq. 22-23).
"""

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.config.losses import BinaryCrossEntropyLossConfig
from hydrarec.losses.base import Loss, draw_negatives, score_items
from hydrarec.models.base import OutputLayer


class BinaryCrossEntropyLoss(Loss):
    """BCE with K negatives, calibrated by t."""

    config: BinaryCrossEntropyLossConfig

    def forward(
        self, hidden: Float[Tensor, "M D"], targets: Int[Tensor, " M"], output: OutputLayer, stream: torch.Generator
    ) -> Float[Tensor, ""]:
        """Return the mean loss; see `Loss.forward`."""
        n_items, n_negatives = len(output.weight) - 1, self.config.n_negatives
        negatives = draw_negatives(targets, n_negatives, n_items, stream)
        scores = score_items(hidden, torch.cat([targets[:, None], negatives], dim=1), output)
        positive = self.beta(n_items) * F.logsigmoid(scores[:, 0])
        return -(positive + F.logsigmoid(-scores[:, 1:]).sum(1)).mean() / (n_negatives + 1)

    def beta(self, n_items: int) -> float:
        """Return the power of the target's probability for a catalogue of `n_items`."""
        alpha = self.config.n_negatives / (n_items - 1)
        return alpha * (self.config.calibration * (1 - 1 / alpha) + 1 / alpha)
