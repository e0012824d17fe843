"""Scores of a batch, tile by tile: a few rows at a time, so that they are computed, counted and forgotten in cache.

A scorer may leave its last step, hidden states times output embeddings, to be done here: then a batch of scores never
goes through main memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from hydrarec.models.base import OutputLayer

CACHED_SCORES = 2**21
"""Scores of a tile on a CPU: 8 MiB. Fewer would still be in a faster cache when they are counted, but each tile reads
all output embeddings, which costs more."""
FEWEST_ROWS = 16
"""Rows for which a tile on a CPU has room, however many items. Tiles are about as long as each other, most of them
longer than half of it: products of very few rows are slow, and may be rounded otherwise."""
ITEMS_PER_PRODUCT = 2048
"""Items in one matrix product on a CPU: with all of a large catalogue, its operands would not stay in the cache."""


@dataclass(frozen=True)
class Products:
    """Scores that are still to be multiplied out: score_i = hidden . weight_i + bias_i."""

    hidden: Float[Tensor, "B D"]
    """Hidden state of each case, float32."""
    output: OutputLayer
    """Output embeddings of all items, float32, on the same device."""

    @property
    def shape(self) -> torch.Size:
        """Return the shape of the scores."""
        return torch.Size((len(self.hidden), len(self.output.weight)))

    @property
    def dtype(self) -> torch.dtype:
        """Return the type of the scores."""
        return torch.promote_types(self.hidden.dtype, self.output.weight.dtype)

    @property
    def device(self) -> torch.device:
        """Return where the scores are."""
        return self.hidden.device


@dataclass(frozen=True)
class ScoreTile:
    """Scores of some rows of a batch; they last until the next tile is asked for, and may be written to."""

    rows: slice
    """Which rows of the batch."""
    values: Float[Tensor, "R N"]
    """Scores of the items 1..N."""
    spare: Float[Tensor, "R N"]
    """Memory for a result of the same shape; its content means nothing."""


class ScoreTiles:
    """Cuts batches of scores into tiles, all in the same memory: threads need one each.

    Parameters
    ----------
    n_items
        Items of the data set, N.
    """

    def __init__(self, n_items: int) -> None:
        self.n_items = n_items
        self._memory = torch.empty(2, 0, 0)

    def of(self, scores: Tensor | Products, n_rows: int, part: slice | None = None) -> Iterator[ScoreTile]:
        """Yield the tiles of a batch; on a GPU it is one, since few launches are best there.

        Parameters
        ----------
        scores
            What a scorer returned.
        n_rows
            Rows of the batch.
        part
            Rows that are wanted, all of them unless said; with both ends.

        Raises
        ------
        ValueError
            If the scores are not float32, or of another shape.
        """
        self._check(scores, n_rows)
        part = part or slice(0, n_rows)
        n_wanted = part.stop - part.start
        on_cpu = scores.device.type == "cpu"
        most_rows = max(FEWEST_ROWS, CACHED_SCORES // scores.shape[1]) if on_cpu else n_wanted
        for rows in evenly(part, -(-n_wanted // most_rows)):
            memory = self._room(min(most_rows, n_wanted), scores)[:, : rows.stop - rows.start]
            _write(scores, rows, memory[0])
            yield ScoreTile(rows, memory[0][:, 1 : self.n_items + 1], memory[1][:, 1 : self.n_items + 1])

    def _check(self, scores: Tensor | Products, n_rows: int) -> None:
        if scores.dtype != torch.float32:
            raise ValueError(f"scores are {scores.dtype}; ranking needs float32, lower precision makes ties")
        if len(scores.shape) != 2 or scores.shape[0] != n_rows or scores.shape[1] <= self.n_items:
            raise ValueError(
                f"scores have shape {tuple(scores.shape)}; expected {n_rows} rows and at least {self.n_items + 1} "
                "columns, one per item id from 0"
            )

    def _room(self, n_rows: int, scores: Tensor | Products) -> Float[Tensor, "2 R N1"]:
        held, width = self._memory, scores.shape[1]
        if held.device != scores.device or held.shape[1] < n_rows or held.shape[2] != width:
            self._memory = torch.empty(2, n_rows, width, device=scores.device)
        return self._memory


def evenly(rows: slice, n_parts: int) -> list[slice]:
    """Cut rows into parts that are about as long as each other."""
    ends = (rows.start + (rows.stop - rows.start) * part // n_parts for part in range(n_parts + 1))
    return [slice(first, stop) for first, stop in pairwise(ends)]


def _write(scores: Tensor | Products, rows: slice, out: Tensor) -> None:
    if isinstance(scores, Tensor):
        out.copy_(scores[rows])
        return
    n_items = ITEMS_PER_PRODUCT if out.device.type == "cpu" else out.shape[1]
    for columns, items in zip(out.split(n_items, dim=1), scores.output.weight.split(n_items), strict=True):
        torch.mm(scores.hidden[rows], items.T, out=columns)
    if scores.output.bias is not None:
        out.add_(scores.output.bias)
