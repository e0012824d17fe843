"""SASRec's layout: pre-norm blocks with ReLU and scaled item embeddings.

Source: Kang & McAuley 2018, "Self-Attentive Sequential Recommendation", section III, with the details of the
authors' code: queries are normalised while keys and values are not, and each residual branch starts from the
normalised input.
"""

import math

from jaxtyping import Float, Int
from torch import Tensor, nn

from hydrarec.attention.base import State
from hydrarec.config.attention import AttentionConfig
from hydrarec.config.encoder import EncoderConfig
from hydrarec.dropout import Dropout
from hydrarec.models.base import Blueprint
from hydrarec.models.blocks import AttentionLayer, Block, BlockModel, FeedForward
from hydrarec.sequences.output_positions import OutputPositions, select_positions
from hydrarec.sequences.visibility import Visibility


class SasrecBlock(Block):
    """One block; the feed-forward part is D wide inside unless `d_ff` says otherwise."""

    def __init__(self, attention: AttentionConfig, encoder: EncoderConfig) -> None:
        super().__init__()
        d_model = encoder.d_model
        self.attention_norm = nn.LayerNorm(d_model)
        self.attention = AttentionLayer(attention, encoder)
        self.feed_forward_norm = nn.LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, encoder.d_ff or d_model, nn.ReLU(), encoder.dropout)
        self.dropout = Dropout(encoder.dropout)

    def forward(
        self, x: Float[Tensor, "B T D"], visibility: Visibility, output_positions: OutputPositions | None = None
    ) -> Tensor:
        """Apply attention, and the feed-forward part at output positions; see `Block.forward`."""
        queries = self.attention_norm(x)
        return self._transform(
            select_positions(queries, output_positions), self.attention(queries, x, visibility, output_positions)
        )

    def step(self, x: Float[Tensor, "B D"], state: State | None) -> tuple[Float[Tensor, "B D"], State]:
        """Apply both to the next position; see `Block.step`."""
        queries = self.attention_norm(x)
        mixed, state = self.attention.step(queries, x, state)
        return self._transform(queries, mixed), state

    def _transform(self, queries: Float[Tensor, "*batch D"], mixed: Float[Tensor, "*batch D"]) -> Tensor:
        x = self.feed_forward_norm(queries + self.dropout(mixed))
        return x + self.dropout(self.feed_forward(x))


class SasrecModel(BlockModel):
    """SASRec around any attention operator."""

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint)
        encoder = blueprint.encoder
        self.position_embedding = nn.Embedding(encoder.max_length, encoder.d_model)
        self.dropout = Dropout(encoder.dropout)
        self.blocks = nn.ModuleList(SasrecBlock(attention, encoder) for attention in blueprint.attention_by_layer())
        self.final_norm = nn.LayerNorm(encoder.d_model)

    def embed(self, items: Int[Tensor, "*batch"], positions: Int[Tensor, "*positions"]) -> Float[Tensor, "*batch D"]:
        """Return what the first block gets; see `BlockModel.embed`."""
        x = self.item_embedding(items) * math.sqrt(self.encoder_config.d_model)
        return self.dropout(x + self.position_embedding(positions))

    def finish(self, x: Float[Tensor, "*batch D"]) -> Float[Tensor, "*batch D"]:
        """Return the hidden states; see `BlockModel.finish`."""
        return self.final_norm(x)
