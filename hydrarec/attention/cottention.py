"""Cottention: cosine attention divided by a learned power of the number of visible positions. Linear in T.

    out_t = r(q_t)^T (sum_{s visible to t} r(k_s) v_s^T) / n_t^sigmoid(m),   r(x) = x / max(|x|, eps)

per head, the norm over the features of a token in a head, n_t the number of positions visible to t, m learned per head.

Source: Mongaras, Dohm and Larson 2024, "Cottention: Linear Transformers With Cosine Attention", arXiv 2409.18747, the
stabilised form; used for sequential recommendation by Cotten4Rec, arXiv 2602.06935. That m begins at 0.5 is taken from
the authors' code. Their causal code divides the value of position s by n_s^sigmoid(m) in place of the output of t
by n_t^sigmoid(m), which gives early items more weight than late ones; bidirectional, both are the same.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hydrarec.attention.base import IncrementalOperator, State, merge_heads, split_heads
from hydrarec.attention.parts.outer_sums import outer_step, outer_sums
from hydrarec.config.attention import CottentionAttentionConfig
from hydrarec.sequences.visibility import Visibility


def naive_cottention(
    q: Float[Tensor, "B T D"],
    k: Float[Tensor, "B T D"],
    v: Float[Tensor, "B T D"],
    attention_mask: Bool[Tensor, "B T T"],
    n_heads: int,
    eps: float,
    exponent: Float[Tensor, " H"],
) -> Float[Tensor, "B T D"]:
    """Compute the definition with all T x T weights."""
    visible = attention_mask.sum(-1, keepdim=True).clamp(min=1)
    outputs = []
    for head, (q_head, k_head, v_head) in enumerate(zip(*(x.chunk(n_heads, -1) for x in (q, k, v)), strict=True)):
        lengths = q_head.norm(dim=-1).clamp(min=eps)[:, :, None] * k_head.norm(dim=-1).clamp(min=eps)[:, None, :]
        cosines = q_head @ k_head.mT / lengths * attention_mask
        outputs.append(cosines @ v_head / visible ** (1 / (1 + (-exponent[head]).exp())))
    return torch.cat(outputs, dim=-1)


class CottentionAttention(IncrementalOperator):
    """Cottention."""

    config: CottentionAttentionConfig
    supports_query_subset = True

    def __init__(self, config: CottentionAttentionConfig, *, d_model: int, n_heads: int, max_length: int) -> None:
        super().__init__(config, d_model=d_model, n_heads=n_heads, max_length=max_length)
        self.exponent = nn.Parameter(torch.full((n_heads,), 0.5))

    def forward(
        self, q: Float[Tensor, "B Q D"], k: Float[Tensor, "B T D"], v: Float[Tensor, "B T D"], visibility: Visibility
    ) -> Float[Tensor, "B Q D"]:
        """Mix values; see `AttentionOperator.forward`."""
        q, k, v = (split_heads(x, self.n_heads) for x in (q, k, v))
        mixed = outer_sums(self._features(q), self._features(k), v, visibility)
        n_visible = visibility.n_visible(k[:, 0].to(mixed.dtype))
        powers = n_visible[:, None, :, None] ** self.exponent.sigmoid()[:, None, None]
        return merge_heads(mixed / powers).to(v.dtype)

    def step(
        self, q: Float[Tensor, "B D"], k: Float[Tensor, "B D"], v: Float[Tensor, "B D"], state: State | None
    ) -> tuple[Float[Tensor, "B D"], State]:
        """Mix values at the next position; see `IncrementalOperator.step`."""
        n_visible = torch.ones_like(k[:, :1], dtype=torch.int64) if state is None else state[1] + 1
        q, k, v = (x.unflatten(-1, (self.n_heads, -1)) for x in (q, k, v))
        mixed, (total,) = outer_step(self._features(q), self._features(k), v, None if state is None else state[:1])
        powers = n_visible ** self.exponent.sigmoid()
        return (mixed / powers[..., None]).flatten(-2).to(v.dtype), (total, n_visible)

    def _features(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
        return F.normalize(x, dim=-1, eps=self.config.eps)
