"""Pieces of work that are measured: what each is called, how it is built, what it takes by formula."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from hydrarec.config.attention import AttentionConfig, SoftmaxAttentionConfig
from hydrarec.config.base import KindConfigModel
from hydrarec.config.benchmark import BenchmarkConfig
from hydrarec.config.efficiency import ALONE
from hydrarec.config.runs import TrainedRun
from hydrarec.efficiency.operations import Operations
from hydrarec.efficiency.rounds import Work

FUSED, MATH = "softmax", "softmax (backend=math)"
"""The alternatives that are measured in any case; the first is what speed is compared with."""
FIXED = "nothing"
"""Axis of what has the size of the configuration."""
ELEMENTS = {"cpu": 2**20, "cuda": 2**24}
"""Numbers in a batch by type of device, unless configured: on a GPU enough to be about more than launches."""
NUMBER_SEED = 0


@dataclass(frozen=True)
class Counted:
    """What a unit of a piece takes by formula; None where there is no formula."""

    operations: Operations | None = None
    mixing: Operations | None = None
    nbytes: float | None = None


@dataclass(frozen=True, kw_only=True)
class Piece(ABC):
    """A piece of work; the fields are columns of `EFFICIENCY_WORK`."""

    part: str
    subject: str
    layout: str = ALONE
    form: str
    work: str
    axis: str = FIXED
    length: int
    width: int
    against: str | None
    units: float

    @property
    def size(self) -> int:
        """What is varied along the axis."""
        return self.width if self.axis == "width" else self.length

    @property
    def series(self) -> tuple[str, ...]:
        """What pieces have in common that differ in nothing but their size."""
        return (self.part, self.subject, self.layout, self.form, self.work, self.axis)

    @property
    def training(self) -> bool:
        """Whether gradients are computed too."""
        return self.work == "training"

    @property
    def why_unfit(self) -> str | None:
        """Why it cannot be built at this size; None if it can."""
        return None

    @abstractmethod
    def build(self, device: torch.device) -> Work:
        """Make its inputs on a device and return one repetition."""

    @abstractmethod
    def count(self) -> Counted:
        """Count what a unit takes."""

    def small(self) -> "Piece | None":
        """Return something small of the same kind, to load its code; None if there is none."""
        return None


@dataclass(frozen=True)
class Size:
    """A size at which operators and blocks are measured."""

    axis: str
    length: int
    width: int
    n_heads: int
    batch: int


def sizes(config: BenchmarkConfig, device: torch.device) -> list[Size]:
    """Return all sizes: lengths at a fixed width, then widths at a fixed length, heads as wide as the encoder's."""
    settings, encoder = config.efficiency, config.encoder
    assert settings is not None
    elements = settings.elements or ELEMENTS[device.type]
    along = [("length", length, settings.d_model) for length in sorted(settings.lengths)]
    along += [("width", settings.length, width) for width in sorted(settings.widths)]
    d_head = encoder.d_model // encoder.n_heads
    return [
        Size(axis, length, width, width // d_head if width % d_head == 0 else 1, max(1, elements // (length * width)))
        for axis, length, width in along
    ]


def name_of(block: KindConfigModel) -> str:
    """Return a part's kind with the settings that are not the default ones.

    >>> name_of(SoftmaxAttentionConfig()), name_of(SoftmaxAttentionConfig(backend="math"))
    ('softmax', 'softmax (backend=math)')
    """
    others = block.model_dump(exclude_defaults=True, exclude={"kind", "last_n_layers"})
    return block.kind + (f" ({', '.join(f'{key}={value}' for key, value in others.items())})" if others else "")


def form_of(causal: bool) -> str:
    """Return what a form is called."""
    return "causal" if causal else "bidirectional"


def operators_of(runs: list[TrainedRun]) -> dict[str, AttentionConfig]:
    """Return the operators of some runs by name, after the alternatives that are measured in any case."""
    found: dict[str, AttentionConfig] = {FUSED: SoftmaxAttentionConfig(), MATH: SoftmaxAttentionConfig(backend="math")}
    for run in runs:
        if run.attention is not None:
            # Which layers use it says nothing about the operator.
            found[name_of(run.attention)] = run.attention.model_copy(update={"last_n_layers": None})
    return found


def numbers(which: int, batch: int, length: int, width: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return normally distributed numbers [B, T, D]; all tensors of one `which` share their memory."""
    wanted = batch * length * width
    # Sizes of a sweep have about as many numbers each, so the next power of two is the same for nearly all.
    flat = _flat(which, 1 << (wanted - 1).bit_length(), device, dtype)
    return flat[:wanted].view(batch, length, width)


def forget_numbers() -> None:
    """Give back the memory of all that `numbers` has made."""
    _flat.cache_clear()


def gradients(forward: Callable[[], Tensor], wanted: Sequence[Tensor], upstream: Tensor) -> tuple[Tensor, ...]:
    """Do both passes as in a model: the output stays in memory only if what made it keeps it for its gradient.

    Parameters
    ----------
    forward
        Makes the output.
    wanted
        What gradients are returned of.
    upstream
        Gradient of the output.
    """
    return torch.autograd.grad(_Followed.apply(forward(), upstream), wanted)


class _Followed(torch.autograd.Function):
    """Stands for the rest of a model, which takes an output and later returns its gradient."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, upstream: Tensor) -> Tensor:
        ctx.upstream = upstream.to(output.dtype)
        return output.new_zeros(())

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        return ctx.upstream, None


@cache
def _flat(which: int, n: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    generator = torch.Generator(device).manual_seed(NUMBER_SEED + which)
    return torch.randn(n, device=device, dtype=dtype, generator=generator)
