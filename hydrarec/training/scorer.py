"""A trained model as a scorer: case numbers in, hidden states to be multiplied with the output embeddings out."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.masking.base import Masking
from hydrarec.models.base import OutputLayer, SequenceModel
from hydrarec.ranking.tiles import Products
from hydrarec.sequences.batches import gather
from hydrarec.sequences.log import Cases

NUMBERS_PER_PART = 2**18
"""Numbers in the hidden states of what a CPU's thread encodes at once: 1 MiB, so that a layer finds in the cache what
the one before has left."""
ROWS_PER_PART = 32
"""Histories in it at least, or the steps of a recurrence would be products of too few rows."""


class ModelScorer:
    """Scores from a sequence model, in float32 whatever it was trained in.

    Parameters
    ----------
    model
        In evaluation mode when it is called.
    masking
        Arranges histories as the model knows them.
    cases
        What is scored.
    """

    def __init__(self, model: SequenceModel, masking: Masking, cases: Cases) -> None:
        self.model = model
        self.masking = masking
        self.device = model.item_embedding.weight.device
        self.window = masking.inference_window(model.encoder_config.max_length)
        self.log = cases.log.to(self.device)
        self.starts, self.stops = cases.starts.cpu(), cases.stops.cpu()

    @torch.no_grad()
    def __call__(self, rows: Int[Tensor, " B"]) -> Products:
        """Return what the scores of all items (column = item id) for the cases `rows` are products of."""
        if self.model.training:
            raise ValueError("a model in training mode drops activations at random and cannot be ranked")
        hidden = torch.cat([self._encode(part) for part in rows.split(self._n_rows(rows))])
        weight, bias = self.model.output_layer()
        return Products(hidden, OutputLayer(weight.float(), None if bias is None else bias.float()))

    def _encode(self, rows: Int[Tensor, " R"]) -> Float[Tensor, "R D"]:
        batch = gather(self.log, self.starts[rows], self.stops[rows], self.window)
        return self.model(self.masking.inference_view(batch)).float()

    def _n_rows(self, rows: Int[Tensor, " B"]) -> int:
        """Return how many of the cases are encoded at once."""
        if self.device.type != "cpu":
            return len(rows)
        longest = int((self.stops[rows] - self.starts[rows]).max().clamp(max=self.window))
        numbers = torch.get_num_threads() * NUMBERS_PER_PART
        return max(ROWS_PER_PART, numbers // (longest * self.model.encoder_config.d_model))
