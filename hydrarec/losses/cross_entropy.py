"""Cross-entropy over the whole catalogue, without ever holding all scores.

The loss of SASRec with cross-entropy (Klenitskiy & Vasilev 2023) and of BERT4Rec (Sun et al. 2019, eq. 9).
A matrix of all positions x items would be the largest tensor of the training step (4 GiB for a batch on
Amazon Beauty), so scores, loss and gradients are computed together, a stretch of positions at a time:

    loss = logsumexp(s) - s_target,   d loss / d s = softmax(s) - one hot of the target,   s = W h + b.

Three matrix products of M N D multiplications are all there is to do; the rest is kept to one fused softmax and two
reads for the logsumexp, which is top - log softmax(top) for the largest score of a position. On a GPU with Triton one
kernel does all between the products.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.devices import is_on_cpu, triton_kernels
from hydrarec.losses.base import Loss
from hydrarec.models.base import OutputLayer

SCORES_PER_CHUNK = 2**19
"""Scores held at once on a CPU: 2 MiB stay in the cache between the passes over them."""
CACHE_LINE = 16
"""Scores in a cache line: rows that begin with one are written and read a tenth faster."""
SCORES_PER_CHUNK_GPU = 2**27
"""Scores held at once on a GPU: large enough that launches do not matter."""
POSITIONS_PER_CHUNK = 128
"""Positions in a chunk at least: fewer would read all output embeddings for too little work."""
ITEMS_PER_PRODUCT = 4096
"""Items in one matrix product on a CPU: with all of a large catalogue, its operands would not stay in the cache."""


class CrossEntropyLoss(Loss):
    """Full softmax cross-entropy."""

    def forward(
        self, hidden: Float[Tensor, "M D"], targets: Int[Tensor, " M"], output: OutputLayer, stream: torch.Generator
    ) -> Float[Tensor, ""]:
        """Return the mean loss; see `Loss.forward`. Nothing is drawn from `stream`."""
        return _LinearCrossEntropy.apply(hidden, output.weight, output.bias, targets)


class _LinearCrossEntropy(torch.autograd.Function):
    """Mean of logsumexp(W h + b) - (W h + b)[target], with the gradients computed on the way forward.

    Row 0 of W and b is padding: it has no score and its gradient is 0.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Float[Tensor, "M D"],
        weight: Float[Tensor, "N1 D"],
        bias: Float[Tensor, " N1"] | None,
        targets: Int[Tensor, " M"],
    ) -> Float[Tensor, ""]:
        on_cpu = is_on_cpu(hidden)
        n_items = len(weight) - 1
        n_positions = max(POSITIONS_PER_CHUNK, (SCORES_PER_CHUNK if on_cpu else SCORES_PER_CHUNK_GPU) // n_items)
        n_product = ITEMS_PER_PRODUCT if on_cpu else len(weight) + CACHE_LINE
        # The products run in the precision the encoder left (bfloat16 under autocast), all sums in float32 at least.
        exact = torch.promote_types(hidden.dtype, torch.float32)
        grad_hidden, grad_weight = torch.zeros_like(hidden, dtype=exact), torch.zeros_like(weight)
        grad_bias = None if bias is None else torch.zeros_like(bias)
        width = -(-n_items // CACHE_LINE) * CACHE_LINE
        n_scored = n_items if on_cpu else width
        items = _with_rows(weight[1:].to(hidden.dtype), n_scored).split(n_product)
        # Products with the items across are up to a quarter faster than with the items down.
        across = [some.T.contiguous() for some in items]
        grad_across = [torch.zeros_like(some, dtype=exact) for some in across]
        kernels = triton_kernels("hydrarec.losses.softmax_triton") if hidden.device.type == "cuda" else None
        softmax_less_one_hot_ = kernels.softmax_less_one_hot_ if kernels else _softmax_less_one_hot_
        loss = torch.zeros((), dtype=torch.float64 if on_cpu else torch.float32, device=hidden.device)
        rows = torch.empty(min(n_positions, len(hidden)), width, dtype=exact, device=hidden.device)
        for part, part_targets, part_grad in zip(
            *(tensor.split(n_positions) for tensor in (hidden, targets - 1, grad_hidden)), strict=True
        ):
            rows = rows[: len(part)]
            scores, scored = rows[:, :n_items], rows[:, :n_scored]
            for some, columns in zip(across, scored.split(n_product, dim=1), strict=True):
                _set_product(columns, part, some)
            rows[:, n_items:] = -torch.inf
            if bias is not None:
                scores += bias[1:]
            loss += softmax_less_one_hot_(rows, part_targets).sum()
            if grad_bias is not None:
                grad_bias[1:] += scores.sum(0)
            for some, grad_some, columns in zip(items, grad_across, scored.split(n_product, dim=1), strict=True):
                gradient = columns.to(hidden.dtype)
                _add_product(part_grad, gradient, some)
                _add_product(grad_some, part.T, gradient)
        for grad_some, rows_of_some in zip(grad_across, grad_weight[1:].split(n_product), strict=True):
            rows_of_some.copy_(grad_some.T[: len(rows_of_some)])
        ctx.gradients, ctx.dtype = (grad_hidden, grad_weight, grad_bias), hidden.dtype
        return (loss / len(hidden)).to(weight.dtype)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        # Of the mean; divided here, where every gradient is multiplied anyway, and only then rounded to low precision.
        of_hidden, of_weight, of_bias = ctx.gradients
        scale = grad_outputs[0] / len(of_hidden)
        of_hidden = (of_hidden * scale.to(of_hidden.dtype)).to(ctx.dtype)
        scale = scale.to(of_weight.dtype)
        return of_hidden, of_weight * scale, None if of_bias is None else of_bias * scale, None


def _with_rows(x: Float[Tensor, "N D"], n_rows: int) -> Float[Tensor, "R D"]:
    """Return a matrix with zeros below, for a GPU multiplies fastest what begins and ends with a cache line."""
    return x if len(x) == n_rows else torch.nn.functional.pad(x, (0, 0, 0, n_rows - len(x)))


def _softmax_less_one_hot_(scores: Float[Tensor, "M N"], targets: Int[Tensor, " M"]) -> Float[Tensor, " M"]:
    """Turn scores into the gradient with respect to them, in place, and return the loss of each row."""
    index = targets[:, None]
    target_scores, top = scores.gather(1, index), scores.amax(1, keepdim=True)
    torch.softmax(scores, 1, out=scores)
    losses = top - scores.amax(1, keepdim=True).log() - target_scores
    scores.scatter_add_(1, index, torch.full_like(top, -1.0))
    return losses[:, 0]


def _set_product(result: Tensor, a: Tensor, b: Tensor) -> None:
    """Make `result` a @ b; the product may be of lower precision."""
    if result.dtype == a.dtype:
        torch.mm(a, b, out=result)
    else:
        result.copy_(a @ b)


def _add_product(total: Tensor, a: Tensor, b: Tensor) -> None:
    """Add a @ b to `total`; the product may be of lower precision."""
    if total.dtype == a.dtype:
        total.addmm_(a, b)
    else:
        total += a @ b
