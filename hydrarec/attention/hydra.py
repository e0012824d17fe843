"""Hydra attention: as many heads as features and a cosine kernel. Linear in T and in D.

    out_t = phi(q_t) * sum_{s visible to t} phi(k_s) * v_s,   phi(x) = x / max(|x|, eps), the norm over all D features

with element-wise products and no denominator. Bidirectional, the sum is one vector per sequence; causal, it is a
cumulative sum.

Source: Bolya et al. 2022, "Hydra Attention", arXiv 2209.07484, eq. 5-7; used for sequential recommendation
by HydraRec, arXiv 2501.01242.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Bool, Float
from torch import Tensor

from hydrarec.attention.base import RecurrentOperator, State
from hydrarec.config.attention import HydraAttentionConfig
from hydrarec.sequences.visibility import Visibility


def naive_hydra(
    q: Float[Tensor, "B T D"],
    k: Float[Tensor, "B T D"],
    v: Float[Tensor, "B T D"],
    attention_mask: Bool[Tensor, "B T T"],
    eps: float,
) -> Float[Tensor, "B T D"]:
    """Compute the definition position by position."""
    norm_q = q.square().sum(-1, keepdim=True).sqrt().clamp(min=eps)
    norm_k = k.square().sum(-1, keepdim=True).sqrt().clamp(min=eps)
    outputs = []
    for t in range(q.shape[1]):
        visible = attention_mask[:, t, :, None]
        outputs.append(q[:, t] / norm_q[:, t] * (visible * (k / norm_k) * v).sum(1))
    return torch.stack(outputs, dim=1)


class HydraAttention(RecurrentOperator):
    """Hydra attention; `n_heads` is not used, because there is a head for every feature."""

    config: HydraAttentionConfig

    def forward(
        self, q: Float[Tensor, "B T D"], k: Float[Tensor, "B T D"], v: Float[Tensor, "B T D"], visibility: Visibility
    ) -> Float[Tensor, "B T D"]:
        """Mix values; see `AttentionOperator.forward`."""
        products = F.normalize(k, dim=-1, eps=self.config.eps) * v
        if visibility.padding_mask is not None:
            products = products * visibility.padding_mask[..., None]
        # Sums grow with T: float32 keeps them exact to 1e-6 where bfloat16 would lose a tenth.
        products = products.float() if products.dtype in (torch.bfloat16, torch.float16) else products
        context = products.cumsum(1) if visibility.causal else products.sum(1, keepdim=True)
        return F.normalize(q, dim=-1, eps=self.config.eps) * context.to(q.dtype)

    def step(
        self, q: Float[Tensor, "B D"], k: Float[Tensor, "B D"], v: Float[Tensor, "B D"], state: State | None
    ) -> tuple[Float[Tensor, "B D"], State]:
        """Mix values at the next position; see `RecurrentOperator.step`."""
        total = F.normalize(k, dim=-1, eps=self.config.eps) * v
        if state is not None:
            total = state[0] + total
        return F.normalize(q, dim=-1, eps=self.config.eps) * total, (total,)
