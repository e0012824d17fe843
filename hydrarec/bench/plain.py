"""SASRec and BERT4Rec as public PyTorch repositories write them: the alternative that every user has.

Sequences are padded to T, attention adds a dense T x T mask to all scores, every position is scored against every item,
`cross_entropy` skips what is no target, and Adam steps through its parameters one by one. The arithmetic is this
package's, and parameters carry the same names, so that weights can be copied and losses compared step by step.

Sources: Kang & McAuley 2018, section III; Sun et al. 2019, section 3.
"""

import math
from dataclasses import dataclass, replace
from typing import Self

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hydrarec.config.encoder import EncoderConfig
from hydrarec.masking.base import TrainingView

NO_TARGET = -100
"""What stands where nothing is to be predicted."""


@dataclass(frozen=True)
class PlainBatch:
    """A batch with all positions."""

    items: Int[Tensor, "B T"]
    """Input items, 0 at padding, which stands behind."""
    allowed: Bool[Tensor, "B T T"]
    """True = may see (row: who looks)."""
    targets: Int[Tensor, "B T"]
    """Item to be predicted, counted from 0, or `NO_TARGET`."""

    def to(self, device: torch.device) -> Self:
        """Return the batch on a device."""
        return replace(self, **{name: tensor.to(device) for name, tensor in vars(self).items()})


def pad(view: TrainingView, max_length: int) -> PlainBatch:
    """Return a view padded to `max_length` positions."""
    items = view.batch.items
    rows, width = items.shape
    index = view.output_positions.index
    targets = torch.full((rows * width,), NO_TARGET).index_copy(0, index, view.targets - 1).view(rows, width)
    behind = (0, max_length - width)
    real = F.pad(view.batch.real, behind)
    allowed = real[:, None, :].expand(-1, max_length, -1)
    return PlainBatch(
        items=F.pad(items, behind),
        allowed=allowed.tril() if view.visibility.causal else allowed.contiguous(),
        targets=F.pad(targets, behind, value=NO_TARGET),
    )


class PlainAttention(nn.Module):
    """Multi-head attention with a mask and all its weights."""

    def __init__(self, encoder: EncoderConfig, dropout: float) -> None:
        super().__init__()
        self.n_heads, d_model = encoder.n_heads, encoder.d_model
        self.query = nn.Linear(d_model, d_model)
        self.key_value = nn.Linear(d_model, 2 * d_model)
        self.output = nn.Linear(d_model, d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, queries: Float[Tensor, "B T D"], memory: Float[Tensor, "B T D"], allowed: Bool[Tensor, "B T T"]
    ) -> Float[Tensor, "B T D"]:
        """Let queries gather from the memory."""
        parts = (self.query(queries), *self.key_value(memory).chunk(2, dim=-1))
        q, k, v = (part.unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for part in parts)
        scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~allowed[:, None], -math.inf)
        mixed = self.dropout(scores.softmax(-1)) @ v
        return self.output(mixed.transpose(1, 2).flatten(-2))


class PlainSasrecBlock(nn.Module):
    """SASRec's block."""

    def __init__(self, encoder: EncoderConfig, attention_dropout: float) -> None:
        super().__init__()
        d_model = encoder.d_model
        d_ff = encoder.d_ff or d_model
        self.attention_norm = nn.LayerNorm(d_model)
        self.attention = PlainAttention(encoder, attention_dropout)
        self.feed_forward_norm = nn.LayerNorm(d_model)
        self.feed_forward = nn.Sequential(
            nn.Linear(d_model, d_ff), nn.ReLU(), nn.Dropout(encoder.dropout), nn.Linear(d_ff, d_model)
        )
        self.dropout = nn.Dropout(encoder.dropout)

    def forward(self, x: Float[Tensor, "B T D"], allowed: Bool[Tensor, "B T T"]) -> Float[Tensor, "B T D"]:
        """Apply attention and the feed-forward part."""
        queries = self.attention_norm(x)
        x = self.feed_forward_norm(queries + self.dropout(self.attention(queries, x, allowed)))
        return x + self.dropout(self.feed_forward(x))


class PlainSasrec(nn.Module):
    """SASRec with scores of all items at all positions."""

    def __init__(self, encoder: EncoderConfig, n_items: int, attention_dropout: float) -> None:
        super().__init__()
        self.item_embedding = nn.Embedding(n_items + 1, encoder.d_model)
        self.position_embedding = nn.Embedding(encoder.max_length, encoder.d_model)
        self.dropout = nn.Dropout(encoder.dropout)
        self.blocks = nn.ModuleList(PlainSasrecBlock(encoder, attention_dropout) for _ in range(encoder.n_layers))
        self.final_norm = nn.LayerNorm(encoder.d_model)

    def forward(self, items: Int[Tensor, "B T"], allowed: Bool[Tensor, "B T T"]) -> Float[Tensor, "B T N"]:
        """Return the scores."""
        x = self.item_embedding(items) * math.sqrt(self.item_embedding.embedding_dim)
        x = self.dropout(x + self.position_embedding.weight)
        for block in self.blocks:
            x = block(x, allowed)
        return self.final_norm(x) @ self.item_embedding.weight[1:].T


class PlainBert4recBlock(nn.Module):
    """BERT4Rec's block."""

    def __init__(self, encoder: EncoderConfig, attention_dropout: float) -> None:
        super().__init__()
        d_model = encoder.d_model
        d_ff = encoder.d_ff or 4 * d_model
        self.attention = PlainAttention(encoder, attention_dropout)
        self.attention_norm = nn.LayerNorm(d_model)
        self.feed_forward = nn.Sequential(
            nn.Linear(d_model, d_ff), nn.GELU(), nn.Dropout(0.0), nn.Linear(d_ff, d_model)
        )
        self.feed_forward_norm = nn.LayerNorm(d_model)
        self.dropout = nn.Dropout(encoder.dropout)

    def forward(self, x: Float[Tensor, "B T D"], allowed: Bool[Tensor, "B T T"]) -> Float[Tensor, "B T D"]:
        """Apply attention and the feed-forward part."""
        x = self.attention_norm(x + self.dropout(self.attention(x, x, allowed)))
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))


class PlainBert4rec(nn.Module):
    """BERT4Rec with scores of all items at all positions."""

    def __init__(self, encoder: EncoderConfig, n_items: int, attention_dropout: float) -> None:
        super().__init__()
        d_model = encoder.d_model
        # Padding, the items, the mask token.
        self.item_embedding = nn.Embedding(n_items + 2, d_model)
        self.position_embedding = nn.Embedding(encoder.max_length, d_model)
        self.input_norm = nn.LayerNorm(d_model)
        self.dropout = nn.Dropout(encoder.dropout)
        self.blocks = nn.ModuleList(PlainBert4recBlock(encoder, attention_dropout) for _ in range(encoder.n_layers))
        self.output_transform = nn.Sequential(nn.Linear(d_model, d_model), nn.GELU(), nn.LayerNorm(d_model))
        self.output_bias = nn.Parameter(torch.zeros(n_items + 1))

    def forward(self, items: Int[Tensor, "B T"], allowed: Bool[Tensor, "B T T"]) -> Float[Tensor, "B T N"]:
        """Return the scores."""
        x = self.dropout(self.input_norm(self.item_embedding(items) + self.position_embedding.weight))
        for block in self.blocks:
            x = block(x, allowed)
        return self.output_transform(x) @ self.item_embedding.weight[1:-1].T + self.output_bias[1:]


PLAIN = {"sasrec": PlainSasrec, "bert4rec": PlainBert4rec}
"""The two, by the kind of the model they are the alternative to."""


def train_step(model: nn.Module, optimizer: torch.optim.Optimizer, batch: PlainBatch) -> Float[Tensor, ""]:
    """Train on a batch and return its loss, the mean over targets."""
    scores = model(batch.items, batch.allowed)
    loss = F.cross_entropy(scores.flatten(0, 1), batch.targets.flatten(), ignore_index=NO_TARGET)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()
