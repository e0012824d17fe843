"""Corrections and conjunctions of p-values against statsmodels, definitions and simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from hydrarec.significance.conjunction import partial_conjunction
from hydrarec.significance.corrections import holm

some = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def test_families_are_adjusted_as_by_statsmodels(monkeypatch):
    # Theirs collects garbage every time.
    monkeypatch.setattr("gc.collect", lambda: 0)
    stream = np.random.default_rng(0)
    for length in range(1, 41):
        p = stream.random(length) ** stream.integers(1, 6)
        # Ties, ones and values that could not be computed.
        for one in (p, p.round(1), np.ones(length), np.where(p < 0.2, np.nan, p)):
            np.testing.assert_array_equal(holm(one), multipletests(one, method="holm")[1])


def test_nothing_is_adjusted_to_nothing():
    assert len(holm([])) == 0


@given(some)
def test_ends_are_bonferroni_and_intersection_union(p):
    found = partial_conjunction(p)
    assert found[0] == min(1, len(p) * min(p))
    assert found[-1] == pytest.approx(max(max(p), found[:-1].max(initial=0)))
    assert (np.diff(found) >= 0).all()


def test_one_data_set_is_its_own_p_value():
    np.testing.assert_array_equal(partial_conjunction([0.03]), [0.03])
    with pytest.raises(ValueError, match="at least one"):
        partial_conjunction([])


@pytest.mark.parametrize("true", [0, 1, 2])
def test_more_data_sets_than_true_are_rarely_counted(true):
    stream = np.random.default_rng(true)
    p = stream.random((3000, 3))
    p[:, :true] = 0
    counts = np.array([(partial_conjunction(row) <= 0.05).sum() for row in p])
    assert (counts > true).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 3000)
    assert (counts >= true).all()
