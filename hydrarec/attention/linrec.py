"""LinRec's attention: L2-normalised elu features, no denominator. Linear in T.

    out_t = r(elu(q_t))^T (sum_{s visible to t} r(elu(k_s)) v_s^T) / sqrt(d_head),   r(x) = x / max(|x|, eps)

per head, the norm over the features of a token.

Source: Liu et al. 2023, "LinRec: Linear Attention Mechanism for Long-term Sequential Recommender Systems", SIGIR,
arXiv 2411.01537, in the form of the authors' code. That code applies no mask at all, so that with next-item
targets at every position the future leaks; the causal sum here is this project's.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Bool, Float
from torch import Tensor

from hydrarec.attention.base import RecurrentOperator, State, merge_heads, split_heads
from hydrarec.attention.outer_sums import outer_step, outer_sums
from hydrarec.config.attention import LinrecAttentionConfig
from hydrarec.sequences.visibility import Visibility


def naive_linrec(
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
        q_elu, k_elu = F.elu(q_head), F.elu(k_head)
        lengths = q_elu.norm(dim=-1).clamp(min=eps)[:, :, None] * k_elu.norm(dim=-1).clamp(min=eps)[:, None, :]
        outputs.append((q_elu @ k_elu.mT / lengths * attention_mask) @ v_head / math.sqrt(q_head.shape[-1]))
    return torch.cat(outputs, dim=-1)


class LinrecAttention(RecurrentOperator):
    """LinRec's attention."""

    config: LinrecAttentionConfig

    def forward(
        self, q: Float[Tensor, "B T D"], k: Float[Tensor, "B T D"], v: Float[Tensor, "B T D"], visibility: Visibility
    ) -> Float[Tensor, "B T D"]:
        """Mix values; see `AttentionOperator.forward`."""
        q, k, v = (split_heads(x, self.n_heads) for x in (q, k, v))
        return merge_heads(outer_sums(self._query_features(q), self._features(k), v, visibility)).to(v.dtype)

    def step(
        self, q: Float[Tensor, "B D"], k: Float[Tensor, "B D"], v: Float[Tensor, "B D"], state: State | None
    ) -> tuple[Float[Tensor, "B D"], State]:
        """Mix values at the next position; see `RecurrentOperator.step`."""
        q, k, v = (x.unflatten(-1, (self.n_heads, -1)) for x in (q, k, v))
        mixed, state = outer_step(self._query_features(q), self._features(k), v, state)
        return mixed.flatten(-2), state

    def _features(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
        return F.normalize(F.elu(x), dim=-1, eps=self.config.eps)

    def _query_features(self, q: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
        return self._features(q) / math.sqrt(q.shape[-1])
