"""Linformer: softmax attention to r mixtures of positions in place of T positions. Linear in T.

    out = softmax(Q (E K)^T / sqrt(d_head)) (F V)   per head

with learned E and F [r x max_length], the same for all heads of a layer.

Source: Wang et al. 2020, "Linformer: Self-Attention with Linear Complexity", arXiv 2006.04768, eq. 7, with E and F
shared by the heads and, as an option, equal (the paper's headwise and key-value sharing). What it leaves open for
sequences of different lengths: a column of E and F belongs to a position in the window, counted from the oldest item,
and padding adds nothing to E K and F V. E and F start as Gaussian matrices of variance 1 / r, those of the paper's
theorems.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hydrarec.attention.base import AttentionOperator, merge_heads, split_heads
from hydrarec.config.attention import LinformerAttentionConfig
from hydrarec.sequences.visibility import Visibility


def naive_linformer(
    q: Float[Tensor, "B T D"],
    k: Float[Tensor, "B T D"],
    v: Float[Tensor, "B T D"],
    attention_mask: Bool[Tensor, "B T T"],
    n_heads: int,
    key_projection: Float[Tensor, "max_length r"],
    value_projection: Float[Tensor, "max_length r"] | None = None,
) -> Float[Tensor, "B T D"]:
    """Compute the definition row by row on the real items alone; `value_projection` None: that of the keys."""
    value_projection = key_projection if value_projection is None else value_projection
    rows = []
    for row, real in enumerate(attention_mask[:, 0]):
        n_real = int(real.sum())
        keys = key_projection[:n_real].T @ k[row, real]
        values = value_projection[:n_real].T @ v[row, real]
        heads = zip(*(x.chunk(n_heads, dim=-1) for x in (q[row], keys, values)), strict=True)
        mixed = [(qh @ kh.T / math.sqrt(qh.shape[-1])).softmax(-1) @ vh for qh, kh, vh in heads]
        rows.append(torch.cat(mixed, dim=-1))
    return torch.stack(rows)


class LinformerAttention(AttentionOperator):
    """Linformer's attention."""

    config: LinformerAttentionConfig
    supports_query_subset = True

    def __init__(self, config: LinformerAttentionConfig, *, d_model: int, n_heads: int, max_length: int) -> None:
        super().__init__(config, d_model=d_model, n_heads=n_heads, max_length=max_length)
        rank = config.k_projection or math.ceil(max_length / 4)
        self.key_projection = nn.Parameter(torch.randn(max_length, rank) / math.sqrt(rank))
        self.value_projection = None if config.shared else nn.Parameter(torch.randn(max_length, rank) / math.sqrt(rank))

    def forward(
        self, q: Float[Tensor, "B Q D"], k: Float[Tensor, "B T D"], v: Float[Tensor, "B T D"], visibility: Visibility
    ) -> Float[Tensor, "B Q D"]:
        """Mix values; see `AttentionOperator.forward`."""
        value_projection = self.key_projection if self.value_projection is None else self.value_projection
        keys = _project(k, self.key_projection, visibility).to(q.dtype)
        values = _project(v, value_projection, visibility).to(q.dtype)
        q, keys, values = (split_heads(x, self.n_heads) for x in (q, keys, values))
        return merge_heads(F.scaled_dot_product_attention(q, keys, values))


def _project(
    x: Float[Tensor, "B T D"], projection: Float[Tensor, "max_length r"], visibility: Visibility
) -> Float[Tensor, "B r D"]:
    # The sums grow with T, so they run in at least float32.
    with torch.autocast(x.device.type, enabled=False):
        x = x.to(projection.dtype)
        real = visibility.padding_mask
        if real is None:
            return projection[: x.shape[1]].T @ x
        positions = (real.cumsum(1) - 1).clamp(min=0)
        return (F.embedding(positions, projection) * real[..., None]).mT @ x
