"""Hydra attention: as many heads as features. Linear in T and in D.

    out_t = phi(q_t) * sum_{s visible to t} phi(k_s) * v_s,   phi(x) = x / max(|x|, eps), the norm over all D features

with element-wise products and no denominator. Bidirectional, the sum is one vector per sequence; causal, it is a
cumulative sum. Its size grows with the number of visible positions; nothing divides it in the paper's reading, for
which there are kernels (`parts/hydra_kernels.py`).

Options: other kernels phi, of which the paper compares several, and a division of the sum by the number t of
visible positions or by t^sigmoid(a) as in Cottention (arXiv 2409.18747). The softmax kernel runs over the features
of a token, for queries and for keys: one over positions has no causal sum that all queries share.

Source: Bolya et al. 2022, "Hydra Attention", arXiv 2209.07484, eq. 5-7; used for sequential recommendation
by HydraRec, arXiv 2501.01242.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hydrarec.attention.base import IncrementalOperator, State
from hydrarec.attention.parts.hydra_kernels import hydra, should_use_kernel
from hydrarec.config.attention import HydraAttentionConfig
from hydrarec.sequences.visibility import Visibility


def naive_hydra(
    q: Float[Tensor, "B T D"],
    k: Float[Tensor, "B T D"],
    v: Float[Tensor, "B T D"],
    attention_mask: Bool[Tensor, "B T T"],
    eps: float,
    kernel: str,
    length_scaling: str,
    exponent: Float[Tensor, ""] | None = None,
) -> Float[Tensor, "B T D"]:
    """Compute the definition position by position."""
    features = {
        "cosine": lambda x: x / x.square().sum(-1, keepdim=True).sqrt().clamp(min=eps),
        "tanh": torch.tanh,
        "mean": lambda x: x,
        "softmax": lambda x: x.exp() / x.exp().sum(-1, keepdim=True),
    }[kernel]
    outputs = []
    for t in range(q.shape[1]):
        visible = attention_mask[:, t, :, None]
        total = (visible * features(k) * v).sum(1)
        count = visible.sum(1).clamp(min=1)
        if kernel == "mean" or length_scaling == "inverse":
            total = total / count
        elif exponent is not None:
            total = total / count ** exponent.sigmoid()
        outputs.append(features(q[:, t]) * total)
    return torch.stack(outputs, dim=1)


class HydraAttention(IncrementalOperator):
    """Hydra attention; `n_heads` is not used, because there is a head for every feature."""

    config: HydraAttentionConfig
    supports_query_subset = True

    def __init__(self, config: HydraAttentionConfig, *, d_model: int, n_heads: int, max_length: int) -> None:
        super().__init__(config, d_model=d_model, n_heads=n_heads, max_length=max_length)
        learned = config.length_scaling == "learned"
        self.exponent = nn.Parameter(torch.zeros(())) if learned else None
        self.averages = config.kernel == "mean" or config.length_scaling == "inverse"

    def forward(
        self, q: Float[Tensor, "B Q D"], k: Float[Tensor, "B T D"], v: Float[Tensor, "B T D"], visibility: Visibility
    ) -> Float[Tensor, "B Q D"]:
        """Mix values; see `AttentionOperator.forward`."""
        paper = self.config.kernel == "cosine" and self.config.length_scaling == "none"
        if paper and q.shape == k.shape and should_use_kernel(q):
            return hydra(q, k, v, causal=visibility.causal, padding_mask=visibility.padding_mask, eps=self.config.eps)
        products = self._products(k, v)
        if visibility.padding_mask is not None:
            products = products * visibility.padding_mask[..., None]
        context = products.cumsum(1) if visibility.causal else products.sum(1, keepdim=True)
        if self.averages or self.exponent is not None:
            context = self._scale(context, visibility.n_visible(products)[..., None])
        return self._features(q) * context.to(q.dtype)

    def step(
        self, q: Float[Tensor, "B D"], k: Float[Tensor, "B D"], v: Float[Tensor, "B D"], state: State | None
    ) -> tuple[Float[Tensor, "B D"], State]:
        """Mix values at the next position; see `IncrementalOperator.step`."""
        total, count = self._products(k, v), torch.ones_like(k[:, :1], dtype=torch.int64)
        if state is not None:
            total, count = state[0] + total, state[1] + 1
        return self._features(q) * self._scale(total, count).to(q.dtype), (total, count)

    def _products(self, k: Float[Tensor, "*batch D"], v: Float[Tensor, "*batch D"]) -> Float[Tensor, "*batch D"]:
        # Sums of them grow with T: float32 keeps these exact to 1e-6 where bfloat16 would lose a tenth.
        products = self._features(k) * v
        return products.to(torch.promote_types(products.dtype, torch.float32))

    def _features(self, x: Float[Tensor, "*batch D"]) -> Float[Tensor, "*batch D"]:
        match self.config.kernel:
            case "cosine":
                return F.normalize(x, dim=-1, eps=self.config.eps)
            case "tanh":
                return x.tanh()
            case "softmax":
                return x.softmax(-1)
            case "mean":
                return x

    def _scale(self, total: Float[Tensor, "*batch D"], count: Float[Tensor, "*batch 1"]) -> Float[Tensor, "*batch D"]:
        if self.averages:
            return total / count
        return total if self.exponent is None else total / count ** self.exponent.sigmoid()
