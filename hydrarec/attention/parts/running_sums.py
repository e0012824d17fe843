"""Sums over the positions of a sequence, for sequences that stand one behind the other, in blocks that fit the cache.

    causal         y_t = a_t sum_{s <= t} b_s x_s,   in reverse s >= t
    bidirectional  y_t = a_t sum_s b_s x_s

for each feature by itself. Blocks need not end where sequences end, so lengths may differ without padding. Within a
block positions are added one after the other, in many chunks at once; a matrix product adds what the chunks leave to
each other. That is faster than PyTorch's own running sum, which takes one number at a time, and rounds like sums of
sums.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Float, Int
from torch import Tensor

BLOCK = 262_144
"""Numbers per block and thread: what one operation writes is still in the cache for the next, and the calls cost
little beside the work."""
ADDED = 131_072
"""Numbers that a bidirectional sum adds one after the other, at most: float32 would lose a digit over many more."""
CHUNKS = 128
"""Chunks per block, at most."""
CHUNK_NUMBERS = 16_384
"""Numbers that one place of all chunks holds, where positions are wide: there a block has few positions, and the matrix
product, whose work per number grows with the chunks, would cost more than the sums."""

Terms: TypeAlias = Callable[[slice, Tensor], object]
"""Writes x for a block of positions into a buffer."""
Weights: TypeAlias = Float[Tensor, "M 1"]
Blocks: TypeAlias = Iterator[tuple[slice, Float[Tensor, "R D"]]]
"""Blocks of positions, each with its y, which may be overwritten."""


class RunningSums:
    """Sums over sequences.

    Parameters
    ----------
    ids
        The sequence of each position, ascending from 0; one or more.
    n_sequences
        Sequences B.
    width
        Features D, one or more.
    dtype
        Type of the sums.
    """

    def __init__(self, ids: Int[Tensor, " M"], n_sequences: int, width: int, dtype: torch.dtype) -> None:
        self.n_sequences, self.width, self.dtype = n_sequences, width, dtype
        rows = min(max(1, BLOCK * torch.get_num_threads() // width), len(ids))
        self.chunk = -(-rows // min(CHUNKS, max(1, CHUNK_NUMBERS // width)))
        self.n_chunks = -(-rows // self.chunk)
        self.rows = self.n_chunks * self.chunk
        self.padded = F.pad(ids, (0, -len(ids) % self.rows), value=-1)
        self.ids = self.padded[: len(ids)]
        linked = F.pad(self.padded[1:] == self.padded[:-1], (0, 1)).view(-1, self.n_chunks, self.chunk)[..., :-1]
        linked = linked.permute(0, 2, 1).to(dtype, memory_format=torch.contiguous_format)
        self.links = [block.unbind(0) for block in linked[..., None]]
        """Per block and place in a chunk: 1 where the next position is of the same sequence."""

    def over(self, terms: Terms, outside: Weights, inside: Weights, *, causal: bool, reverse: bool = False) -> Blocks:
        """Sum.

        Parameters
        ----------
        terms
            Gives x.
        outside, inside
            The weights a and b.
        causal
            Sum up to each position; otherwise over the whole sequence.
        reverse
            Causal sums run from the last position to the first, and so do the blocks.
        """
        if causal:
            return self._causal(terms, outside, inside, reverse=reverse)
        return self._bidirectional(terms, outside, inside)

    def _causal(self, terms: Terms, outside: Weights, inside: Weights, *, reverse: bool) -> Blocks:
        chunks = outside.new_zeros(self.n_chunks, self.chunk, self.width)
        flat, step = chunks.flatten(0, 1), -1 if reverse else 1
        places = chunks.unbind(1)[::step]
        between, entering = self._crossings(reverse=reverse)
        carried = chunks.new_zeros(1, self.width)
        for block in self._blocks()[::step]:
            number, sums = block.start // self.rows, flat[: block.stop - block.start]
            terms(block, sums)
            sums.mul_(inside[block])
            flat[len(sums) :].zero_()
            for before, place, link in zip(places, places[1:], self.links[number][::step], strict=False):
                torch.addcmul(place, before, link, out=place)
            # What the block before leaves counts as one more chunk.
            totals = torch.cat((places[-1], carried) if reverse else (carried, places[-1]))
            with torch.autocast(totals.device.type, enabled=False):
                totals = between[number] @ totals
            carried, into = (totals[:1], totals[1:]) if reverse else (totals[-1:], totals[:-1])
            chunks.addcmul_(entering[number], into[:, None])
            yield block, sums.mul_(outside[block])

    def _crossings(self, *, reverse: bool) -> tuple[Float[Tensor, "K N1 N1"], Float[Tensor, "K N C 1"]]:
        """Return, per block, whose totals enter which chunk, and which positions belong to what enters theirs."""
        ids = self.padded.view(-1, self.chunk)
        # Of which sequence a sum is that crosses from one chunk into the next; none crosses at the outer ends.
        crossing = F.pad(ids[:, 0] if reverse else ids[:, -1], (0, 1) if reverse else (1, 0), value=-1)
        before = crossing[1:] if reverse else crossing[:-1]
        entering = (ids == before[:, None]).to(self.dtype).view(-1, self.n_chunks, self.chunk, 1)
        ends = crossing.unfold(0, self.n_chunks + 1, self.n_chunks)
        between = (ends[:, :, None] == ends[:, None]).to(self.dtype)
        return between.triu_() if reverse else between.tril_(), entering

    def _bidirectional(self, terms: Terms, outside: Weights, inside: Weights) -> Blocks:
        totals = outside.new_zeros(self.n_sequences, self.width)
        buffer = outside.new_zeros(self.rows, self.width)
        for block in self._blocks():
            own, ids = buffer[: block.stop - block.start], self.ids[block]
            terms(block, own)
            own.mul_(inside[block])
            n_added = max(1, ADDED // self.width)
            for part, part_ids in zip(own.split(n_added), ids.split(n_added), strict=True):
                first, last = int(part_ids[0]), int(part_ids[-1])
                zeros = own.new_zeros(last + 1 - first, self.width)
                totals[first : last + 1] += zeros.index_add_(0, part_ids - first, part)
        for block in self._blocks():
            own = buffer[: block.stop - block.start]
            yield block, torch.index_select(totals, 0, self.ids[block], out=own).mul_(outside[block])

    def _blocks(self) -> list[slice]:
        length = len(self.ids)
        return [slice(first, min(first + self.rows, length)) for first in range(0, length, self.rows)]
