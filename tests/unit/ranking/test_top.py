"""The k best of a row, compared with sorting it."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hydrarec.ranking.top import top

SCORES = st.sampled_from([-1.0, 0.0, 0.5, 1.0, -torch.inf])


@given(
    rows=st.integers(1, 12).flatmap(lambda n: st.lists(st.lists(SCORES, min_size=n, max_size=n), min_size=1)),
    share=st.floats(0, 1),
)
def test_is_sorting_by_score_and_then_by_column(rows, share):
    k = max(1, round(share * len(rows[0])))
    index, value = top(torch.tensor(rows), k)
    for scores, columns, values in zip(rows, index.tolist(), value.tolist(), strict=True):
        assert values == [scores[column] for column in columns]
        finite = [column for column in columns if scores[column] > -torch.inf]
        ordered = sorted(range(len(scores)), key=lambda column: (-scores[column], column))
        assert finite == [column for column in ordered[:k] if scores[column] > -torch.inf]
        # What comes last by being minus infinity is no answer; it only fills the row.
        assert columns[: len(finite)] == finite


def test_equal_scores_go_to_the_first_columns():
    scores = torch.zeros(3, 1000)
    scores[1, 700] = 1.0
    scores[2, 5] = -1.0
    index, _ = top(scores, 10)
    assert index.tolist() == [[*range(10)], [700, *range(9)], [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]]


@pytest.mark.parametrize("k", [1, 2, 7, 100])
@pytest.mark.parametrize("n_columns", [100, 1600, 1601, 5003])
@pytest.mark.parametrize("spread", [0, 3, 30, 1e6], ids=["all tied", "many ties", "ties", "no ties"])
def test_many_columns_are_sorted_alike(k, n_columns, spread):
    # Also rows in which the best stand side by side, and rows with fewer than k scores that count.
    scores = (torch.randn(40, n_columns, generator=torch.Generator().manual_seed(k)) * spread).round()
    scores[:10] = scores[:10].sort(dim=1).values
    scores[10:20] = scores[10:20].sort(dim=1, descending=True).values
    scores[20:30, k // 2 : -k] = -torch.inf
    order = scores.sort(dim=1, descending=True, stable=True).indices[:, :k]
    index, value = top(scores, k)
    assert torch.equal(value, scores.gather(1, order))
    assert torch.equal(index, order)
