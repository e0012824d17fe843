"""Hydra's paper form over a padded batch or over sequences packed one behind the other, on the fastest way there is.

On a CUDA device with Triton the kernels of `hydra_triton.py` (in bfloat16 only where the device computes with it),
elsewhere the blocks of `hydra_blocks.py`. Both keep queries, keys and values for the gradient, and nothing else of
their size; sums run in float32 for bfloat16 and float16.

Source: Bolya et al. 2022, "Hydra Attention", arXiv 2209.07484, eq. 5-7.
"""

from types import ModuleType

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hydrarec.attention.parts.hydra_blocks import BlockedHydra
from hydrarec.attention.parts.running_sums import BLOCK
from hydrarec.devices import triton_kernels

TRITON = "hydrarec.attention.parts.hydra_triton"
MAX_WIDTH = 2048
"""Features that the Triton kernels hold of a position at once; wider ones are summed in blocks."""


def hydra(
    q: Float[Tensor, "B T D"],
    k: Float[Tensor, "B T D"],
    v: Float[Tensor, "B T D"],
    *,
    causal: bool,
    padding_mask: Bool[Tensor, "B T"] | None = None,
    eps: float = 1e-6,
) -> Float[Tensor, "B T D"]:
    """Mix the values of a padded batch.

    Parameters
    ----------
    q, k, v
        Queries, keys and values; of one type.
    causal
        Positions see only themselves and earlier ones.
    padding_mask
        True = real; None: all are.
    eps
        Smallest norm a query or key is divided by; above 0.

    Notes
    -----
    O(T D) time; O(T) memory beyond inputs and outputs. Second derivatives are not offered.
    """
    batch, length = q.shape[:2]
    offsets = torch.arange(batch + 1, device=q.device) * length
    mask = None if padding_mask is None else padding_mask.flatten()
    mixed = _mix(
        q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1), offsets, mask, causal=causal, eps=eps, longest=length
    )
    return mixed.view_as(v)


def hydra_packed(
    q: Float[Tensor, "M D"],
    k: Float[Tensor, "M D"],
    v: Float[Tensor, "M D"],
    offsets: Int[Tensor, " B1"],
    *,
    causal: bool,
    eps: float = 1e-6,
    longest: int | None = None,
) -> Float[Tensor, "M D"]:
    """Mix the values of sequences that stand one behind the other, without padding.

    Parameters
    ----------
    q, k, v
        Queries, keys and values; of one type.
    offsets
        Where each sequence begins, and where the last one ends: 0, ascending, M. Sequences may be empty.
    causal
        Positions see only themselves and earlier ones.
    eps
        Smallest norm a query or key is divided by; above 0.
    longest
        What no sequence is longer than. A GPU, which need not be waited for to find it out, cuts its work by it; None:
        M.

    Raises
    ------
    ValueError
        If `offsets` is not int64, or, on a CPU, is not what is said above.

    Examples
    --------
    Two sequences of two positions and one, one feature, so that keys and queries become their signs:

    >>> q, k, v = torch.tensor([[2.0], [-2.0], [3.0]]), torch.ones(3, 1), torch.tensor([[1.0], [4.0], [6.0]])
    >>> hydra_packed(q, k, v, torch.tensor([0, 2, 3]), causal=True).flatten()
    tensor([ 1., -5.,  6.])
    """
    if offsets.dtype != torch.int64:
        raise ValueError(f"offsets are {offsets.dtype}; allowed: torch.int64")
    # Elsewhere the values would have to be waited for.
    if offsets.device.type == "cpu" and not _are_valid_offsets(offsets, len(q)):
        raise ValueError(f"offsets are {offsets.tolist()}; allowed: 0, then ascending, then {len(q)}")
    return _mix(q, k, v, offsets, None, causal=causal, eps=eps, longest=len(q) if longest is None else longest)


def should_use_kernel(q: Float[Tensor, "*shape D"]) -> bool:
    """Return whether `hydra` is faster than plain operations for tensors like this one."""
    # A compiler makes kernels of its own from plain operations, in one graph with what is around them.
    if torch.compiler.is_compiling():
        return False
    if q.device.type == "cpu":
        # The blocks are a loop in Python, and one block is none the faster for it.
        return q.numel() > BLOCK
    return _kernels(q) is not None


def _mix(
    q: Float[Tensor, "M D"],
    k: Float[Tensor, "M D"],
    v: Float[Tensor, "M D"],
    offsets: Int[Tensor, " B1"],
    mask: Bool[Tensor, " M"] | None,
    *,
    causal: bool,
    eps: float,
    longest: int,
) -> Float[Tensor, "M D"]:
    if v.numel() == 0:
        # As empty as the result, and it has a gradient.
        return q * k * v
    if kernels := _kernels(q):
        return kernels.TritonHydra.apply(q, k, v, offsets, mask, longest, causal, eps)
    n_sequences = len(offsets) - 1
    ids = torch.arange(n_sequences, device=q.device).repeat_interleave(offsets.diff(), output_size=len(q))
    return BlockedHydra.apply(q, k, v, ids, mask, n_sequences, causal, eps)  # pyright: ignore[reportReturnType]


def _kernels(q: Float[Tensor, "*shape D"]) -> ModuleType | None:
    """Return the Triton kernels if they can be run on tensors like this one."""
    if q.device.type != "cuda" or q.shape[-1] > MAX_WIDTH or (kernels := triton_kernels(TRITON)) is None:
        return None
    if q.dtype != torch.bfloat16 or torch.version.hip:
        return kernels
    # Triton 3.2 translates bfloat16 into instructions that GPUs of NVIDIA have from 8.0 on.
    return kernels if torch.cuda.get_device_capability(q.device) >= (8, 0) else None


def _are_valid_offsets(offsets: Int[Tensor, " B1"], length: int) -> bool:
    whole = len(offsets) > 0 and int(offsets[0]) == 0 and int(offsets[-1]) == length
    return whole and bool((offsets.diff() >= 0).all())
