"""GRU4Rec: a stack of gated recurrent units.

    z_t = sigmoid(W_z x_t + U_z h_{t-1}),  r_t = sigmoid(W_r x_t + U_r h_{t-1})
    h_t = z_t * h_{t-1} + (1 - z_t) * tanh(W x_t + r_t * (U h_{t-1}))

with biases, and a linear layer between the last state and the item scores.

Source: Hidasi et al. 2016, "Session-based recommendations with recurrent neural networks", arXiv 1511.06939, section 3.
That paper has an output embedding of its own and ranking losses over the items of the batch; here, as in the
comparisons that GRU4Rec appears in, the output embedding is the input embedding and the loss is that of all runs. The
reset gate acts after the product with U (cuDNN's order) and not before.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hydrarec.attention.base import State
from hydrarec.dropout import Dropout
from hydrarec.models.base import Blueprint, IncrementalModel
from hydrarec.sequences.batches import Batch
from hydrarec.sequences.output_positions import OutputPositions, select_positions
from hydrarec.sequences.visibility import Visibility


class Gru4recModel(IncrementalModel):
    """GRU4Rec."""

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint)
        encoder = blueprint.encoder
        d_model = encoder.d_model
        self.dropout = Dropout(encoder.dropout)
        # Layer by layer: cuDNN's own dropout between layers draws from a state that cannot be saved, so that a training
        # that is resumed would go another way.
        self.layers = nn.ModuleList(nn.GRU(d_model, d_model, batch_first=True) for _ in range(encoder.n_layers))
        self.output = nn.Linear(d_model, d_model)

    def encode(self, batch: Batch, visibility: Visibility, output_positions: OutputPositions | None = None) -> Tensor:
        """Return the hidden states; see `SequenceModel.encode`."""
        # Padding stands behind the real items, where a recurrence cannot see it.
        x = self.item_embedding(batch.items)
        for layer in self.layers:
            x, _ = _states(layer, self.dropout(x))
        return self.output(select_positions(x, output_positions))

    def step(self, items: Int[Tensor, " B"], state: State | None) -> tuple[Float[Tensor, "B D"], State]:
        """Take in each history's next item; see `IncrementalModel.step`."""
        x = self.item_embedding(items)[:, None]
        new = []
        for layer, before in zip(self.layers, state or [None] * len(self.layers), strict=True):
            x, after = _states(layer, self.dropout(x), before)
            new.append(after)
        return self.output(x[:, 0]), tuple(new)


def _states(layer: nn.Module, x: Float[Tensor, "B T D"], before: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return a layer's states, and the last one as the layer takes it in again."""
    # Whatever autocast's type, cuDNN's recurrent layers would compute in float16, where most gradients become 0.
    with torch.autocast(x.device.type, enabled=False):
        return layer(x, before)
