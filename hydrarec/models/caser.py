"""Caser: convolutions over the newest L items.

With E the L x D matrix of the embeddings of the L items up to position t, zeros before the first,

    o_{h,k} = max_i relu(<E_{i : i+h-1}, F_{h,k}> + b_{h,k})    heights h = 1 … L, n_horizontal filters k each
    p_k     = sum_l G_{k,l} E_l + g_k                           n_vertical filters k, a vector of D numbers each
    hidden_t = relu(W drop([o; p]) + b)

Source: Tang and Wang 2018, "Personalized top-N sequential recommendation via convolutional sequence embedding", WSDM,
arXiv 1809.07426, sections 3.1-3.3. There a learned vector of the user stands beside the hidden state before the
scores; the histories that models are asked about here carry no user, so there is none, and the output embeddings are
the item embeddings. The paper computes one window and several targets after it at a time; here, as for all models,
every position has its window and predicts the item after it.

All windows are computed together: the horizontal filters run over the whole sequence once, and a running maximum picks
for each position what lies in its window.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Float, Int
from torch import Tensor, nn

from hydrarec.attention.base import State
from hydrarec.config.models import CaserModelConfig
from hydrarec.dropout import Dropout
from hydrarec.models.base import Blueprint, IncrementalModel, OutputLayer
from hydrarec.sequences.batches import Batch
from hydrarec.sequences.output_positions import OutputPositions, select_positions
from hydrarec.sequences.visibility import Visibility


class CaserModel(IncrementalModel):
    """Caser; one layer, whatever `n_layers` says, and what a step remembers are the newest L - 1 embeddings."""

    config: CaserModelConfig

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint)
        encoder = blueprint.encoder
        d_model, self.window = encoder.d_model, self.config.window
        heights = range(1, self.config.window + 1)
        self.horizontal = nn.ModuleList(nn.Conv1d(d_model, self.config.n_horizontal, height) for height in heights)
        self.vertical = nn.Linear(self.config.window, self.config.n_vertical)
        self.dropout = Dropout(encoder.dropout)
        self.output = nn.Linear(
            self.config.window * self.config.n_horizontal + self.config.n_vertical * d_model, d_model
        )
        self.output_bias = nn.Parameter(torch.zeros(self.n_items + 1))

    def encode(self, batch: Batch, visibility: Visibility, output_positions: OutputPositions | None = None) -> Tensor:
        """Return the hidden states; see `SequenceModel.encode`."""
        features = self._convolve(F.pad(self.item_embedding(batch.items), (0, 0, self.window - 1, 0)))
        return self._read(select_positions(features, output_positions))

    def step(self, items: Int[Tensor, " B"], state: State | None) -> tuple[Float[Tensor, "B D"], State]:
        """Take in each history's next item; see `IncrementalModel.step`."""
        x = self.item_embedding(items)[:, None]
        before = x.new_zeros(len(x), self.window - 1, x.shape[-1]) if state is None else state[0]
        x = torch.cat([before, x], dim=1)
        return self._read(self._convolve(x)[:, 0]), (x[:, 1:],)

    def output_layer(self) -> OutputLayer:
        """Return the output embeddings, tied to the item embeddings, and the output bias."""
        return OutputLayer(super().output_layer().weight, self.output_bias)

    def _convolve(self, x: Float[Tensor, "B S D"]) -> Float[Tensor, "B T F"]:
        """Return what the filters found at every position that has L - 1 others before it: S = L - 1 + T."""
        features, columns = [], x.mT
        for height, convolution in enumerate(self.horizontal, start=1):
            found = F.relu(convolution(columns))
            # Not `max_pool1d`, of which a compiler keeps a graph for each length.
            windows = found.unfold(-1, self.window - height + 1, 1)
            features.append(windows.amax(-1).mT)
        features.append(self.vertical(x.unfold(1, self.window, 1)).mT.flatten(2))
        return torch.cat(features, dim=-1)

    def _read(self, features: Float[Tensor, "*batch F"]) -> Float[Tensor, "*batch D"]:
        return F.relu(self.output(self.dropout(features)))
