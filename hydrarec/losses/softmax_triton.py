"""The softmax between the matrix products of a cross-entropy, as one Triton kernel.

Scores are read twice and written once. The operations it stands for read and write them six times or more, which on a
GPU takes longer than the products. Only imported where Triton is installed.
"""

# pyright: reportMissingImports=false, reportIndexIssue=false, reportArgumentType=false
# Triton is on no platform but Linux, and a kernel takes other types than the function it is made of.

import torch
import triton
import triton.language as tl
from jaxtyping import Float, Int
from torch import Tensor

BLOCK = 4096
"""Scores that a program holds at once."""


@triton.jit
def softmax_less_one_hot(scores, targets, losses, stride, n_items, block: tl.constexpr):
    """Replace the scores of a row by softmax - one hot of the target, and write the row's loss."""
    row = tl.program_id(0).to(tl.int64)
    own = scores + row * stride
    target = tl.load(targets + row)
    # Read before anything is written over it.
    target_score = tl.load(own + target).to(tl.float32)
    # One by one: to Triton 3.3 a Python number in a tuple has no type.
    top = float("-inf")
    total = 0.0
    for start in range(0, n_items, block):
        columns = start + tl.arange(0, block)
        values = tl.load(own + columns, mask=columns < n_items, other=float("-inf")).to(tl.float32)
        higher = tl.maximum(top, tl.max(values, 0))
        total = total * tl.exp(top - higher) + tl.sum(tl.exp(values - higher), 0)
        top = higher
    tl.store(losses + row, tl.log(total) + top - target_score)
    for start in range(0, n_items, block):
        columns = start + tl.arange(0, block)
        values = tl.load(own + columns, mask=columns < n_items, other=float("-inf")).to(tl.float32)
        gradient = tl.exp(values - top) / total - tl.where(columns == target, 1.0, 0.0)
        tl.store(own + columns, gradient, mask=columns < n_items)


def softmax_less_one_hot_(scores: Float[Tensor, "M N"], targets: Int[Tensor, " M"]) -> Float[Tensor, " M"]:
    """Turn scores into the gradient of the cross-entropy with respect to them, in place.

    Parameters
    ----------
    scores
        Scores of all items, float32, the items of a row side by side in memory.
    targets
        Column of the right one in each row.

    Returns
    -------
    Tensor
        The loss of each row, float32.
    """
    losses = torch.empty(len(scores), dtype=torch.float32, device=scores.device)
    block = min(BLOCK, triton.next_power_of_2(scores.shape[1]))
    softmax_less_one_hot[(len(scores),)](scores, targets, losses, scores.stride(0), scores.shape[1], block=block)
    return losses
