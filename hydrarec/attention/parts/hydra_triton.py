"""Hydra's paper form as Triton kernels; the formulas are those of `hydra_blocks.py`.

A program takes one part of one sequence, all features of a position at once, tile after tile, with the running sum in
registers. Where there are sequences enough to fill the device, a part is a whole sequence and everything is read once
forward; where there are few, a kernel before sums each part, and programs add what the parts before theirs sum to.
The gradient of causal sums runs over a part twice, to the end for the queries and back for keys and values.

Only imported where Triton is installed.
"""

# pyright: reportMissingImports=false, reportIndexIssue=false, reportArgumentType=false, reportGeneralTypeIssues=false
# Triton is on no platform but Linux, and a kernel takes other types than the function it is made of.

from typing import Any

import torch
import triton
import triton.language as tl
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

TILE = 2048
"""Numbers per tensor that a program holds at once: with d = 64 and four warps they fit into 128 registers per thread
(but for 4 bytes backward in float32; Triton 3.7.1 for an H200), and a multiprocessor has room for four programs."""
PROGRAMS = 528
"""Programs to be had at least, four for each multiprocessor of an H100 or H200, where sequences are long enough."""


@triton.jit
def _rows(offsets, part, size):
    """Return the first row and the end of a part of this program's sequence."""
    first = tl.load(offsets + tl.program_id(0)) + part * size
    return first, tl.minimum(first + size, tl.load(offsets + tl.program_id(0) + 1))


@triton.jit
def _n_parts(offsets, part, size):
    """Return how many parts this program's sequence has; 0 if this one is none, for which nothing need be summed."""
    length = tl.load(offsets + tl.program_id(0) + 1) - tl.load(offsets + tl.program_id(0))
    n_parts = (length + size - 1) // size
    return tl.where(part < n_parts, n_parts, 0)


@triton.jit
def _tile(x, stride, rows, columns, inside):
    """Load a tile in float32, or in float64 if that is its type."""
    values = tl.load(x + rows[:, None] * stride + columns[None, :], mask=inside, other=0.0)
    return values if values.dtype == tl.float64 else values.to(tl.float32)


@triton.jit
def _scale(x, mask, rows, end, eps, masked: tl.constexpr):
    """Return 1 / max(|x|, eps) per row, 0 at padding, and whether the norm is not below eps."""
    norm = tl.sqrt(tl.sum(x * x, 1))
    scale = 1.0 / tl.maximum(norm, eps)
    if masked:
        scale = tl.where(tl.load(mask + rows, mask=rows < end, other=0) != 0, scale, 0.0)
    return scale[:, None], (norm >= eps)[:, None]


@triton.jit
def _normalise_backward(gradient, x, scale, free):
    """Return the gradient of x from that of x * scale, divided by scale."""
    along = tl.sum(gradient * x, 1)[:, None]
    return gradient - tl.where(free, scale * scale * along, 0.0) * x


@triton.jit
def _terms(x, y, mask, x_stride, y_stride, rows, columns, end, eps, width: tl.constexpr, masked: tl.constexpr):
    """Return x * y / max(|x|, eps) for a tile."""
    inside = (rows[:, None] < end) & (columns[None, :] < width)
    loaded = _tile(x, x_stride, rows, columns, inside)
    scale, _ = _scale(loaded, mask, rows, end, eps, masked)
    return loaded * scale * _tile(y, y_stride, rows, columns, inside)


@triton.jit
def _total(x, y, mask, x_stride, y_stride, first, end, columns, eps, width: tl.constexpr, n_rows: tl.constexpr,
           masked: tl.constexpr, sum_type: tl.constexpr):  # fmt: skip
    """Sum the terms of the rows of a part."""
    total = tl.zeros([columns.shape[0]], sum_type)
    for row in range(first, end, n_rows):
        rows = row + tl.arange(0, n_rows)
        total += tl.sum(_terms(x, y, mask, x_stride, y_stride, rows, columns, end, eps, width, masked), 0)
    return total


@triton.jit
def _parts(totals, first, end, columns, width: tl.constexpr, n_rows: tl.constexpr, sum_type: tl.constexpr):
    """Sum what some parts of this program's sequence sum to."""
    total = tl.zeros([columns.shape[0]], sum_type)
    own = tl.program_id(0).to(tl.int64) * tl.num_programs(1)
    for part in range(first, end, n_rows):
        parts = part + tl.arange(0, n_rows)
        inside = (parts[:, None] < end) & (columns[None, :] < width)
        total += tl.sum(tl.load(totals + (own + parts[:, None]) * width + columns[None, :], mask=inside, other=0.0), 0)
    return total


# Of the kernels below none gains from a `size` that 16 divides, for which each would be compiled anew amid a training.
@triton.jit(do_not_specialize=["size"])
def sum_parts(x, y, mask, offsets, totals, x_stride, y_stride, size, eps, width: tl.constexpr, n_columns: tl.constexpr,
              n_rows: tl.constexpr, masked: tl.constexpr, sum_type: tl.constexpr):  # fmt: skip
    """Write the sum of x * y / max(|x|, eps) over each part of each sequence."""
    columns = tl.arange(0, n_columns)
    first, end = _rows(offsets, tl.program_id(1), size)
    total = _total(x, y, mask, x_stride, y_stride, first, end, columns, eps, width, n_rows, masked, sum_type)
    own = tl.program_id(0).to(tl.int64) * tl.num_programs(1) + tl.program_id(1)
    tl.store(totals + own * width + columns, total, mask=columns < width)


@triton.jit(do_not_specialize=["size"])
def mix_forward(q, k, v, mask, offsets, totals, outputs, q_stride, k_stride, v_stride, size, eps, width: tl.constexpr,
                n_columns: tl.constexpr, n_rows: tl.constexpr, masked: tl.constexpr, sum_type: tl.constexpr,
                causal: tl.constexpr, split: tl.constexpr):  # fmt: skip
    """Write the output of a part."""
    columns = tl.arange(0, n_columns)
    part = tl.program_id(1)
    first, end = _rows(offsets, part, size)
    sums = tl.zeros([n_columns], sum_type)
    if split:
        n_parts = _n_parts(offsets, part, size)
        sums += _parts(totals, 0, tl.minimum(part, n_parts) if causal else n_parts, columns, width, n_rows, sum_type)
    elif not causal:
        sums += _total(k, v, mask, k_stride, v_stride, first, end, columns, eps, width, n_rows, masked, sum_type)
    for row in range(first, end, n_rows):
        rows = row + tl.arange(0, n_rows)
        inside = (rows[:, None] < end) & (columns[None, :] < width)
        query = _tile(q, q_stride, rows, columns, inside)
        scale, _ = _scale(query, mask, rows, end, eps, False)
        seen = tl.broadcast_to(sums[None, :], [n_rows, n_columns])
        if causal:
            terms = _terms(k, v, mask, k_stride, v_stride, rows, columns, end, eps, width, masked)
            seen += tl.cumsum(terms, 0)
            sums += tl.sum(terms, 0)
        tl.store(outputs + rows[:, None] * width + columns[None, :], query * scale * seen, mask=inside)


@triton.jit(do_not_specialize=["size"])
def mix_backward(q, k, v, g, mask, offsets, totals, later, dq, dk, dv, q_stride, k_stride, v_stride, g_stride, size,
                 eps, width: tl.constexpr, n_columns: tl.constexpr, n_rows: tl.constexpr, masked: tl.constexpr,
                 sum_type: tl.constexpr, causal: tl.constexpr, split: tl.constexpr):  # fmt: skip
    """Write the gradients of a part."""
    columns = tl.arange(0, n_columns)
    part = tl.program_id(1)
    first, end = _rows(offsets, part, size)
    sums = tl.zeros([n_columns], sum_type)
    if split:
        n_parts = _n_parts(offsets, part, size)
        sums += _parts(totals, 0, tl.minimum(part, n_parts) if causal else n_parts, columns, width, n_rows, sum_type)
    elif not causal:
        sums += _total(k, v, mask, k_stride, v_stride, first, end, columns, eps, width, n_rows, masked, sum_type)
    for row in range(first, end, n_rows):
        rows = row + tl.arange(0, n_rows)
        inside = (rows[:, None] < end) & (columns[None, :] < width)
        query = _tile(q, q_stride, rows, columns, inside)
        scale, free = _scale(query, mask, rows, end, eps, False)
        seen = tl.broadcast_to(sums[None, :], [n_rows, n_columns])
        if causal:
            terms = _terms(k, v, mask, k_stride, v_stride, rows, columns, end, eps, width, masked)
            seen += tl.cumsum(terms, 0)
            sums += tl.sum(terms, 0)
        gradient = _normalise_backward(_tile(g, g_stride, rows, columns, inside) * seen, query, scale, free) * scale
        tl.store(dq + rows[:, None] * width + columns[None, :], gradient, mask=inside)

    sums = tl.zeros([n_columns], sum_type)
    if split:
        n_parts = _n_parts(offsets, part, size)
        sums += _parts(later, part + 1 if causal else 0, n_parts, columns, width, n_rows, sum_type)
    elif not causal:
        sums += _total(q, g, mask, q_stride, g_stride, first, end, columns, eps, width, n_rows, False, sum_type)
    tiles = (end - first + n_rows - 1) // n_rows
    for tile in range(tiles):
        rows = first + (tiles - 1 - tile) * n_rows + tl.arange(0, n_rows)
        inside = (rows[:, None] < end) & (columns[None, :] < width)
        key = _tile(k, k_stride, rows, columns, inside)
        scale, free = _scale(key, mask, rows, end, eps, masked)
        seen = tl.broadcast_to(sums[None, :], [n_rows, n_columns])
        if causal:
            terms = _terms(q, g, mask, q_stride, g_stride, rows, columns, end, eps, width, False)
            seen += tl.cumsum(terms, 0, reverse=True)
            sums += tl.sum(terms, 0)
        gradient = _normalise_backward(_tile(v, v_stride, rows, columns, inside) * seen, key, scale, free) * scale
        tl.store(dk + rows[:, None] * width + columns[None, :], gradient, mask=inside)
        tl.store(dv + rows[:, None] * width + columns[None, :], key * scale * seen, mask=inside)


class TritonHydra(torch.autograd.Function):
    """Hydra over sequences that stand one behind the other; see `hydra_packed`."""

    @staticmethod
    def forward(
        ctx: Any,
        q: Float[Tensor, "M D"],
        k: Float[Tensor, "M D"],
        v: Float[Tensor, "M D"],
        offsets: Int[Tensor, " B1"],
        mask: Bool[Tensor, " M"] | None,
        longest: int,
        causal: bool,
        eps: float,
    ) -> Float[Tensor, "M D"]:
        """Mix values; `longest` is what no sequence is longer than, `mask` True = real."""
        q, k, v = (_dense(x) for x in (q, k, v))
        mask = None if mask is None else mask.view(torch.uint8)
        outputs = torch.empty(v.shape, dtype=v.dtype, device=v.device)
        launch = _Launch(q, offsets, mask, longest, causal=causal, eps=eps)
        ctx.save_for_backward(q, k, v)
        ctx.launch = launch
        with torch.cuda.device_of(q):
            totals = launch.totals(k, v, mask)
            launch(mix_forward, q, k, v, mask, offsets, totals, outputs, *(x.stride(0) for x in (q, k, v)))
        return outputs

    @staticmethod
    @once_differentiable
    # The decorator hides the signature.
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, gradient: Float[Tensor, "M D"]
    ) -> tuple[Tensor | None, ...]:
        """Return the gradients of queries, keys and values."""
        q, k, v = ctx.saved_tensors
        g, launch = _dense(gradient), ctx.launch
        dq, dk, dv = (torch.empty(x.shape, dtype=x.dtype, device=x.device) for x in (q, k, v))
        with torch.cuda.device_of(q):
            totals, later = launch.totals(k, v, launch.mask), launch.totals(q, g, None)
            strides = (x.stride(0) for x in (q, k, v, g))
            launch(mix_backward, q, k, v, g, launch.mask, launch.offsets, totals, later, dq, dk, dv, *strides)
        return dq, dk, dv, None, None, None, None, None


class _Launch:
    """How sequences are cut into parts, and what all kernels are told."""

    def __init__(
        self,
        like: Float[Tensor, "M D"],
        offsets: Int[Tensor, " B1"],
        mask: Int[Tensor, " M"] | None,
        longest: int,
        *,
        causal: bool,
        eps: float,
    ) -> None:
        length, width = like.shape
        n_sequences, columns = len(offsets) - 1, triton.next_power_of_2(width)
        self.offsets, self.mask, self.eps = offsets, mask, eps
        rows = max(2, min(64, TILE // columns))
        at_least = PROGRAMS // n_sequences
        self.size = longest
        if at_least > 1:
            even = triton.cdiv(length, n_sequences * at_least)
            self.size = max(4 * rows, triton.cdiv(even, rows) * rows)
        self.grid = (n_sequences, triton.cdiv(longest, self.size))
        self.split = self.grid[1] > 1
        double = like.dtype == torch.float64
        self.sum_dtype = torch.float64 if double else torch.float32
        self.shape = {
            "width": width,
            "n_columns": columns,
            "n_rows": rows,
            "sum_type": tl.float64 if double else tl.float32,
            "num_warps": 4 if columns <= 256 else 8,
        }
        self.settings = {"masked": mask is not None, "causal": causal, "split": self.split}

    def totals(self, x: Float[Tensor, "M D"], y: Float[Tensor, "M D"], mask: Int[Tensor, " M"] | None) -> Tensor | None:
        """Return the sum of each part, if sequences are cut into parts."""
        if not self.split:
            return None
        totals = x.new_empty(*self.grid, x.shape[1], dtype=self.sum_dtype)
        strides = x.stride(0), y.stride(0)
        sum_parts[self.grid](
            x, y, mask, self.offsets, totals, *strides, self.size, self.eps, masked=mask is not None, **self.shape
        )
        return totals

    def __call__(self, kernel: Any, *tensors: Any) -> None:
        """Run a kernel over all parts."""
        kernel[self.grid](*tensors, self.size, self.eps, **self.shape, **self.settings)


def _dense(x: Float[Tensor, "M D"]) -> Float[Tensor, "M D"]:
    """Make the features of a position neighbours in memory."""
    return x if x.stride(1) == 1 else x.contiguous()
