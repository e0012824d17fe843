"""BERT4Rec's layout: post-norm blocks with GELU, and an output transform with bias.

Source: Sun et al. 2019, "BERT4Rec", section 3 (eq. 2-8), with BERT's normalisation of the input embeddings.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hydrarec.attention.base import State
from hydrarec.config.attention import AttentionConfig
from hydrarec.config.encoder import EncoderConfig
from hydrarec.dropout import Dropout
from hydrarec.models.base import Blueprint, OutputLayer
from hydrarec.models.blocks import AttentionLayer, Block, BlockModel, FeedForward
from hydrarec.sequences.output_positions import OutputPositions, select_positions
from hydrarec.sequences.visibility import Visibility


class Bert4recBlock(Block):
    """One block; the feed-forward part is 4 D wide inside unless `d_ff` says otherwise."""

    def __init__(self, attention: AttentionConfig, encoder: EncoderConfig) -> None:
        super().__init__()
        d_model = encoder.d_model
        self.attention = AttentionLayer(attention, encoder)
        self.attention_norm = nn.LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, encoder.d_ff or 4 * d_model, nn.GELU(), 0.0)
        self.feed_forward_norm = nn.LayerNorm(d_model)
        self.dropout = Dropout(encoder.dropout)

    def forward(
        self, x: Float[Tensor, "B T D"], visibility: Visibility, output_positions: OutputPositions | None = None
    ) -> Tensor:
        """Apply attention, and the feed-forward part at output positions; see `Block.forward`."""
        return self._transform(
            select_positions(x, output_positions), self.attention(x, x, visibility, output_positions)
        )

    def step(self, x: Float[Tensor, "B D"], state: State | None) -> tuple[Float[Tensor, "B D"], State]:
        """Apply both to the next position; see `Block.step`."""
        mixed, state = self.attention.step(x, x, state)
        return self._transform(x, mixed), state

    def _transform(self, x: Float[Tensor, "*batch D"], mixed: Float[Tensor, "*batch D"]) -> Tensor:
        x = self.attention_norm(x + self.dropout(mixed))
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))


class Bert4recModel(BlockModel):
    """BERT4Rec around any attention operator."""

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint)
        encoder = blueprint.encoder
        d_model = encoder.d_model
        self.position_embedding = nn.Embedding(encoder.max_length, d_model)
        self.input_norm = nn.LayerNorm(d_model)
        self.dropout = Dropout(encoder.dropout)
        self.blocks = nn.ModuleList(Bert4recBlock(attention, encoder) for attention in blueprint.attention_by_layer())
        self.output_transform = nn.Sequential(nn.Linear(d_model, d_model), nn.GELU(), nn.LayerNorm(d_model))
        self.output_bias = nn.Parameter(torch.zeros(self.n_items + 1))

    def embed(self, items: Int[Tensor, "*batch"], positions: Int[Tensor, "*positions"]) -> Float[Tensor, "*batch D"]:
        """Return what the first block gets; see `BlockModel.embed`."""
        return self.dropout(self.input_norm(self.item_embedding(items) + self.position_embedding(positions)))

    def finish(self, x: Float[Tensor, "*batch D"]) -> Float[Tensor, "*batch D"]:
        """Return the hidden states; see `BlockModel.finish`."""
        return self.output_transform(x)

    def output_layer(self) -> OutputLayer:
        """Return the output embeddings, tied to the item embeddings, and the output bias."""
        return OutputLayer(super().output_layer().weight, self.output_bias)
