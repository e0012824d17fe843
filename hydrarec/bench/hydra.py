"""Hydra attention against fused softmax attention: forward and backward."""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import Tensor

from hydrarec.attention.base import merge_heads, split_heads
from hydrarec.attention.hydra_kernels import hydra, hydra_packed
from hydrarec.bench.base import Case, Conditions, Need
from hydrarec.efficiency.rounds import Subject

TITLE = "Hydra attention"
ABOUT = """The operators alone, forward and backward, on random queries, keys and values of d = 64 without padding.
Softmax is PyTorch's fused kernel with 2 heads, causal, without dropout. *plain* is Hydra in four PyTorch operations
with their own gradients; *packed* the same sequences one behind the other."""
ROUNDS = 21

SIZES = ((128, 50), (128, 200), (16, 1000), (2, 4000))
"""Sequences and their length."""
WIDTH, HEADS = 64, 2
PASSES = 11
"""Tensors of the size of the queries that must be read or written: 4 forward, 7 backward."""

Operator = Callable[[Tensor, Tensor, Tensor], Tensor]


def cases(conditions: Conditions) -> Iterator[Case]:
    """Build a case for every size."""
    for n_sequences, length in ((2, 10),) if conditions.quick else SIZES:
        generator = torch.Generator().manual_seed(0)
        shape = (n_sequences, length, WIDTH)
        q, k, v, weights = (torch.randn(shape, generator=generator).to(conditions.device) for _ in range(4))
        inputs = [x.requires_grad_() for x in (q, k, v)]
        operators: dict[str, Operator] = {
            "Hydra": lambda q, k, v: hydra(q, k, v, causal=True),
            "Hydra, packed": _packed(n_sequences, length, conditions.device),
            "Hydra, bidirectional": lambda q, k, v: hydra(q, k, v, causal=False),
            "Hydra, plain": _plain,
            "softmax": _softmax,
        }
        # A short repetition says more about the machine's other work than about the operator.
        repetitions = 1 if conditions.quick else max(1, 100_000 // (n_sequences * length))
        yield Case(
            name=f"{n_sequences} sequences, T = {length}",
            unit="sequence",
            subjects=[
                Subject(name, _work(operator, inputs, weights, repetitions), units=n_sequences * repetitions)
                for name, operator in operators.items()
            ],
            against="softmax",
            needs={
                name: Need(nbytes=4.0 * PASSES * q.numel() * repetitions) for name in operators if name != "softmax"
            },
        )


def _work(operator: Operator, inputs: list[Tensor], weights: Tensor, repetitions: int) -> Callable[[], None]:
    def work() -> None:
        for _ in range(repetitions):
            torch.autograd.grad(operator(*inputs), inputs, weights)

    return work


def _packed(n_sequences: int, length: int, device: torch.device) -> Operator:
    offsets = torch.arange(n_sequences + 1, device=device) * length

    def operator(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return hydra_packed(*(x.flatten(0, 1) for x in (q, k, v)), offsets, causal=True).view_as(v)

    return operator


def _plain(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return F.normalize(q, dim=-1) * (F.normalize(k, dim=-1) * v).cumsum(1)


def _softmax(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    heads = (split_heads(x, HEADS) for x in (q, k, v))
    return merge_heads(F.scaled_dot_product_attention(*heads, is_causal=True))
