"""What a masking gives to training and to inference."""

from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.devices import send
from hydrarec.sequences.batches import Batch
from hydrarec.sequences.output_positions import OutputPositions, full_context_positions
from hydrarec.sequences.visibility import Visibility


@dataclass(frozen=True)
class View:
    """A batch as the model sees it."""

    batch: Batch
    """Input items, special tokens included."""
    visibility: Visibility
    """Who sees whom."""
    output_positions: OutputPositions
    """The positions whose hidden states are wanted."""


@dataclass(frozen=True)
class TrainingView(View):
    """A batch with its targets."""

    targets: Int[Tensor, " M"]
    """The item to be predicted at each output position."""


class Masking(Protocol):
    """A masking."""

    n_special_tokens: int
    """Tokens after the N items that need an embedding."""

    def training_window(self, max_length: int) -> int:
        """Return how many of a sequence's newest items a training batch must hold."""
        ...

    def input_width(self, longest: int) -> int:
        """Return how many positions a training view has if its batch holds at most `longest` items of a sequence."""
        ...

    def expected_targets(self, lengths: Int[Tensor, " B"]) -> Float[Tensor, " B"]:
        """Return how many targets sequences of these lengths have on average, cut to the training window; float64."""
        ...

    def training_view(self, batch: Batch, stream: torch.Generator) -> TrainingView:
        """Hide or shift items so that there is something to predict; random choices come from `stream` (on the CPU)."""
        ...

    def inference_window(self, max_length: int) -> int:
        """Return how many of a history's newest items an inference batch must hold."""
        ...

    def inference_view(self, batch: Batch) -> View:
        """Arrange histories so that each row has one output position: that of the item that comes next."""
        ...


def bidirectional_visibility(batch: Batch) -> Visibility:
    """Let all real positions see each other."""
    return Visibility(causal=False, padding_mask=batch.padding_mask)


def last_positions(batch: Batch, visibility: Visibility) -> OutputPositions:
    """Return each row's last real position; under any masking it sees all real ones, as `visibility` says."""
    rows, width = batch.items.shape
    index = send(torch.arange(rows) * width + batch.lengths - 1, batch.items.device)
    return full_context_positions(index, torch.ones_like(batch.lengths), visibility)
