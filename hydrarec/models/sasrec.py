"""SASRec's layout: pre-norm blocks with ReLU and scaled item embeddings.

Source: Kang & McAuley 2018, "Self-Attentive Sequential Recommendation", section III, with the details of the
authors' code: queries are normalised while keys and values are not, and each residual branch starts from the
normalised input.
"""

import math

from jaxtyping import Float
from torch import Tensor, nn

from hydrarec.config.attention import AttentionConfig
from hydrarec.config.encoder import EncoderConfig
from hydrarec.models.base import Blueprint, SequenceModel, positions
from hydrarec.models.blocks import AttentionLayer, FeedForward
from hydrarec.sequences.batches import Batch
from hydrarec.sequences.visibility import Visibility


class SasrecBlock(nn.Module):
    """One block; the feed-forward part is D wide inside unless `d_ff` says otherwise."""

    def __init__(self, attention: AttentionConfig, encoder: EncoderConfig) -> None:
        super().__init__()
        d_model = encoder.d_model
        self.attention_norm = nn.LayerNorm(d_model)
        self.attention = AttentionLayer(attention, encoder)
        self.feed_forward_norm = nn.LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, encoder.d_ff or d_model, nn.ReLU(), encoder.dropout)
        self.dropout = nn.Dropout(encoder.dropout)

    def forward(self, x: Float[Tensor, "B T D"], visibility: Visibility) -> Float[Tensor, "B T D"]:
        """Apply attention and the feed-forward part."""
        queries = self.attention_norm(x)
        x = self.feed_forward_norm(queries + self.dropout(self.attention(queries, x, visibility)))
        return x + self.dropout(self.feed_forward(x))


class SasrecModel(SequenceModel):
    """SASRec around any attention operator."""

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint)
        encoder = blueprint.encoder
        self.position_embedding = nn.Embedding(encoder.max_length, encoder.d_model)
        self.dropout = nn.Dropout(encoder.dropout)
        self.blocks = nn.ModuleList(SasrecBlock(attention, encoder) for attention in blueprint.attention_by_layer())
        self.final_norm = nn.LayerNorm(encoder.d_model)

    def encode(self, batch: Batch, visibility: Visibility) -> Float[Tensor, "B T D"]:
        """Return the hidden states; see `SequenceModel.encode`."""
        x = self.item_embedding(batch.items) * math.sqrt(self.encoder_config.d_model)
        x = self.dropout(x + self.position_embedding(positions(batch)))
        for block in self.blocks:
            x = block(x, visibility)
        return self.final_norm(x)
