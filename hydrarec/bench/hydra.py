"""Hydra attention against fused softmax attention: forward and backward."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import Tensor

from hydrarec.attention.base import merge_heads, split_heads
from hydrarec.attention.parts.hydra_kernels import hydra, hydra_packed
from hydrarec.bench.base import Case, Conditions, Need
from hydrarec.efficiency.memory import Limits, probe
from hydrarec.efficiency.pieces import gradients
from hydrarec.efficiency.rounds import Subject, Work

TITLE = "Hydra attention"
ABOUT = """The operators alone, forward and backward, on random queries, keys and values of d = 64 without padding.
Softmax is PyTorch's fused kernel with 2 heads, causal, without dropout. *plain* is Hydra in four PyTorch operations
with their own gradients; *packed* the same sequences one behind the other. Memory is the peak of both passes with
inputs and gradients: on a CPU of a process of their own, on a GPU of what was allocated."""
ROUNDS = 21

SIZES = ((128, 50), (128, 200), (16, 1000), (2, 4000))
"""Sequences and their length."""
WIDTH, HEADS = 64, 2
PASSES = 11
"""Tensors of the size of the queries that must be read or written: 4 forward, 7 backward."""
LIMITS = Limits(seconds=60.0, mib=8192.0)
"""What the repetition may take whose memory is found out."""

Operator = Callable[[Tensor, Tensor, Tensor], Tensor]


def cases(conditions: Conditions) -> Iterator[Case]:
    """Build a case for every size."""
    sizes = ((2, 10),) if conditions.quick else SIZES
    for n_sequences, length in sizes:
        # A short repetition says more about the machine's other work than about the operator.
        repetitions = 1 if conditions.quick else max(1, 100_000 // (n_sequences * length))
        units = float(n_sequences * repetitions)
        need = Need(nbytes=4.0 * PASSES * n_sequences * length * WIDTH * repetitions)
        yield Case(
            name=f"{n_sequences} sequences, T = {length}",
            unit="sequence",
            subjects=[
                Subject(name, _build(name, n_sequences, length, conditions.device, repetitions), units)
                for name in OPERATORS
            ],
            against="softmax",
            needs={name: need for name in OPERATORS if name != "softmax"},
            peak_mib={name: _peak(name, (n_sequences, length), sizes[0], conditions) for name in OPERATORS},
        )


def _build(name: str, n_sequences: int, length: int, device: torch.device, repetitions: int = 1) -> Work:
    generator = torch.Generator().manual_seed(0)
    shape = (n_sequences, length, WIDTH)
    q, k, v, upstream = (torch.randn(shape, generator=generator).to(device) for _ in range(4))
    inputs = [x.requires_grad_() for x in (q, k, v)]
    forward = partial(OPERATORS[name], *inputs)

    def work() -> None:
        for _ in range(repetitions):
            gradients(forward, inputs, upstream)

    return work


def _peak(name: str, size: tuple[int, int], small: tuple[int, int], conditions: Conditions) -> float:
    device = conditions.device
    build, warm_up = (partial(_build, name, *one, device) for one in (size, small))
    found = probe(build, device=device, threads=conditions.threads, limits=LIMITS, warm_up=warm_up)
    if found.peak_mib is None:
        raise RuntimeError(f"memory of {name} at {size[0]} sequences of {size[1]}: {found.failure}")
    return found.peak_mib


def _packed(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    offsets = torch.arange(len(q) + 1, device=q.device) * q.shape[1]
    return hydra_packed(*(x.flatten(0, 1) for x in (q, k, v)), offsets, causal=True, longest=q.shape[1]).view_as(v)


def _plain(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return F.normalize(q, dim=-1) * (F.normalize(k, dim=-1) * v).cumsum(1)


def _softmax(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    heads = (split_heads(x, HEADS) for x in (q, k, v))
    return merge_heads(F.scaled_dot_product_attention(*heads, is_causal=True))


OPERATORS: dict[str, Operator] = {
    "Hydra": partial(hydra, causal=True),
    "Hydra, packed": _packed,
    "Hydra, bidirectional": partial(hydra, causal=False),
    "Hydra, plain": _plain,
    "softmax": _softmax,
}
"""What is timed, by name."""
