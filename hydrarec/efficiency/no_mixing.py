"""An operator that does nothing: what a block or a training step would cost if mixing cost nothing.

Amdahl's law, measured: no operator can make the rest faster, so the time with this one bounds every speed-up.
"""

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Float
from torch import Tensor, nn

from hydrarec.attention.base import AttentionOperator
from hydrarec.config.attention import SoftmaxAttentionConfig
from hydrarec.sequences.visibility import Visibility


class NoMixing(AttentionOperator):
    """Returns the values; queries and keys get gradients all the same, so that their projections are not spared."""

    supports_query_subset = True

    def forward(
        self, q: Float[Tensor, "B Q D"], k: Float[Tensor, "B T D"], v: Float[Tensor, "B T D"], visibility: Visibility
    ) -> Float[Tensor, "B Q D"]:
        """Return the values, the first ones if there are fewer queries; see `AttentionOperator.forward`."""
        return _Values.apply(q, k, v)


def without_mixing(module: nn.Module) -> None:
    """Replace all operators inside a module."""
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, AttentionOperator):
                nothing = NoMixing(
                    SoftmaxAttentionConfig(),
                    d_model=child.d_model,
                    n_heads=child.n_heads,
                    max_length=child.max_length,
                )
                setattr(parent, name, nothing)


class _Values(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, q: Float[Tensor, "B Q D"], k: Float[Tensor, "B T D"], v: Float[Tensor, "B T D"]
    ) -> Float[Tensor, "B Q D"]:
        ctx.left_out = v.shape[1] - q.shape[1]
        return v[:, : q.shape[1]]

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        (gradient,) = grad_outputs
        of_values = F.pad(gradient, (0, 0, 0, ctx.left_out)) if ctx.left_out else gradient
        return gradient, of_values, of_values
