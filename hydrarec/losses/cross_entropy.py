"""Cross-entropy over the whole catalogue, without ever holding all scores.

The loss of SASRec with cross-entropy (Klenitskiy & Vasilev 2023) and of BERT4Rec (Sun et al. 2019, eq. 9).
A matrix of all positions x items would be the largest tensor of the training step (4 GiB for a batch on
Amazon Beauty), so scores, loss and gradients are computed together, a stretch of positions at a time.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.losses.base import Loss
from hydrarec.models.base import OutputLayer

SCORES_PER_CHUNK = 2**20
"""Scores held at once on a CPU: 4 MiB stay in the cache between the passes over them."""
SCORES_PER_CHUNK_GPU = 2**27
"""Scores held at once on a GPU: large enough that launches do not matter."""
POSITIONS_PER_CHUNK = 64
"""Positions in a chunk at least: fewer would read all output embeddings for too little work."""


class CrossEntropyLoss(Loss):
    """Full softmax cross-entropy."""

    def forward(
        self, hidden: Float[Tensor, "M D"], targets: Int[Tensor, " M"], output: OutputLayer, stream: torch.Generator
    ) -> Float[Tensor, ""]:
        """Return the mean loss; see `Loss.forward`. Nothing is drawn from `stream`."""
        bias = None if output.bias is None else output.bias[1:]
        return _LinearCrossEntropy.apply(hidden, output.weight[1:], bias, targets - 1)


class _LinearCrossEntropy(torch.autograd.Function):
    """Mean of logsumexp(W h + b) - (W h + b)[target], with the gradients computed on the way forward."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Float[Tensor, "M D"],
        weight: Float[Tensor, "N D"],
        bias: Float[Tensor, " N"] | None,
        targets: Int[Tensor, " M"],
    ) -> Float[Tensor, ""]:
        # The products run in the precision the encoder left (bfloat16 under autocast), all sums in float32.
        low = weight.to(hidden.dtype)
        grad_hidden = torch.empty_like(hidden)
        grad_weight = torch.zeros_like(weight)
        grad_bias = None if bias is None else torch.zeros_like(bias)
        loss = torch.zeros(
            (), dtype=torch.float64 if hidden.device.type == "cpu" else torch.float32, device=hidden.device
        )
        n_scores = SCORES_PER_CHUNK if hidden.device.type == "cpu" else SCORES_PER_CHUNK_GPU
        n_positions = max(POSITIONS_PER_CHUNK, n_scores // len(weight))
        for part, part_targets, part_grad in zip(
            *(tensor.split(n_positions) for tensor in (hidden, targets, grad_hidden)), strict=True
        ):
            scores = (part @ low.T).float()
            if bias is not None:
                scores += bias
            index = part_targets[:, None]
            top = scores.amax(1, keepdim=True)
            target_scores = scores.gather(1, index)
            probabilities = scores.sub_(top).exp_()
            total = probabilities.sum(1, keepdim=True)
            loss += (total.log() + top - target_scores).sum()
            # d loss / d scores = (softmax - one hot of the target) / M
            gradient = probabilities.div_(total * len(hidden))
            gradient.scatter_add_(1, index, torch.full_like(total, -1 / len(hidden)))
            gradient = gradient.to(hidden.dtype)
            torch.mm(gradient, low, out=part_grad)
            grad_weight += gradient.T @ part
            if grad_bias is not None:
                grad_bias += gradient.sum(0)
        ctx.gradients = (grad_hidden, grad_weight, grad_bias)
        return (loss / len(hidden)).to(weight.dtype)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (scale,) = grad_outputs
        grad_hidden, grad_weight, grad_bias = ctx.gradients
        return (
            grad_hidden * scale.to(grad_hidden.dtype),
            grad_weight * scale,
            None if grad_bias is None else grad_bias * scale,
            None,
        )
