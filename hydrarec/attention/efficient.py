"""Efficient attention: a softmax over the features of a query, one over the positions of a key's feature. Linear in T.

    out_t = sum_j softmax_j(q_tj) sum_{s visible to t} softmax_{s visible to t}(k_sj) v_s   per head

Each feature j is a global attention map: a mean of the values, which queries mix.

Source: Shen et al. 2021, "Efficient Attention: Attention with Linear Complexities", arXiv 1812.01243, eq. 4-5 with
the softmax normalisation. The paper has the bidirectional form only. The causal one is this project's: at each
position what the paper's gives at the end of the sequence so far. With running sums Z_t = sum_{s <= t} exp(k_s) it is

    out_t = (softmax(q_t) / Z_t)^T sum_{s <= t} exp(k_s) v_s^T

A softmax is usually kept from overflowing by subtracting the largest key, which here would be one from the future.
Keys are clipped to +-40 instead, which float32 can take.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hydrarec.attention.base import IncrementalOperator, State, merge_heads, split_heads
from hydrarec.attention.parts.outer_sums import outer_step, outer_sums
from hydrarec.config.attention import EfficientAttentionConfig
from hydrarec.sequences.visibility import Visibility

LARGEST_KEY = 40.0
"""exp(40) over exp(-40), times a thousand positions, is below the largest float32."""


def naive_efficient(
    q: Float[Tensor, "B T D"],
    k: Float[Tensor, "B T D"],
    v: Float[Tensor, "B T D"],
    attention_mask: Bool[Tensor, "B T T"],
    n_heads: int,
) -> Float[Tensor, "B T D"]:
    """Compute the definition position by position, with the softmax over what is visible."""
    q, k, v = (x.unflatten(-1, (n_heads, -1)) for x in (q, k, v))
    outputs = []
    for t in range(q.shape[1]):
        hidden = ~attention_mask[:, t, :, None, None]
        maps = k.masked_fill(hidden, -torch.inf).softmax(1).nan_to_num(0.0)
        context = torch.einsum("bshj,bshe->bhje", maps, v)
        outputs.append(torch.einsum("bhj,bhje->bhe", q[:, t].softmax(-1), context).flatten(1))
    return torch.stack(outputs, dim=1)


class EfficientAttention(IncrementalOperator):
    """Efficient attention."""

    config: EfficientAttentionConfig
    supports_query_subset = True

    def forward(
        self, q: Float[Tensor, "B Q D"], k: Float[Tensor, "B T D"], v: Float[Tensor, "B T D"], visibility: Visibility
    ) -> Float[Tensor, "B Q D"]:
        """Mix values; see `AttentionOperator.forward`."""
        q, k, v = (split_heads(x, self.n_heads) for x in (q, k, v))
        weights = _weights(k)
        if visibility.padding_mask is not None:
            weights = weights * visibility.padding_mask[:, None, :, None]
        total = weights.cumsum(2) if visibility.causal else weights.sum(2, keepdim=True)
        # 0 where nothing is visible, and nowhere else.
        total = total.masked_fill(total == 0, 1.0)
        return merge_heads(outer_sums(q.softmax(-1) / total, weights, v, visibility)).to(v.dtype)

    def step(
        self, q: Float[Tensor, "B D"], k: Float[Tensor, "B D"], v: Float[Tensor, "B D"], state: State | None
    ) -> tuple[Float[Tensor, "B D"], State]:
        """Mix values at the next position; see `IncrementalOperator.step`."""
        q, k, v = (x.unflatten(-1, (self.n_heads, -1)) for x in (q, k, v))
        weights = _weights(k)
        total = weights if state is None else state[1] + weights
        mixed, sums = outer_step(q.softmax(-1) / total, weights, v, state)
        return mixed.flatten(-2).to(v.dtype), (*sums, total)


def _weights(k: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
    k = k.to(torch.promote_types(k.dtype, torch.float32))
    return k.clamp(-LARGEST_KEY, LARGEST_KEY).exp()
