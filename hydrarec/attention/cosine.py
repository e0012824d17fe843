"""Hydra's cosine kernel with any number of heads: what lies between linear attention and Hydra.

    out_t = phi(q_t)^T sum_{s visible to t} phi(k_s) v_s^T   per head
    phi(x) = x / max(|x|, eps),   the norm over all D features

With H heads of D / H features each the cost is T D^2 / H; H = D is Hydra, H = 1 linear attention with a cosine kernel.

Source: Bolya et al. 2022, "Hydra Attention", arXiv 2209.07484, which reaches its operator by
raising H.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Bool, Float
from torch import Tensor

from hydrarec.attention.base import RecurrentOperator, State, merge_heads, split_heads
from hydrarec.attention.outer_sums import outer_step, outer_sums
from hydrarec.config.attention import CosineAttentionConfig
from hydrarec.sequences.visibility import Visibility


def naive_cosine(
    q: Float[Tensor, "B T D"],
    k: Float[Tensor, "B T D"],
    v: Float[Tensor, "B T D"],
    attention_mask: Bool[Tensor, "B T T"],
    n_heads: int,
    eps: float,
) -> Float[Tensor, "B T D"]:
    """Compute the definition with all T x T weights."""
    norms = [x.square().sum(-1, keepdim=True).sqrt().clamp(min=eps) for x in (q, k)]
    heads = (x.chunk(n_heads, dim=-1) for x in (q / norms[0], k / norms[1], v))
    return torch.cat([(qh @ kh.mT * attention_mask) @ vh for qh, kh, vh in zip(*heads, strict=True)], dim=-1)


class CosineAttention(RecurrentOperator):
    """Attention with a cosine kernel."""

    config: CosineAttentionConfig

    def __init__(self, config: CosineAttentionConfig, *, d_model: int, n_heads: int, max_length: int) -> None:
        super().__init__(config, d_model=d_model, n_heads=config.n_heads or n_heads, max_length=max_length)

    def forward(
        self, q: Float[Tensor, "B T D"], k: Float[Tensor, "B T D"], v: Float[Tensor, "B T D"], visibility: Visibility
    ) -> Float[Tensor, "B T D"]:
        """Mix values; see `AttentionOperator.forward`."""
        q, k, v = (split_heads(x, self.n_heads) for x in (self._features(q), self._features(k), v))
        return merge_heads(outer_sums(q, k, v, visibility)).to(v.dtype)

    def step(
        self, q: Float[Tensor, "B D"], k: Float[Tensor, "B D"], v: Float[Tensor, "B D"], state: State | None
    ) -> tuple[Float[Tensor, "B D"], State]:
        """Mix values at the next position; see `RecurrentOperator.step`."""
        q, k, v = (x.unflatten(-1, (self.n_heads, -1)) for x in (self._features(q), self._features(k), v))
        mixed, state = outer_step(q, k, v, state)
        return mixed.flatten(-2), state

    def _features(self, x: Float[Tensor, "*batch D"]) -> Float[Tensor, "*batch D"]:
        return F.normalize(x, dim=-1, eps=self.config.eps)
