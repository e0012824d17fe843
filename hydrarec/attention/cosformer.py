"""cosFormer: linear attention with ReLU features, weighted by a cosine of the distance. Linear in T.

    out_t = sum_{s visible to t} w_ts v_s / (sum_{s visible to t} w_ts + eps)
    w_ts = relu(q_t) . relu(k_s) cos(pi / 2 * (t - s) / M)

per head, M = `max_length`. The cosine of a difference is a sum of two products, so that the weight is a scalar product
of twice as many features:

    w_ts = phi_t(q_t) . phi_s(k_s),   phi_t(x) = (relu(x) cos(pi / 2 * t / M), relu(x) sin(pi / 2 * t / M))

Source: Qin et al. 2022, "cosFormer: Rethinking Softmax in Attention", arXiv 2202.08791, eq. 9-11. The authors' code
takes for M the length of the batch at hand, by which a sequence's output would depend on its neighbours, and bounds
the denominator by `eps` from below where here, as in `linear`, it is added.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Bool, Float
from torch import Tensor

from hydrarec.attention.base import IncrementalOperator, State, merge_heads, split_heads
from hydrarec.attention.parts.outer_sums import outer_step, outer_sums, weighted_mean, with_ones
from hydrarec.config.attention import CosformerAttentionConfig
from hydrarec.sequences.visibility import Visibility


def naive_cosformer(
    q: Float[Tensor, "B T D"],
    k: Float[Tensor, "B T D"],
    v: Float[Tensor, "B T D"],
    attention_mask: Bool[Tensor, "B T T"],
    n_heads: int,
    max_length: int,
    eps: float,
) -> Float[Tensor, "B T D"]:
    """Compute the definition with all T x T weights."""
    t = torch.arange(q.shape[1], dtype=q.dtype)
    nearness = torch.cos(math.pi / 2 * (t[:, None] - t[None, :]) / max_length)
    outputs = []
    for q_head, k_head, v_head in zip(*(x.chunk(n_heads, dim=-1) for x in (q, k, v)), strict=True):
        weights = q_head.relu() @ k_head.relu().mT * nearness * attention_mask
        outputs.append(weights @ v_head / (weights.sum(-1, keepdim=True) + eps))
    return torch.cat(outputs, dim=-1)


class CosformerAttention(IncrementalOperator):
    """cosFormer's attention. Only distances count, so it does not matter where in a window a sequence stands."""

    config: CosformerAttentionConfig

    def forward(
        self, q: Float[Tensor, "B T D"], k: Float[Tensor, "B T D"], v: Float[Tensor, "B T D"], visibility: Visibility
    ) -> Float[Tensor, "B T D"]:
        """Mix values; see `AttentionOperator.forward`."""
        q, k, v = (split_heads(x, self.n_heads) for x in (q, k, v))
        dtype = torch.promote_types(q.dtype, torch.float32)
        positions = torch.arange(q.shape[2], dtype=dtype, device=q.device)[:, None]
        mixed = outer_sums(self._features(q, positions), self._features(k, positions), with_ones(v), visibility)
        return merge_heads(weighted_mean(mixed, self.config.eps)).to(v.dtype)

    def step(
        self, q: Float[Tensor, "B D"], k: Float[Tensor, "B D"], v: Float[Tensor, "B D"], state: State | None
    ) -> tuple[Float[Tensor, "B D"], State]:
        """Mix values at the next position; see `IncrementalOperator.step`. The state's second part is the position."""
        q, k, v = (x.unflatten(-1, (self.n_heads, -1)) for x in (q, k, v))
        first = torch.zeros((), dtype=torch.promote_types(q.dtype, torch.float32), device=q.device)
        position = first if state is None else state[1] + 1
        mixed, sums = outer_step(self._features(q, position), self._features(k, position), with_ones(v), state)
        return weighted_mean(mixed, self.config.eps).flatten(-2).to(v.dtype), (*sums, position)

    def _features(
        self, x: Float[Tensor, "*batch d"], positions: Float[Tensor, "*positions"]
    ) -> Float[Tensor, "*batch d2"]:
        angles = math.pi / 2 * positions / self.max_length
        x = F.relu(x)
        return torch.cat([x * angles.cos(), x * angles.sin()], dim=-1)
