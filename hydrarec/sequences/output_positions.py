"""Output positions: those whose hidden states are wanted."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.devices import send
from hydrarec.sequences.visibility import Visibility


@dataclass(frozen=True)
class FullContextQueries:
    """Output positions that see all real ones of their rows, as queries side by side: Q in each row."""

    visibility: Visibility
    """What they see: bidirectional, whatever the other positions see."""
    shape: tuple[int, int]
    """Rows B and queries Q, the most that a row has."""
    slots: Int[Tensor, " M"] | None
    """Where they stand in the flattened B x Q rectangle; None: there is one in each row."""

    def pad(self, queries: Float[Tensor, "M D"]) -> Float[Tensor, "B Q D"]:
        """Put queries side by side, with zeros where a row has fewer."""
        if self.slots is not None:
            empty = queries.new_zeros(self.shape[0] * self.shape[1], queries.shape[1])
            queries = empty.index_copy(0, self.slots, queries)
        return queries.view(*self.shape, -1)

    def unpad(self, outputs: Float[Tensor, "B Q D"]) -> Float[Tensor, "M D"]:
        """Return the outputs at these positions, one below the other."""
        rows = outputs.flatten(0, 1)
        return rows if self.slots is None else rows.index_select(0, self.slots)


@dataclass(frozen=True)
class OutputPositions:
    """The positions of a batch whose hidden states are wanted."""

    index: Int[Tensor, " M"]
    """Indices into the flattened B x T rectangle, ascending."""
    full_context: FullContextQueries | None = None
    """Their arrangement if each sees all real positions of its row; None if they may see less."""


def full_context_positions(
    index: Int[Tensor, " M"], per_row: Int[Tensor, " B"], visibility: Visibility
) -> OutputPositions:
    """Return output positions that see all real ones of their rows.

    Parameters
    ----------
    index
        Indices into the flattened B x T rectangle, ascending.
    per_row
        How many of them each row has; on the CPU, so that the shape is known without waiting for a GPU.
    visibility
        What they see: bidirectional.
    """
    n_rows, n_columns = len(per_row), int(per_row.max())
    filled = (torch.arange(n_columns) < per_row[:, None]).flatten()
    # Two and more in every row happen by chance, for which a compiler would keep a graph of its own.
    slots = None if n_columns == 1 else send(filled.nonzero().squeeze(1), index.device)
    return OutputPositions(index, FullContextQueries(visibility, (n_rows, n_columns), slots))


def select_positions(x: Float[Tensor, "B T D"], output_positions: OutputPositions | None) -> Tensor:
    """Return the rows of the output positions.

    Parameters
    ----------
    x
        A row for each position.
    output_positions
        Which are wanted; None: all, which leaves `x` as it is.
    """
    if output_positions is None:
        return x
    rows = x.flatten(0, 1)
    # As many as there are can only be all of them; a compiler would keep a graph for that case and one for the others.
    if not torch.compiler.is_compiling() and len(output_positions.index) == len(rows):
        return rows
    # Plain indexing expects indices that repeat, which takes its backward pass three times as long.
    return rows.index_select(0, output_positions.index)
