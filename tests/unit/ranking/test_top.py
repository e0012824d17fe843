"""The k best of a row, compared with sorting it."""

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
