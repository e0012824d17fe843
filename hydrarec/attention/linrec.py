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

from hydrarec.attention.parts.feature_map import FeatureMapOperator
from hydrarec.config.attention import LinrecAttentionConfig


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


class LinrecAttention(FeatureMapOperator):
    """LinRec's attention."""

    config: LinrecAttentionConfig

    def _key_features(self, k: Float[Tensor, "B H *T d"]) -> Float[Tensor, "B H *T d"]:
        return F.normalize(F.elu(k), dim=-1, eps=self.config.eps)

    def _query_features(self, q: Float[Tensor, "B H *T d"]) -> Float[Tensor, "B H *T d"]:
        return self._key_features(q) / math.sqrt(q.shape[-1])
