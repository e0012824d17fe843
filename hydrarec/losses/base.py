"""What every loss is."""

from abc import ABC, abstractmethod
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Float, Int
from torch import Tensor, nn

from hydrarec.config.losses import LossConfig
from hydrarec.models.base import OutputLayer

NUMBERS = {"cpu": 2**18, "cuda": 2**26}
"""Numbers of embeddings held at once: on a CPU 1 MiB, which stays in the cache."""


class Loss(nn.Module, ABC):
    """A training loss.

    Parameters
    ----------
    config
        The loss's settings.
    """

    def __init__(self, config: LossConfig) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def forward(
        self, hidden: Float[Tensor, "M D"], targets: Int[Tensor, " M"], output: OutputLayer, stream: torch.Generator
    ) -> Float[Tensor, ""]:
        """Return the mean loss per target.

        Parameters
        ----------
        hidden
            Hidden states of the output positions.
        targets
            The item each should predict, 1..N.
        output
            The model's output layer.
        stream
            Random stream of the negatives, on the device of `hidden`.
        """


def draw_negatives(
    targets: Int[Tensor, " M"], n_negatives: int, n_items: int, stream: torch.Generator
) -> Int[Tensor, "M K"]:
    """Draw items uniformly from all but the target, for each target.

    Drawing from 1..N-1 and stepping over the target keeps the draw uniform without rejection.

    Raises
    ------
    ValueError
        If there is no other item.
    """
    if n_items < 2:
        raise ValueError("the data have one item, so there are no negatives to draw; allowed: loss cross_entropy")
    draws = torch.randint(1, n_items, (len(targets), n_negatives), generator=stream, device=targets.device)
    return draws + (draws >= targets[:, None])


def score_items(hidden: Float[Tensor, "M D"], items: Int[Tensor, "M K"], output: OutputLayer) -> Float[Tensor, "M K"]:
    """Return the scores of a few items per position, in float32."""
    scores = _ScoresOfFew.apply(hidden.float(), items, output.weight.float())
    return scores if output.bias is None else scores + output.bias[items]


class _ScoresOfFew(torch.autograd.Function):
    """Products of each position's hidden state with the embeddings of its items.

    The embeddings side by side, M K D numbers, are never held: forward a stretch of positions at a time, and backward
    each gradient is a weighted sum over rows of the other factor.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Float[Tensor, "M D"], items: Int[Tensor, "M K"], weight: Float[Tensor, "N1 D"]
    ) -> Float[Tensor, "M K"]:
        ctx.save_for_backward(hidden, items, weight)
        scores = hidden.new_empty(items.shape)
        n_positions = max(1, NUMBERS[hidden.device.type] // max(1, items.shape[1] * hidden.shape[1]))
        for part, part_items, part_scores in zip(*(x.split(n_positions) for x in (hidden, items, scores)), strict=True):
            torch.bmm(weight[part_items], part[:, :, None], out=part_scores[:, :, None])
        return scores

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        hidden, items, weight = ctx.saved_tensors
        gradient = grad_outputs[0].contiguous()
        grad_hidden = F.embedding_bag(items, weight, mode="sum", per_sample_weights=gradient)
        # The other way round, what was asked of an item stands together.
        sorted_items, order = items.flatten().sort(stable=True)
        starts = torch.searchsorted(sorted_items, torch.arange(len(weight), device=items.device))
        position, weights = order // items.shape[1], gradient.flatten()[order]
        grad_weight = F.embedding_bag(position, hidden, starts, mode="sum", per_sample_weights=weights)
        return grad_hidden, None, grad_weight
