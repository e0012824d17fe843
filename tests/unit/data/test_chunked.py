"""Work on long arrays a chunk at a time gives what numpy gives for all of them at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydrarec.data import chunked
from hydrarec.data.split import index_of_quantile

IDS = st.lists(st.integers(0, 9), max_size=20)
VALUES = st.lists(
    st.integers(-3, 3) | st.integers(0, 10**9) | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20
)


@pytest.fixture(autouse=True, scope="module")
def short():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunked, "ROWS", 3)
        yield


@given(IDS, st.integers(0, 12), st.sampled_from([np.int32, np.uint32, np.int64]))
def test_counts(ids, n_ids, dtype):
    drawn = np.array(ids, dtype=dtype)
    expected = np.bincount(ids, minlength=max(n_ids, 1))
    assert chunked.bincount_chunked(drawn, n_ids).tolist() == expected.tolist()
    assert chunked.occurs(drawn, n_ids).tolist() == (expected > 0).tolist()
    assert chunked.n_runs(np.sort(drawn)) == len(set(ids))


@given(IDS)
def test_takes(indices):
    values = np.arange(10, dtype=np.int16)[::-1]
    found = chunked.take_chunked(values, np.array(indices, dtype=np.uint32))
    assert found.tolist() == [9 - index for index in indices]
    assert found.dtype == np.int16


@given(VALUES, st.data())
def test_the_value_at_a_place_and_how_many_there_are_up_to_it(values, data):
    ordered = chunked.Ordered(np.array(values))
    for index in data.draw(st.lists(st.integers(0, len(values) - 1), min_size=1, max_size=2)):
        value = sorted(values)[index]
        assert ordered.at(index) == (value, sum(other <= value for other in values))


@pytest.mark.parametrize("n_values", [1, 2, 9, 10, 11, 99, 1000, 3001])
def test_place_of_a_quantile_is_numpys(n_values):
    values = np.arange(n_values) * 7
    value, _ = chunked.Ordered(values).at(index_of_quantile(n_values))
    assert value == np.quantile(values, 0.9, method="inverted_cdf")


@given(VALUES, VALUES, st.integers(1, 4))
def test_pairs_below_are_counted_like_one_by_one(values, bounds, bits):
    with pytest.MonkeyPatch.context() as patch:
        # Buckets that hold several bounds, and buckets that hold none.
        patch.setattr(chunked, "PAIRS_BITS", bits)
        found = chunked.n_pairs_below(np.array(values), np.sort(bounds))
    assert found == sum(bound < value for value in values for bound in bounds)
