"""LightSANs: items attend to r latent interests, positions to positions. Quadratic in T, but only for the positions.

    out = softmax(Q K'^T / sqrt(d_head)) V' + softmax(P_q P_k^T / sqrt(d_head)) V   per head
    K' = softmax_s(K Theta_k)^T K,   V' = softmax_s(V Theta_v)^T V      (softmax over the visible positions s)
    P = LayerNorm(position embedding),   P_q, P_k = linear maps of P

Theta_k and Theta_v [D x r] are learned and work on all D features, before the heads are split. The second matrix of
weights is the same for all sequences but for padding, so it is computed once per batch.

Source: Fan et al. 2021, "Lighter and Better: Low-Rank Decomposed Self-Attention Networks for Next-Item
Recommendation", SIGIR, in the form of the authors' code. Different from that code:

* It normalises both matrices of weights over the queries; here the weights of each query sum to 1.
* It masks nothing, so that padding and, with next-item targets at every position, the future are mixed in.
* It divides the positions' scores by sqrt(2) d_head; here by sqrt(d_head), as those of the items.
* Its layers share one position embedding, which is not added to the items. Here each layer's operator has its own, and
  models add theirs to the items as they do for every operator.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hydrarec.attention.base import AttentionOperator, merge_heads, split_heads
from hydrarec.attention.parts.outer_sums import with_ones
from hydrarec.config.attention import LightsansAttentionConfig
from hydrarec.sequences.visibility import Visibility


def naive_lightsans(
    q: Float[Tensor, "B T D"],
    k: Float[Tensor, "B T D"],
    v: Float[Tensor, "B T D"],
    attention_mask: Bool[Tensor, "B T T"],
    n_heads: int,
    key_interests: Float[Tensor, "D r"],
    value_interests: Float[Tensor, "D r"],
    position_embedding_weight: Float[Tensor, "max_length D"],
    position_norm_weight: Float[Tensor, " D"],
    position_norm_bias: Float[Tensor, " D"],
    position_query_weight: Float[Tensor, "D D"],
    position_query_bias: Float[Tensor, " D"],
    position_key_weight: Float[Tensor, "D D"],
    position_key_bias: Float[Tensor, " D"],
) -> Float[Tensor, "B T D"]:
    """Compute the definition row by row on the real items alone; outputs at padding are zeros."""
    outputs = torch.zeros_like(q)
    for row, real in enumerate(attention_mask[:, 0]):
        items_q, items_k, items_v = q[row, real], k[row, real], v[row, real]
        keys = (items_k @ key_interests).softmax(0).T @ items_k
        values = (items_v @ value_interests).softmax(0).T @ items_v
        x = position_embedding_weight[: len(items_q)]
        x = (x - x.mean(-1, keepdim=True)) / (x.var(-1, correction=0, keepdim=True) + 1e-5).sqrt()
        x = x * position_norm_weight + position_norm_bias
        place_q = x @ position_query_weight.T + position_query_bias
        place_k = x @ position_key_weight.T + position_key_bias
        parts = (items_q, keys, values, place_q, place_k, items_v)
        mixed = []
        for qh, kh, vh, pq, pk, iv in zip(*(part.chunk(n_heads, dim=-1) for part in parts), strict=True):
            scale = math.sqrt(qh.shape[-1])
            mixed.append((qh @ kh.T / scale).softmax(-1) @ vh + (pq @ pk.T / scale).softmax(-1) @ iv)
        outputs[row, real] = torch.cat(mixed, dim=-1)
    return outputs


class LightsansAttention(AttentionOperator):
    """LightSANs' attention."""

    config: LightsansAttentionConfig

    def __init__(self, config: LightsansAttentionConfig, *, d_model: int, n_heads: int, max_length: int) -> None:
        super().__init__(config, d_model=d_model, n_heads=n_heads, max_length=max_length)
        self.key_interests = nn.Parameter(torch.randn(d_model, config.k_interests))
        self.value_interests = nn.Parameter(torch.randn(d_model, config.k_interests))
        self.position_embedding = nn.Embedding(max_length, d_model)
        self.position_norm = nn.LayerNorm(d_model)
        self.position_query = nn.Linear(d_model, d_model)
        self.position_key = nn.Linear(d_model, d_model)

    def forward(
        self, q: Float[Tensor, "B T D"], k: Float[Tensor, "B T D"], v: Float[Tensor, "B T D"], visibility: Visibility
    ) -> Float[Tensor, "B T D"]:
        """Mix values; see `AttentionOperator.forward`."""
        real = visibility.padding_mask
        keys, values = _interests(k, self.key_interests, real), _interests(v, self.value_interests, real)
        q, keys, values, v = (split_heads(x, self.n_heads) for x in (q, keys, values, v))
        by_items = F.scaled_dot_product_attention(q, keys, values)
        return merge_heads(by_items + self._by_positions(v, real).to(by_items.dtype))

    def _by_positions(self, v: Float[Tensor, "B H T d"], real: Bool[Tensor, "B T"] | None) -> Float[Tensor, "B H T d"]:
        # In at least float32, since exponentials of scores are summed.
        with torch.autocast(v.device.type, enabled=False):
            v = v.to(torch.promote_types(v.dtype, torch.float32))
            scores = self._position_scores(v.shape[2])
            if real is None:
                return torch.einsum("hts,bhse->bhte", scores.softmax(-1), v)
            # Sequences are moved to the beginning of the window, where all have the same weights but for a factor.
            positions = (real.cumsum(1) - 1).clamp(min=0)[:, None, :, None]
            v = with_ones(v) * real[:, None, :, None]
            v = torch.zeros_like(v).scatter_add(2, positions.expand_as(v), v)
            weights = (scores - scores.amax(-1, keepdim=True)).exp()
            mixed = torch.einsum("hts,bhse->bhte", weights, v)
            mixed = mixed.gather(2, positions.expand_as(mixed))
            total = mixed[..., -1:]
            return mixed[..., :-1] / total.masked_fill(total == 0, 1.0)

    def _position_scores(self, length: int) -> Float[Tensor, "H T T"]:
        x = self.position_norm(self.position_embedding.weight[:length])[None]
        query, key = (split_heads(layer(x), self.n_heads)[0] for layer in (self.position_query, self.position_key))
        return query @ key.mT / math.sqrt(query.shape[-1])


def _interests(
    x: Float[Tensor, "B T D"], interests: Float[Tensor, "D r"], real: Bool[Tensor, "B T"] | None
) -> Float[Tensor, "B r D"]:
    """Return for each interest the mean of the positions, weighted by a softmax over them."""
    scores = x @ interests
    if real is not None:
        # Not minus infinity, which makes a row of padding NaN.
        scores = scores.masked_fill(~real[..., None], torch.finfo(scores.dtype).min)
    return scores.softmax(1).to(x.dtype).mT @ x
