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

from hydrarec.attention.parts.feature_map import FeatureMapOperator
from hydrarec.config.attention import CosineAttentionConfig


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


class CosineAttention(FeatureMapOperator):
    """Attention with a cosine kernel."""

    config: CosineAttentionConfig

    def __init__(self, config: CosineAttentionConfig, *, d_model: int, n_heads: int, max_length: int) -> None:
        super().__init__(config, d_model=d_model, n_heads=config.n_heads or n_heads, max_length=max_length)

    def _key_features(self, k: Float[Tensor, "B H *T d"]) -> Float[Tensor, "B H *T d"]:
        # The norm is over all heads, which are axis 1 with T behind them and without.
        heads_last = k.transpose(1, -2)
        return F.normalize(heads_last.flatten(-2), dim=-1, eps=self.config.eps).view_as(heads_last).transpose(1, -2)
