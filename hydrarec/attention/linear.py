"""Linear attention with the feature map elu + 1. Linear in T.

    out_t = phi(q_t)^T (sum_{s visible to t} phi(k_s) v_s^T) / (phi(q_t) . sum_{s visible to t} phi(k_s) + eps)

per head, with phi(x) = elu(x) + 1.

Source: Katharopoulos et al. 2020, "Transformers are RNNs", arXiv 2006.16236, eq. 7 and 9.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Bool, Float
from torch import Tensor

from hydrarec.attention.parts.feature_map import FeatureMapOperator
from hydrarec.attention.parts.outer_sums import weighted_mean, with_ones
from hydrarec.config.attention import LinearAttentionConfig


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


class LinearAttention(FeatureMapOperator):
    """Linear attention."""

    config: LinearAttentionConfig

    def _key_features(self, k: Float[Tensor, "B H *T d"]) -> Float[Tensor, "B H *T d"]:
        return F.elu(k) + 1

    def _extend(self, v: Float[Tensor, "B H *T d"]) -> Float[Tensor, "B H *T d1"]:
        return with_ones(v)

    def _finish(self, mixed: Float[Tensor, "B H *T d1"]) -> Float[Tensor, "B H *T d"]:
        return weighted_mean(mixed, self.config.eps)
