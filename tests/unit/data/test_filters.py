"""Filters against definitions written as loops."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydrarec.data import chunked
from hydrarec.data.chunked import bincount_chunked
from hydrarec.data.filters import first_of_pair, frequent, n_repeated, not_duplicated

PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=40)
TIMED = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 3)), max_size=25)


def _columns(rows, n_columns):
    return [np.array([row[c] for row in rows], dtype=np.int64) for c in range(n_columns)]


def _naive_core(pairs, min_user, min_item):
    """Remove one offending interaction after the other until there is none."""
    left = list(enumerate(pairs))
    while True:
        of_user, of_item = Counter(u for _, (u, _) in left), Counter(i for _, (_, i) in left)
        offending = [entry for entry in left if of_user[entry[1][0]] < min_user or of_item[entry[1][1]] < min_item]
        if not offending:
            return [row for row, _ in left]
        left.remove(offending[0])


def _frequent(users, items, **settings):
    keep, of_user, of_item = frequent(users, items, bincount_chunked(users), bincount_chunked(items), **settings)
    for ids, left in ((users, of_user), (items, of_item)):
        assert left.tolist() == np.bincount(ids[keep], minlength=len(left)).tolist()
    return keep


@given(PAIRS, st.integers(1, 4), st.integers(1, 4))
def test_core_is_the_naive_one(pairs, min_user, min_item):
    users, items = _columns(pairs, 2)
    keep = _frequent(users, items, min_user=min_user, min_item=min_item, iterate=True)
    assert np.flatnonzero(keep).tolist() == _naive_core(pairs, min_user, min_item)


@given(PAIRS, st.integers(1, 4), st.integers(1, 4))
def test_one_pass_counts_the_unfiltered_data(pairs, min_user, min_item):
    users, items = _columns(pairs, 2)
    of_user, of_item = Counter(users.tolist()), Counter(items.tolist())
    keep = _frequent(users, items, min_user=min_user, min_item=min_item, iterate=False)
    assert keep.tolist() == [of_user[u] >= min_user and of_item[i] >= min_item for u, i in pairs]


@given(TIMED)
def test_exact_duplicates(rows):
    seen, expected = set(), []
    for row in rows:
        expected.append(row not in seen)
        seen.add(row)
    assert not_duplicated(*_columns(rows, 3)).tolist() == expected


@given(TIMED)
def test_first_of_pair_is_the_earliest_and_among_those_the_first_row(rows):
    earliest = {}
    for number, (user, item, time) in enumerate(rows):
        earliest[user, item] = min(earliest.get((user, item), (time, number)), (time, number))
    expected = sorted(number for _, number in earliest.values())
    users, items, times = _columns(rows, 3)
    assert np.flatnonzero(first_of_pair(users, items, times)).tolist() == expected


@given(PAIRS)
def test_first_of_pair_without_times_is_the_first_row(pairs):
    users, items = _columns(pairs, 2)
    expected = [pair not in pairs[:number] for number, pair in enumerate(pairs)]
    assert first_of_pair(users, items, None).tolist() == expected
    assert n_repeated(users, items) == len(pairs) - sum(expected)


@given(PAIRS.map(sorted), st.integers(1, 4))
def test_pairs_in_order_are_looked_at_a_stretch_at_a_time(pairs, rows):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunked, "ROWS", rows)
        assert n_repeated(*_columns(pairs, 2)) == len(pairs) - len(set(pairs))


def test_codes_larger_than_32_bits_together_do_not_overflow():
    users, items = np.array([2**30, 2**30], dtype=np.int32), np.array([2**30, 2**30], dtype=np.int32)
    assert n_repeated(users, items) == 1
