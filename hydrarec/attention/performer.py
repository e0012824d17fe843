"""Performer: softmax attention estimated with positive random features (FAVOR+). Linear in T.

    out_t = phi(q_t)^T (sum_{s visible to t} phi(k_s) v_s^T) / (phi(q_t) . sum_{s visible to t} phi(k_s))
    phi(x)_j = exp(w_j . y - |y|^2 / 2),   y = x / d_head^(1/4),   w_1 ... w_m drawn from N(0, I)

per head, the same w for all heads of a layer. The mean of phi(q) . phi(k) / m over draws is exp(q . k / sqrt(d_head)).
`eps` is added to the features of the keys, so that the denominator is never 0.

Source: Choromanski et al. 2021, "Rethinking Attention with Performers", arXiv 2009.14794, eq. 5 with the
functions of Lemma 1; orthogonal and redrawn features are its options. Different from the authors' code:

* That code divides the features of a sequence's keys by their maximum over all positions, which lets the future and
  the padding in. Here keys are not divided by anything: their exponents are at most |w_j|^2 / 2. Queries are divided
  by the sum of their features, which cancels.
* It adds `eps` to the features of the queries too.
* It takes the Q of a QR decomposition as it is. That matrix leans to one side; with the signs of R's diagonal it is
  uniform, without which the estimate is biased.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hydrarec.attention.parts.feature_map import FeatureMapOperator
from hydrarec.attention.parts.outer_sums import with_ones
from hydrarec.config.attention import PerformerAttentionConfig
from hydrarec.sequences.visibility import Visibility


def naive_performer(
    q: Float[Tensor, "B T D"],
    k: Float[Tensor, "B T D"],
    v: Float[Tensor, "B T D"],
    attention_mask: Bool[Tensor, "B T T"],
    n_heads: int,
    eps: float,
    projection: Float[Tensor, "F d"],
) -> Float[Tensor, "B T D"]:
    """Compute the definition with all T x T weights, for given random features."""
    outputs = []
    for q_head, k_head, v_head in zip(*(x.chunk(n_heads, dim=-1) for x in (q, k, v)), strict=True):
        q_scaled, k_scaled = (x / x.shape[-1] ** 0.25 for x in (q_head, k_head))
        q_features, k_features = (
            torch.exp(y @ projection.T - y.square().sum(-1, keepdim=True) / 2) for y in (q_scaled, k_scaled)
        )
        weights = q_features @ (k_features + eps).mT * attention_mask
        outputs.append((weights / weights.sum(-1, keepdim=True)).nan_to_num(0.0) @ v_head)
    return torch.cat(outputs, dim=-1)


LARGEST_EXPONENT = 70.0
"""Of the features of keys, whose bound |w|^2 / 2 is beyond float32 for heads of 128 features and more."""


class PerformerAttention(FeatureMapOperator):
    """Softmax attention estimated with positive random features.

    The features are a buffer, so that a checkpoint is evaluated with those it was validated with.
    """

    config: PerformerAttentionConfig
    projection: Float[Tensor, "F d"]

    def __init__(self, config: PerformerAttentionConfig, *, d_model: int, n_heads: int, max_length: int) -> None:
        super().__init__(config, d_model=d_model, n_heads=n_heads, max_length=max_length)
        self.d_head = d_model // n_heads
        self.n_features = config.n_features or max(1, round(self.d_head * math.log(self.d_head)))
        # Not a number: compiled, the operator would be compiled anew for each.
        self.training_steps = torch.zeros((), dtype=torch.int64)
        self.register_buffer("projection", self._draw())

    def get_extra_state(self) -> Tensor:
        """Return what belongs to the state beside parameters and buffers: when the features are redrawn next."""
        return self.training_steps.clone()

    def set_extra_state(self, state: Tensor) -> None:
        """Take over what `get_extra_state` returned."""
        self.training_steps = state.cpu().clone()

    def forward(
        self, q: Float[Tensor, "B Q D"], k: Float[Tensor, "B T D"], v: Float[Tensor, "B T D"], visibility: Visibility
    ) -> Float[Tensor, "B Q D"]:
        """Mix values; see `AttentionOperator.forward`. In training, redraw the features when it is time."""
        if self.training and self.config.redraw_every is not None:
            self._count_training_step(self.config.redraw_every)
        return super().forward(q, k, v, visibility)

    def _key_features(self, k: Float[Tensor, "B H *T d"]) -> Float[Tensor, "B H *T F"]:
        k = self._scale(k)
        exponents = self._project(k) - k.square().sum(-1, keepdim=True) / 2
        return exponents.clamp(max=LARGEST_EXPONENT).exp() + self.config.eps

    def _query_features(self, q: Float[Tensor, "B H *T d"]) -> Float[Tensor, "B H *T F"]:
        # A factor per query cancels, so |y|^2 / 2 may be left out and the largest exponent be 0.
        return self._project(self._scale(q)).softmax(-1)

    def _extend(self, v: Float[Tensor, "B H *T d"]) -> Float[Tensor, "B H *T d1"]:
        return with_ones(v)

    def _finish(self, mixed: Float[Tensor, "B H *T d1"]) -> Float[Tensor, "B H *T d"]:
        total = mixed[..., -1:]
        # 0 where nothing is visible, and nowhere else.
        return mixed[..., :-1] / total.masked_fill(total == 0, 1.0)

    def _scale(self, x: Float[Tensor, "B H *T d"]) -> Float[Tensor, "B H *T d"]:
        # At least float32: the exponential turns an absolute error into a relative one.
        return x.to(torch.promote_types(x.dtype, torch.float32)) / self.d_head**0.25

    def _project(self, x: Float[Tensor, "B H *T d"]) -> Float[Tensor, "B H *T F"]:
        with torch.autocast(x.device.type, enabled=False):
            return x @ self.projection.T

    def _count_training_step(self, every: int) -> None:
        done = int(self.training_steps)
        if done > 0 and done % every == 0:
            # Not in place: a backward pass may still need the old ones.
            self.projection = self._draw().to(self.projection)
        self.training_steps += 1

    def _draw(self) -> Float[Tensor, "F d"]:
        """Draw the random features from the global generator of the CPU."""
        gaussian = torch.randn(self.n_features, self.d_head)
        if not self.config.orthogonal:
            return gaussian
        # Blocks of orthogonal directions; the lengths remain those of independent Gaussian vectors.
        n_blocks = math.ceil(self.n_features / self.d_head)
        directions, r = torch.linalg.qr(torch.randn(n_blocks, self.d_head, self.d_head))
        directions = directions * r.diagonal(dim1=-2, dim2=-1).sign()[:, None, :]
        return directions.mT.flatten(0, 1)[: self.n_features] * gaussian.norm(dim=-1, keepdim=True)
