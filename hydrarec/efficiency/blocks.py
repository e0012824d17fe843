"""Encoder blocks: an operator with its projections, its norms and its feed-forward part, over lengths and widths."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import nn

from hydrarec.attention.base import AttentionOperator
from hydrarec.config.attention import AttentionConfig, SoftmaxAttentionConfig
from hydrarec.config.benchmark import BenchmarkConfig
from hydrarec.config.efficiency import NO_MIXING
from hydrarec.config.encoder import EncoderConfig
from hydrarec.config.models import ModelConfig
from hydrarec.efficiency.no_mixing import without_mixing
from hydrarec.efficiency.operations import TRAINING, Operations, Shape, linear_layers, mixing
from hydrarec.efficiency.operators import SMALL
from hydrarec.efficiency.pieces import (
    FUSED,
    Counted,
    Piece,
    Size,
    form_of,
    gradients,
    name_of,
    numbers,
    operators_of,
    sizes,
)
from hydrarec.efficiency.rounds import Work
from hydrarec.models.base import Blueprint
from hydrarec.sequences.visibility import Visibility


@dataclass(frozen=True, kw_only=True)
class BlockPiece(Piece):
    """An encoder block on a batch."""

    part: str = "blocks"
    model: ModelConfig
    encoder: EncoderConfig
    """Its size: one layer, as long as the sequences."""
    attention: AttentionConfig | None
    """None: no mixing."""
    precision: str

    @property
    def why_unfit(self) -> str | None:
        """Why it cannot be built at this size; see `Piece.why_unfit`."""
        return self.attention.why_unfit(self.encoder) if self.attention else None

    def build(self, device: torch.device) -> Work:
        """Make the block and hidden states; see `Piece.build`."""
        block = self._block().to(device).train(self.training)
        batch = int(self.units)
        x, upstream = (
            numbers(which, batch, self.length, self.width, device, torch.float32).detach() for which in range(2)
        )
        visibility = Visibility(causal=self.form == "causal", padding_mask=None)
        autocast = torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bfloat16")

        def forward() -> torch.Tensor:
            with autocast:
                return block(x, visibility)

        if not self.training:
            return torch.no_grad()(forward)
        x.requires_grad_()
        wanted = [x, *block.parameters()]
        return lambda: gradients(forward, wanted, upstream)

    def count(self) -> Counted:
        """Count the operations of a sequence; see `Piece.count`."""
        block = self._block()
        shape = Shape(self.length, self.width, self.encoder.n_heads, self.form == "causal", batch=int(self.units))
        inside = Operations() if self.attention is None else mixing(self.attention, shape)
        if inside is None:
            return Counted()
        inside = inside * ((TRAINING if self.training else 1.0) / self.units)
        operator = next(one for one in block.modules() if isinstance(one, AttentionOperator))
        around = Operations(linear_layers(block, operator) * self.length * (TRAINING if self.training else 1.0))
        return Counted(around + inside, inside)

    def small(self) -> Piece:
        """Return the block on one short sequence."""
        return replace(self, units=1.0, length=SMALL, encoder=self.encoder.model_copy(update={"max_length": SMALL}))

    def _block(self) -> nn.Module:
        blueprint = Blueprint(self.model, self.encoder, self.attention or SoftmaxAttentionConfig(), 1, 0)
        block = self.model.implementation()(blueprint).blocks[0]
        if self.attention is None:
            without_mixing(block)
        return block


def block_pieces(config: BenchmarkConfig, device: torch.device) -> Iterator[BlockPiece]:
    """Return the blocks of every layout of a comparison around every operator used in it, at all sizes."""
    for causal in (True, False):
        runs = [run for run in config.trained_runs if run.attention and run.masking.causal == causal]
        for layout, model in {name_of(run.model): run.model for run in runs}.items():
            operators = operators_of([run for run in runs if run.model == model])
            for name, attention in {**operators, NO_MIXING: None}.items():
                for size in sizes(config, device):
                    for work in ("forward", "training"):
                        yield BlockPiece(
                            subject=name,
                            layout=layout,
                            form=form_of(causal),
                            work=work,
                            axis=size.axis,
                            length=size.length,
                            width=size.width,
                            against=None if name == FUSED else FUSED,
                            units=float(size.batch),
                            model=model,
                            encoder=_encoder(config.encoder, size),
                            attention=attention,
                            precision=config.training.precision,
                        )


def _encoder(encoder: EncoderConfig, size: Size) -> EncoderConfig:
    """Return the encoder of one block of a size; a configured inner width grows with the outer one."""
    d_ff = encoder.d_ff and encoder.d_ff * size.width // encoder.d_model
    return encoder.model_copy(
        update={"d_model": size.width, "n_heads": size.n_heads, "max_length": size.length, "n_layers": 1, "d_ff": d_ff}
    )
