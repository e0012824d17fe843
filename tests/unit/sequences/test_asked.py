"""Asked positions: which, and how they stand side by side as queries."""

import torch

from hydrarec.sequences.asked import Asked, all_seeing, asked
from hydrarec.sequences.visibility import Visibility

EVERYTHING = Visibility(causal=False, padding_mask=None)


def test_they_count_through_the_rows():
    x = torch.arange(2 * 5 * 3).view(2, 5, 3)
    where = Asked(torch.tensor([2, 5, 9]))
    assert torch.equal(asked(x, where), torch.stack([x[0, 2], x[1, 0], x[1, 4]]))
    assert asked(x, None) is x


def test_queries_stand_side_by_side_and_are_picked_again():
    rows = torch.arange(1.0, 9.0).view(4, 2)
    overview = all_seeing(torch.tensor([1, 6, 8, 9]), torch.tensor([1, 3]), EVERYTHING).overview
    arranged = overview.arranged(rows)
    assert arranged.tolist() == [[[1, 2], [0, 0], [0, 0]], [[3, 4], [5, 6], [7, 8]]]
    assert torch.equal(overview.picked(arranged), rows)
    assert overview.visibility is EVERYTHING


def test_one_in_each_row_needs_no_zeros():
    rows = torch.arange(4.0).view(2, 2)
    overview = all_seeing(torch.tensor([1, 9]), torch.tensor([1, 1]), EVERYTHING).overview
    assert overview.slots is None
    assert overview.arranged(rows).data_ptr() == rows.data_ptr()
    assert torch.equal(overview.picked(overview.arranged(rows)), rows)


def test_equally_many_in_each_row_are_arranged_as_others_are():
    """It happens by chance, and would be a kind of its own for a compiler."""
    rows = torch.arange(8.0).view(4, 2)
    overview = all_seeing(torch.tensor([1, 3, 6, 9]), torch.tensor([2, 2]), EVERYTHING).overview
    assert overview.slots is not None
    assert torch.equal(overview.arranged(rows).flatten(0, 1), rows)
    assert torch.equal(overview.picked(overview.arranged(rows)), rows)
