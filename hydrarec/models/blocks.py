"""Parts that layouts of blocks are built from, and how blocks run: over all positions, or some, or one at a time.

Positions meet where they are mixed and nowhere else. After the last block has mixed them, only the output positions are
computed further; where these see all others and the operator can do with their queries alone, only they attend.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hydrarec.attention.base import AttentionOperator, IncrementalOperator, State
from hydrarec.config.attention import AttentionConfig
from hydrarec.config.encoder import EncoderConfig
from hydrarec.dropout import Dropout
from hydrarec.models.base import SequenceModel, position_ids
from hydrarec.sequences.batches import Batch
from hydrarec.sequences.output_positions import OutputPositions, select_positions
from hydrarec.sequences.visibility import Visibility


class AttentionLayer(nn.Module):
    """Projections around an attention operator: the same for every operator.

    Parameters
    ----------
    attention
        The operator.
    encoder
        Width, heads and length.
    """

    def __init__(self, attention: AttentionConfig, encoder: EncoderConfig) -> None:
        super().__init__()
        d_model = encoder.d_model
        self.query = nn.Linear(d_model, d_model)
        self.key_value = nn.Linear(d_model, 2 * d_model)
        self.operator: AttentionOperator = attention.implementation()(
            attention, d_model=d_model, n_heads=encoder.n_heads, max_length=encoder.max_length
        )
        self.output = nn.Linear(d_model, d_model)

    def forward(
        self,
        queries: Float[Tensor, "B T D"],
        memory: Float[Tensor, "B T D"],
        visibility: Visibility,
        output_positions: OutputPositions | None = None,
    ) -> Tensor:
        """Let every position of `queries` gather from the positions of `memory` that it may see.

        Returns what `select_positions` would of all, having computed others only for operators that need them.
        """
        k, v = self.key_value(memory).chunk(2, dim=-1)
        full_context = output_positions.full_context if output_positions else None
        if full_context is not None and self.operator.supports_query_subset:
            q = full_context.pad(self.query(select_positions(queries, output_positions)))
            mixed = full_context.unpad(self.operator(q, k, v, full_context.visibility))
        else:
            mixed = select_positions(self.operator(self.query(queries), k, v, visibility), output_positions)
        return self.output(mixed)

    def step(
        self, queries: Float[Tensor, "B D"], memory: Float[Tensor, "B D"], state: State | None
    ) -> tuple[Float[Tensor, "B D"], State]:
        """Do so for the next position, causally; see `IncrementalOperator.step`.

        Raises
        ------
        ValueError
            If the operator is not incremental.
        """
        if not isinstance(self.operator, IncrementalOperator):
            raise ValueError(
                f"attention {self.operator.config.kind} is not incremental and cannot take in one item at a time; "
                f"those that can: {', '.join(_incremental_kinds())}"
            )
        k, v = self.key_value(memory).chunk(2, dim=-1)
        mixed, state = self.operator.step(self.query(queries), k, v, state)
        return self.output(mixed), state


def _incremental_kinds() -> list[str]:
    configs = [config.model_construct() for config in AttentionConfig.__subclasses__()]
    return sorted(config.kind for config in configs if issubclass(config.implementation(), IncrementalOperator))


class FeedForward(nn.Sequential):
    """Two linear layers, applied to each position by itself.

    Parameters
    ----------
    d_model
        Width outside.
    d_ff
        Width inside.
    activation
        What stands between.
    dropout
        Dropout after the activation.
    """

    def __init__(self, d_model: int, d_ff: int, activation: nn.Module, dropout: float) -> None:
        super().__init__(nn.Linear(d_model, d_ff), activation, Dropout(dropout), nn.Linear(d_ff, d_model))


class Block(nn.Module, ABC):
    """A layer of a `BlockModel`: positions are mixed, then each is transformed by itself."""

    @abstractmethod
    def forward(
        self, x: Float[Tensor, "B T D"], visibility: Visibility, output_positions: OutputPositions | None = None
    ) -> Tensor:
        """Return what `select_positions` would of all positions, having transformed no others."""

    def step(self, x: Float[Tensor, "B D"], state: State | None) -> tuple[Float[Tensor, "B D"], State]:
        """Apply the block to the next position, causally; a block that is not incremental leaves this out.

        Parameters
        ----------
        x
            The position.
        state
            What the step before returned; None at the first position.

        Returns
        -------
        tuple
            The position's output, equal to that of `forward`, and the new state: always as many tensors.

        Raises
        ------
        ValueError
            If it is not incremental.
        """
        raise ValueError(f"{type(self).__name__} is not incremental and cannot take in one item at a time")


class BlockModel(SequenceModel):
    """A stack of blocks on embeddings of items and, for most, of their positions."""

    blocks: nn.ModuleList
    has_positions: ClassVar[bool] = True
    """Whether positions have embeddings, which end at `max_length`."""

    @abstractmethod
    def embed(self, items: Int[Tensor, "*batch"], positions: Int[Tensor, "*positions"]) -> Float[Tensor, "*batch D"]:
        """Return what the first block gets; positions count from 0 for the oldest item and broadcast over a batch."""

    def finish(self, x: Float[Tensor, "*batch D"]) -> Float[Tensor, "*batch D"]:
        """Return the hidden states after the last block; its outputs unless a model says otherwise."""
        return x

    def encode(self, batch: Batch, visibility: Visibility, output_positions: OutputPositions | None = None) -> Tensor:
        """Return the hidden states; see `SequenceModel.encode`."""
        x = self.embed(batch.items, position_ids(batch))
        *before, last = self.blocks
        for block in before:
            x = block(x, visibility)
        return self.finish(last(x, visibility, output_positions))

    def step(self, items: Int[Tensor, " B"], state: State | None) -> tuple[Float[Tensor, "B D"], State]:
        """Take in each history's next item; see `SequenceModel.step`.

        The state is the number of items so far, on the CPU, and the blocks' states one after the other.
        """
        position, *states = state or (torch.tensor(0),)
        max_length = self.encoder_config.max_length
        if self.has_positions and position >= max_length:
            raise ValueError(
                f"the history has max_length = {max_length} items already, and sums cannot forget the oldest; "
                "begin again without a state from the newest items"
            )
        x = self.embed(items, torch.full_like(items, int(position)))
        after, share = [position + 1], len(states) // len(self.blocks)
        for i, block in enumerate(self.blocks):
            x, new = cast(Block, block).step(x, tuple(states[i * share : (i + 1) * share]) or None)
            after += new
        return self.finish(x), tuple(after)
