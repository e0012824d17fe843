"""Made-up batches to warm up with: one of each kind for which kernels or compiled graphs differ."""

import itertools
from collections.abc import Iterator

import torch

from hydrarec.config import RunSettings
from hydrarec.masking.base import Masking, TrainingView
from hydrarec.sequences.batches import Batch
from hydrarec.sequences.chunks import Chunks, chunks
from hydrarec.sequences.log import Log

LIKE_WIDTHS = 16
"""Widths of batches, from a multiple of it to the next, for which kernels and graphs are the same; of fewer positions
there are kinds up to each power of two. No operator works in smaller chunks."""
DRAWS = 4
"""Draws of hidden items among which a kind is looked for."""


def one_of_each_kind(
    log: Log, masking: Masking, settings: RunSettings, n_items: int, device: torch.device
) -> Iterator[TrainingView]:
    """Yield a view of each kind: its width, as models see it, its rows, whether it has padding or several outputs.

    Parameters
    ----------
    log
        What is trained on; its lengths say which widths there will be.
    masking
        What makes training views.
    settings
        Batch size, window and whether the model is compiled.
    n_items
        Items of the catalogue.
    device
        Where the model is.
    """
    training, n_users = settings.training, int((log.lengths > 1).sum())
    sizes = {min(training.batch_size, n_users), n_users % training.batch_size} - {0}
    widths = _longest_of_each_kind(log, masking, masking.training_window(settings.encoder.max_length), sizes)
    if device.type == "cpu" and not training.compile:
        # Nothing is compiled there, and a step of every kind would take as long as much of an epoch.
        widths = widths[-1:]
    stream = torch.Generator()
    # The largest first: what is allocated for it does for the others.
    for longest, n_rows, padding in itertools.product(reversed(widths), sorted(sizes)[::-1], (1, 0)):
        if not padding or (n_rows > 1 and longest > 2):
            batch = _dummy_batch(n_rows, longest, padding, n_items, device, timed=log.timestamps is not None)
            views = [masking.training_view(batch, stream) for _ in range(DRAWS)]
            yield from {_several_in_a_row(view): view for view in views}.values()


def _longest_of_each_kind(log: Log, masking: Masking, window: int, sizes: set[int]) -> list[int]:
    """Return lengths of sequences, ascending, one for each kind of width that batches of a log will have.

    Of a kind with several, one is taken with which no batch of one of the `sizes` has as many rows as positions:
    `torch.compile` would take these for one number, in all batches to come.
    """
    kinds: dict[Chunks, int] = {}
    for longest in log.lengths[log.lengths > 1].clamp(max=window).unique().tolist():
        width = masking.input_width(longest)
        # Compiled operators have a place to spare.
        kind = chunks(width + 1, LIKE_WIDTHS)
        if kind not in kinds or not sizes & {width, longest}:
            kinds[kind] = longest
    return list(kinds.values())


def _dummy_batch(n_rows: int, longest: int, padding: int, n_items: int, device: torch.device, *, timed: bool) -> Batch:
    """Return a batch whose first row lacks `padding` items."""
    lengths = torch.full((n_rows,), longest)
    lengths[0] -= padding
    places = torch.arange(n_rows * longest, device=device).view(n_rows, longest)
    real = torch.arange(longest, device=device) < lengths.to(device)[:, None]
    return Batch((places % n_items + 1) * real, lengths, places * real if timed else None)


def _several_in_a_row(view: TrainingView) -> bool:
    return view.output_positions.full_context is not None and view.output_positions.full_context.shape[1] > 1
