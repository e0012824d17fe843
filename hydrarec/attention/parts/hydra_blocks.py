"""Hydra's paper form as one operation with its own gradient, on any processor.

    out = q * L (k * v),   L_ts = a_t b_s where t sees s,   a = 1 / max(|q|, eps),   b = m / max(|k|, eps)

with m 1 at real positions, 0 at padding, and L applied to each feature by itself. With g the gradient of the output:

    x = g * L (k * v),     dq = x - a^2 (q . x) q
    y = L^T (g * q),       dk = v * y - b^2 (k . (v * y)) k,     dv = k * y

the second terms only where the norm is not below eps. Queries, keys and values are kept for the gradient, and of each
position a few numbers; sums are made again.
"""

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from hydrarec.attention.parts.running_sums import RunningSums, Terms, Weights

WITHOUT_AUTOCAST = torch.autocast("cpu", enabled=False)


class BlockedHydra(torch.autograd.Function):
    """Hydra over sequences that stand one behind the other; see `hydra_packed`."""

    @staticmethod
    @WITHOUT_AUTOCAST
    def forward(
        ctx: Any,
        q: Float[Tensor, "M D"],
        k: Float[Tensor, "M D"],
        v: Float[Tensor, "M D"],
        ids: Int[Tensor, " M"],
        mask: Bool[Tensor, " M"] | None,
        n_sequences: int,
        causal: bool,
        eps: float,
    ) -> Float[Tensor, "M D"]:
        """Mix values; `ids` is the sequence of each position, ascending from 0, `mask` True = real."""
        dtype = torch.float32 if q.dtype in (torch.bfloat16, torch.float16) else q.dtype
        norms = [torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=dtype) for x in (q, k)]
        of_q, of_k = _scales(norms, mask, eps)
        sums = RunningSums(ids, n_sequences, q.shape[1], dtype)
        outputs = torch.empty_like(v)
        for block, seen in sums.over(_products(k, v, dtype), of_q, of_k, causal=causal):
            torch.mul(seen, q[block], out=outputs[block])
        ctx.save_for_backward(q, k, v, *norms, mask)
        ctx.settings = sums, causal, eps
        return outputs

    @staticmethod
    @once_differentiable
    @WITHOUT_AUTOCAST
    # The decorator hides the signature.
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, gradient: Float[Tensor, "M D"]
    ) -> tuple[Tensor | None, ...]:
        """Return the gradients of queries, keys and values."""
        q, k, v, *norms, mask = ctx.saved_tensors
        sums, causal, eps = ctx.settings
        of_q, of_k = _scales(norms, mask, eps)
        bend_q, bend_k = (of.square() * (norm >= eps) for of, norm in zip((of_q, of_k), norms, strict=True))
        dq, dk, dv = q.new_empty(3, *q.shape)
        for block, seen in sums.over(_products(k, v, sums.dtype), of_q, of_k, causal=causal):
            _normalise_backward(seen.mul_(gradient[block]), q[block], bend_q[block], dq[block])
        # The sums of keys and values then lie where these did.
        seen = None
        for block, seen in sums.over(_products(q, gradient, sums.dtype), of_k, of_q, causal=causal, reverse=True):
            torch.mul(seen, k[block], out=dv[block])
            _normalise_backward(seen.mul_(v[block]), k[block], bend_k[block], dk[block])
        return dq, dk, dv, None, None, None, None, None


def _scales(norms: list[Tensor], mask: Tensor | None, eps: float) -> tuple[Weights, Weights]:
    """Return what queries and keys are multiplied by; 0 for padded keys."""
    of_q, of_k = (norm.clamp(min=eps).reciprocal_() for norm in norms)
    return of_q, of_k if mask is None else of_k.mul_(mask[:, None])


def _products(x: Float[Tensor, "M D"], y: Float[Tensor, "M D"], dtype: torch.dtype) -> Terms:
    return lambda block, out: torch.mul(x[block].to(dtype), y[block], out=out)


def _normalise_backward(
    gradient: Float[Tensor, "R D"], x: Float[Tensor, "R D"], bend: Float[Tensor, "R 1"], out: Float[Tensor, "R D"]
) -> None:
    """Write gradient - bend (x . gradient) x: what is left of a gradient behind a division by the norm."""
    # What is written last holds what is written first: new memory would be the largest of a block.
    scratch = out if out.dtype == gradient.dtype else None
    along = torch.mul(gradient, x, out=scratch).sum(-1, keepdim=True).mul_(bend)
    torch.addcmul(gradient, x, along, value=-1, out=out)
