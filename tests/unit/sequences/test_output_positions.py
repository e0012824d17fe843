"""Output positions: which, and how they stand side by side as queries."""

import torch

from hydrarec.sequences.output_positions import OutputPositions, full_context_positions, select_positions
from hydrarec.sequences.visibility import Visibility

BIDIRECTIONAL = Visibility(causal=False, padding_mask=None)


def test_they_count_through_the_rows():
    x = torch.arange(2 * 5 * 3).view(2, 5, 3)
    output_positions = OutputPositions(torch.tensor([2, 5, 9]))
    assert torch.equal(select_positions(x, output_positions), torch.stack([x[0, 2], x[1, 0], x[1, 4]]))
    assert select_positions(x, None) is x


def test_queries_stand_side_by_side_and_below_each_other_again():
    rows = torch.arange(1.0, 9.0).view(4, 2)
    full_context = full_context_positions(torch.tensor([1, 6, 8, 9]), torch.tensor([1, 3]), BIDIRECTIONAL).full_context
    padded = full_context.pad(rows)
    assert padded.tolist() == [[[1, 2], [0, 0], [0, 0]], [[3, 4], [5, 6], [7, 8]]]
    assert torch.equal(full_context.unpad(padded), rows)
    assert full_context.visibility is BIDIRECTIONAL


def test_one_in_each_row_needs_no_zeros():
    rows = torch.arange(4.0).view(2, 2)
    full_context = full_context_positions(torch.tensor([1, 9]), torch.tensor([1, 1]), BIDIRECTIONAL).full_context
    assert full_context.slots is None
    assert full_context.pad(rows).data_ptr() == rows.data_ptr()
    assert torch.equal(full_context.unpad(full_context.pad(rows)), rows)


def test_equally_many_in_each_row_are_padded_as_others_are():
    """It happens by chance, and would be a kind of its own for a compiler."""
    rows = torch.arange(8.0).view(4, 2)
    full_context = full_context_positions(torch.tensor([1, 3, 6, 9]), torch.tensor([2, 2]), BIDIRECTIONAL).full_context
    assert full_context.slots is not None
    assert torch.equal(full_context.pad(rows).flatten(0, 1), rows)
    assert torch.equal(full_context.unpad(full_context.pad(rows)), rows)
