"""A trained model as a scorer: case numbers in, hidden states to be multiplied with the output embeddings out."""

import torch
from jaxtyping import Int
from torch import Tensor

from hydrarec.masking.base import Masking
from hydrarec.models.base import OutputLayer, SequenceModel
from hydrarec.ranking.blocks import Products
from hydrarec.sequences.batches import gather
from hydrarec.sequences.log import Cases


class ModelScorer:
    """Scores from a sequence model, in float32 whatever it was trained in.

    Parameters
    ----------
    model
        In evaluation mode when it is called.
    masking
        Arranges histories as the model knows them.
    cases
        What is asked.
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
        view = self.masking.inference_view(gather(self.log, self.starts[rows], self.stops[rows], self.window))
        weight, bias = self.model.output_layer()
        hidden = self.model(view).float()
        return Products(hidden, OutputLayer(weight.float(), None if bias is None else bias.float()))
