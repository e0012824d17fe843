"""Batches: windows of the log gathered into rectangles, real positions first."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from hydrarec.devices import send
from hydrarec.sequences.log import Log

BUCKET_BATCHES = 16
"""Batches cut from one length-sorted stretch of shuffled users; more of them mean less padding and less shuffling."""


@dataclass(frozen=True)
class Batch:
    """Item sequences, newest item last, padded on the right with 0."""

    items: Int[Tensor, "B T"]
    """Item ids, int64."""
    lengths: Int[Tensor, " B"]
    """Real positions of each row, int64; on the CPU whatever the device of the items, so that the shapes that follow
    from them are known without waiting for a GPU."""
    timestamps: Int[Tensor, "B T"] | None = None
    """When each item was met, int64 seconds, 0 at padding; None unless the model asks for it."""

    @property
    def real(self) -> Bool[Tensor, "B T"]:
        """True = real position, False = padding; on the CPU like the lengths."""
        return torch.arange(self.items.shape[1]) < self.lengths[:, None]

    @property
    def padding_mask(self) -> Bool[Tensor, "B T"] | None:
        """True = real position, on the items' device; None where there is no padding."""
        full = int(self.lengths.min()) == self.items.shape[1]
        return None if full else send(self.real, self.items.device)


def gather(log: Log, starts: Int[Tensor, " B"], stops: Int[Tensor, " B"], max_length: int) -> Batch:
    """Gather the newest `max_length` events of the stretches `starts` to `stops` (exclusive, both on the CPU)."""
    lengths = (stops - starts).clamp(max=max_length)
    device = log.items.device
    first, length = send(torch.stack([stops - lengths, lengths]), device)[:, :, None]
    offsets = torch.arange(int(lengths.max()), device=device)
    real = offsets < length
    index = torch.where(real, first + offsets, 0)
    timestamps = None if log.timestamps is None else torch.where(real, log.timestamps[index], 0)
    return Batch(torch.where(real, log.items[index].long(), 0), lengths, timestamps)


def training_order(log: Log, batch_size: int, max_length: int, stream: np.random.Generator) -> list[np.ndarray]:
    """Draw one epoch's batches of user rows.

    Users are shuffled, cut into stretches of `BUCKET_BATCHES` batches, sorted by length inside each, cut into
    batches, and the batches are shuffled: nearly no padding, and every epoch mixes users anew.

    Parameters
    ----------
    log
        Training sequences.
    batch_size
        Users in a batch; the last may hold fewer.
    max_length
        Length beyond which sequences are cut, and so count as equally long.
    stream
        Random stream of the order; nothing else is drawn from it.

    Returns
    -------
    list of numpy.ndarray
        Row numbers into `log.users`.

    Raises
    ------
    ValueError
        If no sequence has a successor to learn.
    """
    lengths = log.lengths.numpy()
    rows, lengths = stream.permutation(np.flatnonzero(lengths > 1)), lengths.clip(max=max_length)
    if not len(rows):
        raise ValueError(
            f"none of the {len(lengths)} users has 2 training interactions, so there is nothing to learn; under `loo` "
            "that takes users with 4 interactions"
        )
    batches: list[np.ndarray] = []
    for stretch in np.array_split(rows, range(BUCKET_BATCHES * batch_size, len(rows), BUCKET_BATCHES * batch_size)):
        by_length = stretch[np.argsort(lengths[stretch], kind="stable")]
        batches += np.array_split(by_length, range(batch_size, len(by_length), batch_size))
    return [batches[i] for i in stream.permutation(len(batches))]


def training_batches(log: Log, order: list[np.ndarray], max_length: int) -> Iterator[Batch]:
    """Gather the batches of an epoch: the newest `max_length` items of each sequence."""
    for rows in order:
        index = torch.from_numpy(rows)
        yield gather(log, log.offsets[index], log.offsets[index + 1], max_length)
