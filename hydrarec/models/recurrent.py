"""Models whose blocks are a recurrence over positions and a feed-forward part, with norms after the residual sums.

    x = norm(drop(E[item]));   per block: h = norm(x + drop(mixer(x))),   x = norm(h + drop(W_2 drop(gelu(W_1 h))))

No position embeddings: a recurrence knows the order.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from jaxtyping import Float, Int
from torch import Tensor, nn

from hydrarec.attention.base import State
from hydrarec.config.encoder import EncoderConfig
from hydrarec.dropout import Dropout
from hydrarec.models.base import Blueprint, IncrementalModel
from hydrarec.models.blocks import Block, BlockModel, FeedForward
from hydrarec.sequences.output_positions import OutputPositions, select_positions
from hydrarec.sequences.visibility import Visibility


class RecurrentMixer(nn.Module, ABC):
    """The part of a block that lets positions see those before them."""

    @abstractmethod
    def forward(self, x: Float[Tensor, "B T D"], /) -> Float[Tensor, "B T D"]:
        """Mix all positions, causally."""

    @abstractmethod
    def step(self, x: Float[Tensor, "B D"], /, state: State | None) -> tuple[Float[Tensor, "B D"], State]:
        """Mix in the next position; see `Block.step`."""


class RecurrentBlock(Block):
    """One block; the feed-forward part is 4 D wide inside unless `d_ff` says otherwise."""

    def __init__(self, mixer: RecurrentMixer, encoder: EncoderConfig) -> None:
        super().__init__()
        d_model = encoder.d_model
        self.mixer = mixer
        self.mixer_norm = nn.LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, encoder.d_ff or 4 * d_model, nn.GELU(), encoder.dropout)
        self.feed_forward_norm = nn.LayerNorm(d_model)
        self.dropout = Dropout(encoder.dropout)

    def forward(
        self, x: Float[Tensor, "B T D"], visibility: Visibility, output_positions: OutputPositions | None = None
    ) -> Tensor:
        """Apply the mixer, and the feed-forward part at output positions; see `Block.forward`."""
        # Padding stands behind the real items, where a recurrence cannot see it.
        return self._around(select_positions(x, output_positions), select_positions(self.mixer(x), output_positions))

    def step(self, x: Float[Tensor, "B D"], state: State | None) -> tuple[Float[Tensor, "B D"], State]:
        """Apply both to the next position; see `Block.step`."""
        mixed, state = self.mixer.step(x, state)
        return self._around(x, mixed), state

    def _around(self, x: Float[Tensor, "*batch D"], mixed: Float[Tensor, "*batch D"]) -> Tensor:
        x = self.mixer_norm(x + self.dropout(mixed))
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))


class RecurrentMixerModel(BlockModel, IncrementalModel):
    """A stack of such blocks."""

    has_positions: ClassVar[bool] = False

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint)
        encoder = blueprint.encoder
        self.dropout = Dropout(encoder.dropout)
        self.input_norm = nn.LayerNorm(encoder.d_model)
        self.blocks = nn.ModuleList(RecurrentBlock(self.mixer(), encoder) for _ in range(encoder.n_layers))

    @abstractmethod
    def mixer(self) -> RecurrentMixer:
        """Make the mixer of a block from the model's settings."""

    def embed(self, items: Int[Tensor, "*batch"], positions: Int[Tensor, "*positions"]) -> Float[Tensor, "*batch D"]:
        """Return what the first block gets; see `BlockModel.embed`."""
        return self.input_norm(self.dropout(self.item_embedding(items)))
