"""HSTU: pointwise attention, not normalised over positions, with a gate in place of a feed-forward part.

    U, V, Q, K = silu(W norm(x))
    A_ts = silu(Q_t . K_s + r_{t-s} + r'_{b(t, s)}) / T              per head; s visible to t
    x   = x + W_o drop(norm(A V) * U)

r is learnt for every distance in positions. r', only with `timestamps`, is learnt for every bucket of the time between
two events, b = floor(ln(max(|seconds|, 1)) / 0.301), 0 to 128. Both belong to the layer and are shared by its heads. T
is the largest length the model sees, whatever that of the sequence.

Around the layers: x = drop(sqrt(D) E[item] + P[position]), and a norm at the end.

Source: Zhai et al. 2024, "Actions speak louder than words", arXiv 2402.17152, eq. 1-3, with the details of the authors'
code: norms inside the layer have no weights, the projection to U, V, Q, K has no bias. It differs in these:

* The time of t is when t's own item was met. The authors' code takes when the item after it was met, which is the time
  of the target; here nothing about a target is known when it is predicted.
* The last norm is SASRec's; theirs divides by the L2 norm and scores with a temperature.
* Bidirectional masking is this project's: the formula is the same with every real position visible.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Float, Int
from torch import Tensor, nn

from hydrarec.attention.base import merge_heads, split_heads
from hydrarec.config.encoder import EncoderConfig
from hydrarec.config.models import HstuModelConfig
from hydrarec.dropout import Dropout
from hydrarec.models.base import Blueprint, SequenceModel, position_ids
from hydrarec.sequences.batches import Batch
from hydrarec.sequences.output_positions import OutputPositions, select_positions
from hydrarec.sequences.visibility import Visibility

NORM_EPS = 1e-6
"""Added to the variances inside the layer. It counts: untrained, the variance of A V is smaller."""
TIME_BUCKETS = 128
"""Highest bucket of the time between two events; 10 years are in bucket 65."""
BUCKET_WIDTH = 0.301
"""Logarithm of the factor from one bucket's first second to the next one's: a third more."""


def bucket_begins() -> Int[Tensor, " buckets"]:
    """Return the seconds at which the buckets from the second on begin."""
    # Whole ones: no logarithm that rounds differently on another device.
    return torch.tensor([math.ceil(math.exp(BUCKET_WIDTH * bucket)) for bucket in range(1, TIME_BUCKETS + 1)])


def time_buckets(timestamps: Int[Tensor, "B T"], begins: Int[Tensor, " buckets"]) -> Int[Tensor, "B T T"]:
    """Return the bucket of the time between every two events of a row.

    Parameters
    ----------
    timestamps
        When they happened, in seconds.
    begins
        What `bucket_begins` returns, where the timestamps are.
    """
    between = (timestamps[:, :, None] - timestamps[:, None, :]).abs()
    return torch.bucketize(between, begins, right=True)


class RelativeBias(nn.Module):
    """What distance adds to the products of queries and keys.

    Parameters
    ----------
    max_length
        Largest T.
    with_time
        Whether the distance in time counts, beside that in positions.
    """

    def __init__(self, max_length: int, with_time: bool) -> None:
        super().__init__()
        self.max_length = max_length
        self.by_position = nn.Embedding(2 * max_length - 1, 1)
        self.by_time = nn.Embedding(TIME_BUCKETS + 1, 1) if with_time else None

    def forward(self, length: int, buckets: Int[Tensor, "B T T"] | None) -> Float[Tensor, "*B T T"]:
        """Return the bias of every position (row: who looks) for every other."""
        position = torch.arange(length, device=self.by_position.weight.device)
        bias = _look_up(self.by_position, position[:, None] - position + self.max_length - 1)
        return bias if self.by_time is None or buckets is None else bias + _look_up(self.by_time, buckets)


def _look_up(table: nn.Embedding, index: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    # An embedding's own backward pass takes many times as long at width 1.
    return table.weight.squeeze(1).index_select(0, index.flatten()).view_as(index)


class HstuLayer(nn.Module):
    """One layer; U, V, Q and K are D wide."""

    def __init__(self, config: HstuModelConfig, encoder: EncoderConfig) -> None:
        super().__init__()
        d_model = encoder.d_model
        self.n_heads = encoder.n_heads
        self.max_length = encoder.max_length
        self.input_norm = nn.LayerNorm(d_model, eps=NORM_EPS, elementwise_affine=False)
        self.input = nn.Linear(d_model, 4 * d_model, bias=False)
        self.bias = RelativeBias(encoder.max_length, config.timestamps)
        self.mixed_norm = nn.LayerNorm(d_model, eps=NORM_EPS, elementwise_affine=False)
        self.dropout = Dropout(encoder.dropout)
        self.output = nn.Linear(d_model, d_model)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        visibility: Visibility,
        buckets: Int[Tensor, "B T T"] | None,
        output_positions: OutputPositions | None = None,
    ) -> Tensor:
        """Let every position, or every output position, gather from those it may see."""
        u, v, q, k = F.silu(self.input(self.input_norm(x))).chunk(4, dim=-1)
        v = v / self.max_length
        if visibility.padding_mask is not None:
            v = v * visibility.padding_mask[..., None]
        q, k, v = (split_heads(part, self.n_heads) for part in (q, k, v))
        weights = F.silu(q @ k.mT + self.bias(x.shape[1], buckets).unsqueeze(-3))
        mixed = merge_heads((weights.tril() if visibility.causal else weights) @ v)
        x, mixed, u = (select_positions(part, output_positions) for part in (x, mixed, u))
        return x + self.output(self.dropout(self.mixed_norm(mixed) * u))


class HstuModel(SequenceModel):
    """HSTU, without and with time."""

    config: HstuModelConfig
    begins: Tensor

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint)
        encoder = blueprint.encoder
        self.position_embedding = nn.Embedding(encoder.max_length, encoder.d_model)
        self.dropout = Dropout(encoder.dropout)
        self.layers = nn.ModuleList(HstuLayer(self.config, encoder) for _ in range(encoder.n_layers))
        self.final_norm = nn.LayerNorm(encoder.d_model)
        # No part of a checkpoint. Kept on the device, as a compiler cannot look into how a tensor is sent there.
        self.register_buffer("begins", bucket_begins(), persistent=False)

    def encode(self, batch: Batch, visibility: Visibility, output_positions: OutputPositions | None = None) -> Tensor:
        """Return the hidden states; see `SequenceModel.encode`.

        Raises
        ------
        ValueError
            If the model is configured with timestamps and the batch has none.
        """
        x = self.item_embedding(batch.items) * math.sqrt(self.encoder_config.d_model)
        x = self.dropout(x + self.position_embedding(position_ids(batch)))
        buckets = self._buckets(batch)
        *before, last = self.layers
        for layer in before:
            x = layer(x, visibility, buckets)
        return self.final_norm(last(x, visibility, buckets, output_positions))

    def _buckets(self, batch: Batch) -> Int[Tensor, "B T T"] | None:
        if not self.config.timestamps:
            return None
        if batch.timestamps is None:
            raise ValueError("model hstu with timestamps: true got a batch without; read the log with_timestamps")
        return time_buckets(batch.timestamps, self.begins)
