"""BERT4Rec's layout: post-norm blocks with GELU, and an output transform with bias.

Source: Sun et al. 2019, "BERT4Rec", section 3 (eq. 2-8), with BERT's normalisation of the input embeddings.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hydrarec.config.attention import AttentionConfig
from hydrarec.config.encoder import EncoderConfig
from hydrarec.masking.base import View
from hydrarec.models.base import Blueprint, OutputLayer, SequenceModel, positions
from hydrarec.models.blocks import AttentionLayer, FeedForward
from hydrarec.sequences.batches import Batch
from hydrarec.sequences.visibility import Visibility


class Bert4recBlock(nn.Module):
    """One block; the feed-forward part is 4 D wide inside unless `d_ff` says otherwise."""

    def __init__(self, attention: AttentionConfig, encoder: EncoderConfig) -> None:
        super().__init__()
        d_model = encoder.d_model
        self.attention = AttentionLayer(attention, encoder)
        self.attention_norm = nn.LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, encoder.d_ff or 4 * d_model, nn.GELU(), 0.0)
        self.feed_forward_norm = nn.LayerNorm(d_model)
        self.dropout = nn.Dropout(encoder.dropout)

    def forward(self, x: Float[Tensor, "B T D"], visibility: Visibility) -> Float[Tensor, "B T D"]:
        """Apply attention and the feed-forward part."""
        x = self.attention_norm(x + self.dropout(self.attention(x, x, visibility)))
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))


class Bert4recModel(SequenceModel):
    """BERT4Rec around any attention operator."""

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint)
        encoder = blueprint.encoder
        d_model = encoder.d_model
        self.position_embedding = nn.Embedding(encoder.max_length, d_model)
        self.input_norm = nn.LayerNorm(d_model)
        self.dropout = nn.Dropout(encoder.dropout)
        self.blocks = nn.ModuleList(Bert4recBlock(attention, encoder) for attention in blueprint.attention_by_layer())
        self.output_transform = nn.Sequential(nn.Linear(d_model, d_model), nn.GELU(), nn.LayerNorm(d_model))
        self.output_bias = nn.Parameter(torch.zeros(self.n_items + 1))

    def encode(self, batch: Batch, visibility: Visibility) -> Float[Tensor, "B T D"]:
        """Return the hidden states; see `SequenceModel.encode`."""
        x = self.item_embedding(batch.items) + self.position_embedding(positions(batch))
        x = self.dropout(self.input_norm(x))
        for block in self.blocks:
            x = block(x, visibility)
        return x

    def forward(self, view: View) -> Float[Tensor, "M D"]:
        """Return the transformed hidden states of the asked positions."""
        return self.output_transform(super().forward(view))

    def output_layer(self) -> OutputLayer:
        """Return the output embeddings, tied to the item embeddings, and the output bias."""
        return OutputLayer(super().output_layer().weight, self.output_bias)
