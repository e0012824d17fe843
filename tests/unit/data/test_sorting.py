"""Sorting in two threads gives what one stable sort gives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydrarec.data import sorting
from hydrarec.data.sorting import order_by, sort

USERS = st.integers(0, 4)
TIMES = st.integers(0, 5) | st.integers(2**63 - 6, 2**63 - 1)


@pytest.fixture(autouse=True, scope="module")
def short():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorting, "ROWS", 3)
        yield


@given(st.lists(st.integers(-9, 9)))
def test_sort(keys):
    given_keys = np.array(keys, dtype=np.int64)
    assert sort(given_keys).tolist() == sorted(keys)
    assert given_keys.tolist() == keys


@given(st.lists(st.tuples(USERS, st.integers(0, 5))) | st.lists(st.tuples(USERS, TIMES)), st.booleans())
def test_order_is_by_user_then_time_then_row(rows, grouped):
    rows = sorted(rows, key=lambda row: row[0]) if grouped else rows
    users, times = (np.array([row[place] for row in rows], dtype=np.int64) for place in range(2))
    expected = sorted(range(len(rows)), key=lambda row: rows[row])
    assert order_by(users.astype(np.int32), times).tolist() == expected
    expected = sorted(range(len(rows)), key=lambda row: rows[row][0])
    assert order_by(users, None).tolist() == expected
