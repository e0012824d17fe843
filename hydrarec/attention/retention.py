"""Retention: linear attention whose past fades at a fixed rate, and whose features turn with position. Linear in T.

    out_t = norm(sum_{s visible to t} gamma^|t - s| (R_t q_t)^T (R_s k_s) v_s / sqrt(d_head))

per head. gamma of head h is 1 - 2^(-5 - h), h = 0, 1, ...; R_t turns the i-th of d/2 pairs of neighbouring features by
t times the i-th angle, the angles falling geometrically from 1 to 1/10000; norm takes mean and scale out of a
token's features in a head and has no parameters.

Source: Sun et al. 2023, "Retentive Network: A Successor to Transformer for Large Language Models", arXiv 2307.08621,
eq. 5-8; angles as in the authors' code, which divides by the root mean square in place of the paper's group norm.

What differs: the paper's swish gate multiplies the output by a projection of the layer's input, which operators
do not see; it is left out. The paper's three rescalings of weights (section 2.4) cancel in the norm, apart from its
eps; only 1 / sqrt(d_head) is kept. The paper is causal; fading with distance to both sides is this project's.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Bool, Float
from torch import Tensor

from hydrarec.attention.base import IncrementalOperator, State, merge_heads, split_heads
from hydrarec.attention.parts.decayed import decayed_step, decayed_sums
from hydrarec.config.attention import RetentionAttentionConfig
from hydrarec.sequences.visibility import Visibility


def naive_retention(
    q: Float[Tensor, "B T D"],
    k: Float[Tensor, "B T D"],
    v: Float[Tensor, "B T D"],
    attention_mask: Bool[Tensor, "B T T"],
    n_heads: int,
    decay: float | None,
    rotation: bool,
    normalise: bool,
    eps: float,
) -> Float[Tensor, "B T D"]:
    """Compute the definition with all T x T weights, and rotations as products of complex numbers."""
    d_head = q.shape[-1] // n_heads
    time = torch.arange(q.shape[1], dtype=q.dtype)
    outputs = []
    for head, (q_head, k_head, v_head) in enumerate(zip(*(x.chunk(n_heads, -1) for x in (q, k, v)), strict=True)):
        scores = q_head @ k_head.mT
        if rotation:
            angles = 10_000 ** -torch.linspace(0, 1, d_head // 2, dtype=q.dtype)
            turns = torch.polar(torch.ones(()).to(q), time[:, None] * angles)
            q_turned, k_turned = (torch.complex(x[..., 0::2], x[..., 1::2]) * turns for x in (q_head, k_head))
            scores = (q_turned @ k_turned.conj().mT).real
        gamma = 1 - 2.0 ** (-5 - head) if decay is None else decay
        weights = scores / d_head**0.5 * gamma ** (time[:, None] - time).abs() * attention_mask
        mixed = weights @ v_head
        if normalise:
            centred = mixed - mixed.mean(-1, keepdim=True)
            mixed = centred / (centred.square().mean(-1, keepdim=True) + eps).sqrt()
        outputs.append(mixed)
    return torch.cat(outputs, dim=-1)


class RetentionAttention(IncrementalOperator):
    """Retention."""

    config: RetentionAttentionConfig
    log_decay: Float[Tensor, "H 1"]
    angles: Float[Tensor, " d_half"]

    def __init__(self, config: RetentionAttentionConfig, *, d_model: int, n_heads: int, max_length: int) -> None:
        super().__init__(config, d_model=d_model, n_heads=n_heads, max_length=max_length)
        d_head = d_model // n_heads
        rates = torch.exp2(-5 - torch.arange(n_heads, dtype=torch.float64))
        log_decay = rates.neg().log1p() if config.decay is None else torch.full_like(rates, math.log(config.decay))
        angles = 10_000 ** -torch.linspace(0, 1, d_head // 2, dtype=torch.float64)
        # Settings and not weights, so no part of a checkpoint; double, since angles are multiplied by positions.
        self.register_buffer("log_decay", log_decay[:, None], persistent=False)
        self.register_buffer("angles", angles, persistent=False)

    def forward(
        self, q: Float[Tensor, "B T D"], k: Float[Tensor, "B T D"], v: Float[Tensor, "B T D"], visibility: Visibility
    ) -> Float[Tensor, "B T D"]:
        """Mix values; see `AttentionOperator.forward`."""
        q, k, v = (split_heads(x, self.n_heads) for x in (q, k, v))
        positions = torch.arange(q.shape[2], device=q.device)
        mixed = decayed_sums(self._rotate(q, positions), self._rotate(k, positions), v, self.log_decay, visibility)
        return merge_heads(self._scale(mixed)).to(v.dtype)

    def step(
        self, q: Float[Tensor, "B D"], k: Float[Tensor, "B D"], v: Float[Tensor, "B D"], state: State | None
    ) -> tuple[Float[Tensor, "B D"], State]:
        """Mix values at the next position; see `IncrementalOperator.step`."""
        position = torch.zeros_like(k[:, :1], dtype=torch.int64) if state is None else state[1] + 1
        q, k, v = (x.unflatten(-1, (self.n_heads, -1)) for x in (q, k, v))
        q, k = self._rotate(q, position), self._rotate(k, position)
        mixed, (total,) = decayed_step(q, k, v, self.log_decay[:, 0], None if state is None else state[:1])
        return self._scale(mixed).flatten(-2).to(v.dtype), (total, position)

    def _rotate(self, x: Float[Tensor, "*batch d"], positions: Tensor) -> Float[Tensor, "*batch d"]:
        if not self.config.rotation:
            return x
        turns = positions[..., None] * self.angles
        # Rounded only after the product: a bfloat16 cannot tell position 200 from 201.
        cosines, sines = (f(turns).to(torch.promote_types(x.dtype, torch.float32)) for f in (torch.cos, torch.sin))
        even, odd = x.unflatten(-1, (-1, 2)).unbind(-1)
        return torch.stack([even * cosines - odd * sines, even * sines + odd * cosines], dim=-1).flatten(-2)

    def _scale(self, mixed: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
        d_head = mixed.shape[-1]
        mixed = mixed / math.sqrt(d_head)
        return F.layer_norm(mixed, (d_head,), eps=self.config.eps) if self.config.normalise else mixed
