"""Sizes that operators which cut positions into chunks work in.

All are found by comparisons, for each of which a compiler keeps a graph for many lengths. By arithmetic it would keep
one for each, and reason about remainders in everything that follows, which takes it minutes.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Shaped
from torch import Tensor

FINE = 8
"""Chunks up to which a compiled operator works in exactly as many as it needs."""


class Chunks(NamedTuple):
    """How positions are cut."""

    count: int
    """Chunks."""
    size: int
    """Positions in each, a power of two."""

    def cut(self, x: Shaped[Tensor, "*batch T F"]) -> Shaped[Tensor, "*batch N C F"]:
        """Cut positions into chunks; the last are filled up with zeros."""
        return F.pad(x, (0, 0, 0, self.count * self.size - x.shape[-2])).unflatten(-2, (self.count, self.size))


def chunks(length: int, largest: int) -> Chunks:
    """Return the chunks that positions are cut into.

    Parameters
    ----------
    length
        Positions.
    largest
        Positions in a chunk, a power of two. A sequence that has no more than half of it gets one that is smaller.
    """
    compiling = torch.compiler.is_compiling()
    # With a place to spare, as filling up and cutting off nothing would be a graph of its own.
    places = length + 1 if compiling else length
    size, count = 1, 1
    while size < largest and size < places:
        size *= 2
    while places > count * size:
        # The more there are the coarser: ten thousand positions take no graph for each number of chunks.
        count += max(1, count // FINE) if compiling else 1
    return Chunks(count, size)
