"""Scaled dot-product attention: softmax(Q K^T / sqrt(d_head)) V per head. Quadratic in T.

Source: Vaswani et al. 2017, "Attention is all you need", eq. 1. The fused kernels of
`scaled_dot_product_attention` compute it without storing the T x T weights.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from hydrarec.attention.base import AttentionOperator, merge_heads, split_heads
from hydrarec.config.attention import SoftmaxAttentionConfig
from hydrarec.sequences.visibility import Visibility

KERNELS = {
    "fused": [
        SDPBackend.CUDNN_ATTENTION,
        SDPBackend.FLASH_ATTENTION,
        SDPBackend.EFFICIENT_ATTENTION,
        # For what no fused kernel takes: a mask with dropout, double precision on a GPU.
        SDPBackend.MATH,
    ],
    "math": [SDPBackend.MATH],
}


def naive_softmax(
    q: Float[Tensor, "B T D"],
    k: Float[Tensor, "B T D"],
    v: Float[Tensor, "B T D"],
    attention_mask: Bool[Tensor, "B T T"],
    n_heads: int,
) -> Float[Tensor, "B T D"]:
    """Compute the definition, head by head; a position that may see nothing gives zeros."""
    outputs = []
    for q_head, k_head, v_head in zip(*(x.chunk(n_heads, dim=-1) for x in (q, k, v)), strict=True):
        scores = q_head @ k_head.mT / math.sqrt(q_head.shape[-1])
        weights = scores.masked_fill(~attention_mask, -math.inf).softmax(-1)
        outputs.append(weights.nan_to_num(0.0) @ v_head)
    return torch.cat(outputs, dim=-1)


class SoftmaxAttention(AttentionOperator):
    """Dot-product attention on the fused kernel."""

    config: SoftmaxAttentionConfig

    def forward(
        self, q: Float[Tensor, "B T D"], k: Float[Tensor, "B T D"], v: Float[Tensor, "B T D"], visibility: Visibility
    ) -> Float[Tensor, "B T D"]:
        """Mix values; see `AttentionOperator.forward`."""
        mask = None
        if visibility.padding_mask is not None:
            mask = visibility.padding_mask[:, None, None, :]
            if visibility.causal:
                mask = visibility.attention_mask(q.shape[1], q.device)[:, None]
        with sdpa_kernel(KERNELS[self.config.backend]):
            mixed = F.scaled_dot_product_attention(
                *(split_heads(x, self.n_heads) for x in (q, k, v)),
                attn_mask=mask,
                dropout_p=self.config.dropout if self.training else 0.0,
                is_causal=visibility.causal and mask is None,
            )
        return merge_heads(mixed)
