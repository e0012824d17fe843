"""Operators alone: queries, keys and values in, mixed values out, over lengths and over widths."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from hydrarec.config.attention import AttentionConfig
from hydrarec.config.benchmark import BenchmarkConfig
from hydrarec.config.encoder import EncoderConfig
from hydrarec.efficiency.operations import TRAINING, Shape, least_bytes, mixing
from hydrarec.efficiency.pieces import (
    FUSED,
    Counted,
    Piece,
    form_of,
    gradients,
    numbers,
    operators_of,
    sizes,
)
from hydrarec.efficiency.rounds import Work
from hydrarec.sequences.visibility import Visibility

SMALL = 16
"""Positions of a sequence in the repetition that loads code."""
SMALL_NUMBERS = 2**19
"""Numbers per tensor in that repetition."""


@dataclass(frozen=True, kw_only=True)
class OperatorPiece(Piece):
    """An operator on a batch."""

    part: str = "operators"
    attention: AttentionConfig
    n_heads: int
    precision: str

    @property
    def why_unfit(self) -> str | None:
        """Why it cannot be built at this size; see `Piece.why_unfit`."""
        return self.attention.why_unfit(EncoderConfig(d_model=self.width, n_heads=self.n_heads, max_length=self.length))

    def build(self, device: torch.device) -> Work:
        """Make queries, keys and values; see `Piece.build`."""
        low = self.precision == "bfloat16"
        # Under autocast, projections hand the operator what they compute: bfloat16.
        dtype = torch.bfloat16 if low else torch.float32
        operator = self.attention.implementation()(
            self.attention, d_model=self.width, n_heads=self.n_heads, max_length=self.length
        )
        operator.to(device).train(self.training)
        batch = int(self.units)
        q, k, v, upstream = (numbers(which, batch, self.length, self.width, device, dtype) for which in range(4))
        visibility = Visibility(causal=self.form == "causal", padding_mask=None)
        leaves = [x.detach().requires_grad_(self.training) for x in (q, k, v)]
        wanted = [*leaves, *operator.parameters()]

        def forward() -> torch.Tensor:
            with torch.autocast(device.type, torch.bfloat16, enabled=low):
                return operator(*leaves, visibility)

        return (lambda: gradients(forward, wanted, upstream)) if self.training else torch.no_grad()(forward)

    def count(self) -> Counted:
        """Count operations and bytes of a sequence; see `Piece.count`."""
        shape = Shape(self.length, self.width, self.n_heads, self.form == "causal", batch=int(self.units))
        operations = mixing(self.attention, shape)
        per_unit = (TRAINING if self.training else 1.0) / self.units
        operations = None if operations is None else operations * per_unit
        nbytes = least_bytes(shape, training=self.training, number_bytes=2 if self.precision == "bfloat16" else 4)
        return Counted(operations, operations, nbytes / self.units)

    def small(self) -> Piece:
        """Return the operator on short sequences."""
        # So many numbers that an operator with a way of its own for large inputs goes it, if it does so here.
        positions = min(self.units * self.length, SMALL_NUMBERS / self.width)
        return replace(self, units=max(1.0, positions // SMALL), length=SMALL)


def operator_pieces(config: BenchmarkConfig, device: torch.device) -> Iterator[OperatorPiece]:
    """Return every operator of a comparison, in the forms it is used in, at all sizes."""
    for causal in (True, False):
        runs = [run for run in config.trained_runs if run.attention and run.masking.causal == causal]
        for name, attention in operators_of(runs).items() if runs else ():
            for size in sizes(config, device):
                for work in ("forward", "training"):
                    yield OperatorPiece(
                        subject=name,
                        form=form_of(causal),
                        work=work,
                        axis=size.axis,
                        length=size.length,
                        width=size.width,
                        against=None if name == FUSED else FUSED,
                        units=float(size.batch),
                        attention=attention,
                        n_heads=size.n_heads,
                        precision=config.training.precision,
                    )
