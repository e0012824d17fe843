"""Gated linear attention: every feature of the past fades at a rate that each token sets. Linear in T.

    out_t = norm(q_t^T S_t / sqrt(d_head)),   S_t = diag(alpha_t) S_{t-1} + k_t v_t^T
    alpha_t = sigmoid(W_2 W_1 k_t + b)^(1/tau)

per head; W_1 maps to gate_rank features and W_2 back to all D; norm takes mean and scale out of a token's features in a
head and has no parameters.

Source: Yang et al. 2024, "Gated Linear Attention Transformers with Hardware-Efficient Training", arXiv 2312.06635,
eq. 3-5 and section 4.4; 1 / sqrt(d_head) as in the authors' code, which divides by the root mean square in place of the
paper's layer norm.

What differs: in the paper the gates come from the layer's input x, which operators do not see; here they come from the
keys, which are a linear map of x. The output gate, which also needs x, is left out. The paper is causal;
bidirectional, s reaches an earlier t multiplied by alpha_t ... alpha_{s-1}, which is this project's.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hydrarec.attention.base import IncrementalOperator, State, merge_heads, split_heads
from hydrarec.attention.parts.decayed import decayed_step, decayed_sums
from hydrarec.config.attention import GlaAttentionConfig
from hydrarec.sequences.visibility import Visibility


def naive_gla(
    q: Float[Tensor, "B T D"],
    k: Float[Tensor, "B T D"],
    v: Float[Tensor, "B T D"],
    attention_mask: Bool[Tensor, "B T T"],
    n_heads: int,
    gate_temperature: float,
    normalise: bool,
    eps: float,
    gate_down_weight: Float[Tensor, "R D"],
    gate_up_weight: Float[Tensor, "D R"],
    gate_up_bias: Float[Tensor, " D"],
) -> Float[Tensor, "B T D"]:
    """Compute the definition with all T x T x D decays."""
    logits = k @ gate_down_weight.mT @ gate_up_weight.mT + gate_up_bias
    log_alpha = (1 / (1 + (-logits).exp())).log() / gate_temperature
    until = log_alpha.cumsum(1)
    before = until - log_alpha
    decay_of_earlier = (until[:, :, None] - until[:, None]).exp() * attention_mask.tril()[..., None]
    decay_of_later = (before[:, None] - before[:, :, None]).exp() * attention_mask.triu(1)[..., None]
    products = q[:, :, None] * k[:, None] * (decay_of_earlier + decay_of_later) / math.sqrt(q.shape[-1] // n_heads)
    outputs = []
    for weights, v_head in zip(products.chunk(n_heads, -1), v.chunk(n_heads, -1), strict=True):
        mixed = weights.sum(-1) @ v_head
        if normalise:
            centred = mixed - mixed.mean(-1, keepdim=True)
            mixed = centred / (centred.square().mean(-1, keepdim=True) + eps).sqrt()
        outputs.append(mixed)
    return torch.cat(outputs, dim=-1)


class GlaAttention(IncrementalOperator):
    """Gated linear attention."""

    config: GlaAttentionConfig

    def __init__(self, config: GlaAttentionConfig, *, d_model: int, n_heads: int, max_length: int) -> None:
        super().__init__(config, d_model=d_model, n_heads=n_heads, max_length=max_length)
        self.gate_down = nn.Linear(d_model, config.gate_rank, bias=False)
        self.gate_up = nn.Linear(config.gate_rank, d_model)

    def forward(
        self, q: Float[Tensor, "B T D"], k: Float[Tensor, "B T D"], v: Float[Tensor, "B T D"], visibility: Visibility
    ) -> Float[Tensor, "B T D"]:
        """Mix values; see `AttentionOperator.forward`."""
        q, k, v, log_decay = (split_heads(x, self.n_heads) for x in (q, k, v, self._log_decay(k)))
        return merge_heads(self._scale(decayed_sums(q, k, v, log_decay, visibility))).to(v.dtype)

    def step(
        self, q: Float[Tensor, "B D"], k: Float[Tensor, "B D"], v: Float[Tensor, "B D"], state: State | None
    ) -> tuple[Float[Tensor, "B D"], State]:
        """Mix values at the next position; see `IncrementalOperator.step`."""
        q, k, v, log_decay = (x.unflatten(-1, (self.n_heads, -1)) for x in (q, k, v, self._log_decay(k)))
        mixed, state = decayed_step(q, k, v, log_decay, state)
        return self._scale(mixed).flatten(-2).to(v.dtype), state

    def _log_decay(self, k: Float[Tensor, "*batch D"]) -> Float[Tensor, "*batch D"]:
        logits = self.gate_up(self.gate_down(k))
        return F.logsigmoid(logits) / self.config.gate_temperature

    def _scale(self, mixed: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
        d_head = mixed.shape[-1]
        mixed = mixed / math.sqrt(d_head)
        return F.layer_norm(mixed, (d_head,), eps=self.config.eps) if self.config.normalise else mixed
