"""Causal masking: every position sees itself and the past, and predicts the next item.

Source: SASRec (Kang & McAuley 2018, section III-A and eq. 7 for the shifted targets).
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.config.masking import CausalMaskingConfig
from hydrarec.devices import send
from hydrarec.masking.base import TrainingView, View, bidirectional_visibility, last_positions
from hydrarec.sequences.batches import Batch
from hydrarec.sequences.output_positions import OutputPositions
from hydrarec.sequences.visibility import Visibility


class CausalMasking:
    """Next-item prediction at every position."""

    n_special_tokens = 0

    def __init__(self, config: CausalMaskingConfig, n_items: int) -> None:
        self.config = config

    def training_window(self, max_length: int) -> int:
        """Return `max_length` inputs and the target of the last one."""
        return max_length + 1

    def input_width(self, longest: int) -> int:
        """Return one less than `longest`: the last item is a target only."""
        return longest - 1

    def expected_targets(self, lengths: Int[Tensor, " B"]) -> Float[Tensor, " B"]:
        """Return all but the first item."""
        return (lengths - 1).double()

    def training_view(self, batch: Batch, stream: torch.Generator) -> TrainingView:
        """Shift: the input is all but the last item, the targets are all but the first."""
        # The target's time goes with it: what is known is when the item before was met.
        timestamps = None if batch.timestamps is None else batch.timestamps[:, :-1]
        inputs = Batch(batch.items[:, :-1], batch.lengths - 1, timestamps)
        index = send(inputs.real.flatten().nonzero().squeeze(1), batch.items.device)
        targets = batch.items[:, 1:].flatten()[index]
        return TrainingView(inputs, Visibility(causal=True, padding_mask=None), OutputPositions(index), targets)

    def inference_window(self, max_length: int) -> int:
        """Return `max_length`: the history itself is the input."""
        return max_length

    def inference_view(self, batch: Batch) -> View:
        """Take the newest item's position as the output position."""
        newest = last_positions(batch, bidirectional_visibility(batch))
        return View(batch, Visibility(causal=True, padding_mask=None), newest)
