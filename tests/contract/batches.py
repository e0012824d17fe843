"""Batches for tests."""

import torch

from hydrarec.sequences.batches import Batch


def batch_of(*rows: list[int]) -> Batch:
    """Return the batch of these item sequences, padded on the right."""
    lengths = torch.tensor([len(row) for row in rows])
    items = torch.zeros(len(rows), int(lengths.max()), dtype=torch.int64)
    for i, row in enumerate(rows):
        items[i, : len(row)] = torch.tensor(row)
    return Batch(items, lengths)
