"""Bidirectional masking (Cloze): hidden items are predicted from both sides.

Source: BERT4Rec (Sun et al. 2019, section 3.6): items are hidden at random in training; at inference a mask
token stands behind the history. As that is never seen in training otherwise, a share of the training
sequences has just its last item hidden.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hydrarec.config.masking import BidirectionalMaskingConfig
from hydrarec.devices import send
from hydrarec.masking.base import TrainingView, View, bidirectional_visibility, last_positions
from hydrarec.sequences.batches import Batch
from hydrarec.sequences.output_positions import full_context_positions


class BidirectionalMasking:
    """Masked item prediction."""

    n_special_tokens = 1

    def __init__(self, config: BidirectionalMaskingConfig, n_items: int) -> None:
        self.config = config
        self.mask_token = n_items + 1

    def training_window(self, max_length: int) -> int:
        """Return `max_length`: the input and its targets are the same items."""
        return max_length

    def input_width(self, longest: int) -> int:
        """Return `longest`: hidden items keep their positions."""
        return longest

    def expected_targets(self, lengths: Int[Tensor, " B"]) -> Float[Tensor, " B"]:
        """Return what is hidden on average: a share of each sequence, or one item where that is none."""
        share, only_last = self.config.mask_probability, self.config.last_item_probability
        lengths = lengths.double()
        return only_last + (1 - only_last) * (share * lengths + (1 - share) ** lengths)

    def training_view(self, batch: Batch, stream: torch.Generator) -> TrainingView:
        """Hide items at random, at least one per row; in a share of the rows just the last one."""
        rows, width = batch.items.shape
        device = batch.items.device
        # Drawn on the CPU whatever the device: a seed then hides the same items everywhere, and how many is known.
        draws = torch.rand(rows, width, generator=stream)
        only_last = torch.rand(rows, generator=stream) < self.config.last_item_probability
        real = batch.real
        lowest = draws.masked_fill(~real, torch.inf).argmin(1, keepdim=True)

        hidden = ((draws < self.config.mask_probability) & real).scatter(1, lowest, True)
        last = torch.arange(width) == (batch.lengths - 1)[:, None]
        hidden = torch.where(only_last[:, None], last, hidden)
        index = send(hidden.flatten().nonzero().squeeze(1), device)
        shown = send(real & ~hidden, device)

        items = batch.items.flatten().index_fill(0, index, self.mask_token).view_as(batch.items)
        inputs = Batch(items, batch.lengths, _known_times(batch, shown))
        visibility = bidirectional_visibility(inputs)
        positions = full_context_positions(index, hidden.sum(1), visibility)
        return TrainingView(inputs, visibility, positions, batch.items.flatten()[index])

    def inference_window(self, max_length: int) -> int:
        """Return one less than `max_length`: the mask token needs a position."""
        return max_length - 1

    def inference_view(self, batch: Batch) -> View:
        """Put the mask token behind each history; its position is the output position."""
        items = torch.cat([batch.items, torch.zeros_like(batch.items[:, :1])], dim=1)
        items = items.scatter(1, send(batch.lengths, items.device)[:, None], self.mask_token)
        inputs = Batch(items, batch.lengths + 1, _times_with_mask_token(batch))
        visibility = bidirectional_visibility(inputs)
        return View(inputs, visibility, last_positions(inputs, visibility))


def _known_times(batch: Batch, shown: Bool[Tensor, "B T"]) -> Int[Tensor, "B T"] | None:
    """Give each hidden item the time of the shown one before it, as at inference; its own belongs to the target."""
    if batch.timestamps is None:
        return None
    positions = torch.arange(shown.shape[1], device=shown.device)
    before = torch.where(shown, positions, -1).cummax(1).values
    # Where nothing is shown before, the first shown item lends its time.
    source = torch.where(before < 0, shown.int().argmax(1, keepdim=True), before)
    return torch.where(shown.any(1, keepdim=True), batch.timestamps.gather(1, source), 0)


def _times_with_mask_token(batch: Batch) -> Int[Tensor, "B T1"] | None:
    """Give the mask token behind each history the time of the newest item."""
    if batch.timestamps is None:
        return None
    lengths = send(batch.lengths, batch.timestamps.device)[:, None]
    newest = batch.timestamps.gather(1, lengths - 1)
    return F.pad(batch.timestamps, (0, 1)).scatter(1, lengths, newest)
