"""Linear attention with the feature map elu + 1. Linear in T.

    out_t = phi(q_t)^T (sum_{s visible to t} phi(k_s) v_s^T) / (phi(q_t) . sum_{s visible to t} phi(k_s) + eps)

per head, with phi(x) = elu(x) + 1.

Source: Katharopoulos et al. 2020, "Transformers are RNNs", arXiv 2006.16236, eq. 7 and 9.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Bool, Float
from torch import Tensor

from hydrarec.attention.base import RecurrentOperator, State, merge_heads, split_heads
from hydrarec.attention.outer_sums import outer_step, outer_sums, weighted_mean, with_ones
from hydrarec.config.attention import LinearAttentionConfig
from hydrarec.sequences.visibility import Visibility


def naive_linear(
    q: Float[Tensor, "B T D"],
    k: Float[Tensor, "B T D"],
    v: Float[Tensor, "B T D"],
    attention_mask: Bool[Tensor, "B T T"],
    n_heads: int,
    eps: float,
) -> Float[Tensor, "B T D"]:
    """Compute the definition with all T x T weights."""
    outputs = []
    for q_head, k_head, v_head in zip(*(x.chunk(n_heads, dim=-1) for x in (q, k, v)), strict=True):
        weights = (F.elu(q_head) + 1) @ (F.elu(k_head) + 1).mT * attention_mask
        outputs.append(weights @ v_head / (weights.sum(-1, keepdim=True) + eps))
    return torch.cat(outputs, dim=-1)


class LinearAttention(RecurrentOperator):
    """Linear attention."""

    config: LinearAttentionConfig

    def forward(
        self, q: Float[Tensor, "B T D"], k: Float[Tensor, "B T D"], v: Float[Tensor, "B T D"], visibility: Visibility
    ) -> Float[Tensor, "B T D"]:
        """Mix values; see `AttentionOperator.forward`."""
        q, k, v = (split_heads(x, self.n_heads) for x in (q, k, v))
        mixed = outer_sums(F.elu(q) + 1, F.elu(k) + 1, with_ones(v), visibility)
        return merge_heads(weighted_mean(mixed, self.config.eps)).to(v.dtype)

    def step(
        self, q: Float[Tensor, "B D"], k: Float[Tensor, "B D"], v: Float[Tensor, "B D"], state: State | None
    ) -> tuple[Float[Tensor, "B D"], State]:
        """Mix values at the next position; see `RecurrentOperator.step`."""
        q, k, v = (x.unflatten(-1, (self.n_heads, -1)) for x in (q, k, v))
        mixed, state = outer_step(F.elu(q) + 1, F.elu(k) + 1, with_ones(v), state)
        return weighted_mean(mixed, self.config.eps).flatten(-2), state
