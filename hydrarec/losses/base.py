"""What every loss is."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hydrarec.config.losses import LossConfig
from hydrarec.models.base import OutputLayer


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
            Hidden states of the asked positions.
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
    scores = torch.einsum("md,mkd->mk", hidden.float(), output.weight[items].float())
    return scores if output.bias is None else scores + output.bias[items]
