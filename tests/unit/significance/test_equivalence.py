"""Equivalence against statsmodels, its own interval, and the words made of both."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from hydrarec.significance.crossed import crossed_mean
from hydrarec.significance.equivalence import equivalence, verdict


def draw(mean=0.01, n_users=80, n_seeds=4, seed=0):
    stream = np.random.default_rng(seed)
    return mean + stream.normal(0, 0.1, (n_users, 1)) + stream.normal(0, 0.1, (n_users, n_seeds))


@pytest.mark.parametrize("mean", [-0.04, 0.0, 0.02])
def test_one_seed_is_the_paired_test_of_statsmodels(mean):
    stream = np.random.default_rng(1)
    run, reference = stream.normal(1 + mean, 0.1, (50, 1)), stream.normal(1, 0.1, (50, 1))
    ours = equivalence(crossed_mean(run - reference), reference=1.0, fraction=0.05)
    p, above, _ = ttost_paired(run[:, 0], reference[:, 0], -0.05, 0.05)
    assert ours.p_equivalent == pytest.approx(p, rel=1e-9)
    assert ours.p_not_inferior == pytest.approx(above[1], rel=1e-9)


@given(st.floats(-0.1, 0.1), st.floats(0.005, 0.2), st.floats(0.01, 0.3))
def test_p_and_interval_agree(mean, fraction, alpha):
    found = equivalence(crossed_mean(draw(mean)), 0.8, fraction, alpha)
    inside = -found.margin < found.low and found.high < found.margin
    assert (found.p_equivalent < alpha) == inside
    assert (found.p_not_inferior < alpha) == (found.low > -found.margin)
    assert inside == (found.attained < fraction)


def test_the_attained_margin_is_where_equivalence_begins():
    difference = crossed_mean(draw())
    attained = equivalence(difference, 0.5).attained
    assert equivalence(difference, 0.5, attained * 1.0001).p_equivalent < 0.05
    assert equivalence(difference, 0.5, attained * 0.9999).p_equivalent > 0.05


def test_certain_differences_have_certain_answers():
    certain = crossed_mean(np.full((4, 2), 0.03))
    assert equivalence(certain, 1.0, 0.05).p_equivalent == 0
    assert equivalence(certain, 1.0, 0.02).p_equivalent == 1
    assert equivalence(crossed_mean(np.full((4, 2), -0.03)), 1.0, 0.02).p_not_inferior == 1


@given(st.floats(-0.1, 0.1))
def test_one_sided_p_values_halve_the_two_sided_one(mean):
    found = crossed_mean(draw(mean))
    assert min(found.p_above(0), found.p_below(0)) == pytest.approx(found.p / 2)
    assert found.p_above(0.01) + found.p_below(0.01) == pytest.approx(1)
    t = (found.mean - 0.01) / found.standard_error
    assert found.p_above(0.01) == pytest.approx(stats.t.sf(t, found.df))


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.06, 0.10, "superior"),
        (0.02, 0.08, "superior"),
        (0.01, 0.03, "equivalent"),
        (-0.02, 0.02, "equivalent"),
        (-0.03, -0.01, "equivalent"),
        (-0.02, 0.08, "inconclusive"),
        (-0.08, 0.08, "inconclusive"),
        (-0.08, -0.02, "inferior"),
        (-0.10, -0.06, "inferior"),
    ],
)
def test_words_by_where_the_interval_lies(low, high, word):
    """The scenarios of a non-inferiority figure: an interval against 0 and a margin of 0.05."""
    values = np.random.default_rng(2).normal(size=(100, 1))
    values = (values - values.mean()) / crossed_mean(values).high * (high - low) / 2 + (high + low) / 2
    difference = crossed_mean(values)
    assert (difference.low, difference.high) == pytest.approx((low, high), abs=0.006)
    found = equivalence(difference, 1.0, 0.05)
    assert verdict(difference.mean, difference.p, found.p_equivalent) == word


@pytest.mark.parametrize(("reference", "fraction"), [(0.0, 0.05), (-1.0, 0.05), (1.0, 0.0), (float("nan"), 0.05)])
def test_a_margin_must_be_a_size(reference, fraction):
    with pytest.raises(ValueError, match="must be above 0"):
        equivalence(crossed_mean(draw()), reference, fraction)
