"""Scaled dot-product attention: softmax(Q K^T / sqrt(d_head)) V per head. Quadratic in T.

Source: Vaswani et al. 2017, "Attention is all you need", eq. 1. The fused kernels of
`scaled_dot_product_attention` compute it without storing the T x T weights. On a CPU none of them drops weights; with
dropout the weights of a few sequences at a time are computed here, so that they stay in the cache.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from hydrarec.attention.base import AttentionOperator, merge_heads, split_heads
from hydrarec.config.attention import SoftmaxAttentionConfig
from hydrarec.dropout import Dropout
from hydrarec.sequences.visibility import Visibility

KERNELS = {
    # Without cuDNN's, which is planned anew for every shape of a batch.
    "fused": [
        SDPBackend.FLASH_ATTENTION,
        SDPBackend.EFFICIENT_ATTENTION,
        # For what no fused kernel takes: a mask with dropout, double precision on a GPU.
        SDPBackend.MATH,
    ],
    "math": [SDPBackend.MATH],
}
CACHED_WEIGHTS = 2**18
"""Weights computed at once on a CPU with dropout: 1 MiB."""


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
    supports_query_subset = True

    def __init__(self, config: SoftmaxAttentionConfig, *, d_model: int, n_heads: int, max_length: int) -> None:
        super().__init__(config, d_model=d_model, n_heads=n_heads, max_length=max_length)
        self.dropout = Dropout(config.dropout)

    def forward(
        self, q: Float[Tensor, "B Q D"], k: Float[Tensor, "B T D"], v: Float[Tensor, "B T D"], visibility: Visibility
    ) -> Float[Tensor, "B Q D"]:
        """Mix values; see `AttentionOperator.forward`."""
        if self.training and self.config.dropout > 0 and self.config.backend == "fused" and q.device.type == "cpu":
            return self._with_dropout(q, k, v, visibility)
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

    def _with_dropout(
        self, q: Float[Tensor, "B Q D"], k: Float[Tensor, "B T D"], v: Float[Tensor, "B T D"], visibility: Visibility
    ) -> Float[Tensor, "B Q D"]:
        # Bidirectionally all queries see the same.
        hidden = ~visibility.attention_mask(k.shape[1], q.device)[:, None, : q.shape[1]]
        # Finite, so that who sees nobody has weights that mean nothing but are numbers.
        bias = torch.zeros_like(hidden, dtype=q.dtype).masked_fill_(hidden, torch.finfo(q.dtype).min)
        n_rows = max(1, CACHED_WEIGHTS // (self.n_heads * q.shape[1] * k.shape[1]))
        parts = (split_heads(x, self.n_heads).split(n_rows) for x in (q / math.sqrt(q.shape[-1] // self.n_heads), k, v))
        biases = bias.expand(len(q), -1, -1, -1).split(n_rows)
        return merge_heads(
            torch.cat(
                [
                    self.dropout((q_part @ k_part.mT).add_(bias_part).softmax(-1)) @ v_part
                    for q_part, k_part, v_part, bias_part in zip(*parts, biases, strict=True)
                ]
            )
        )
