"""Equivalence against statsmodels, its own interval, and the words made of both."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from hydrarec.significance.crossed import crossed_mean, paired_difference
from hydrarec.significance.equivalence import equivalence, verdict
from hydrarec.significance.estimate import Estimate


def draw(mean=0.01, n_users=80, n_seeds=4, seed=0):
    """Return a log-ratio with an error of users and seeds."""
    stream = np.random.default_rng(seed)
    return crossed_mean(mean + stream.normal(0, 0.1, (n_users, 1)) + stream.normal(0, 0.1, (n_users, n_seeds)))


@pytest.mark.parametrize("mean", [-0.04, 0.0, 0.02])
def test_one_seed_is_the_paired_test_of_statsmodels(mean):
    """Of ratios near 1, whose logarithm is the relative difference; the reference's own error is small here."""
    stream = np.random.default_rng(1)
    run, reference = stream.normal(1 + mean, 0.1, (500, 1)), stream.normal(1, 0.1, (500, 1))
    ours = equivalence(paired_difference(run, reference).log_ratio, margin=0.05)
    base = reference.mean()
    p, above, _ = ttost_paired(run[:, 0] / base, reference[:, 0] / base, -0.05, 0.05)
    assert ours.p_equivalent == pytest.approx(p, rel=0.25, abs=0.003)
    assert ours.p_not_inferior == pytest.approx(above[1], rel=0.25, abs=0.003)


@given(st.floats(-0.1, 0.1), st.floats(0.005, 0.2), st.floats(0.01, 0.3))
def test_p_and_interval_agree(mean, margin, alpha):
    found = equivalence(draw(mean), margin, alpha)
    inside = -margin < found.low and found.high < margin
    assert (found.p_equivalent < alpha) == inside
    assert (found.p_not_inferior < alpha) == (found.low > -margin)
    assert inside == (found.attained < margin)


def test_the_attained_margin_is_where_equivalence_begins():
    log_ratio = draw()
    attained = equivalence(log_ratio).attained
    assert equivalence(log_ratio, attained * 1.0001).p_equivalent < 0.05
    assert equivalence(log_ratio, attained * 0.9999).p_equivalent > 0.05


@pytest.mark.parametrize(("n_users", "rate"), [(943, 0.01), (943, 0.03), (6040, 0.01)])
def test_few_hits_are_seldom_taken_for_equal_ones(n_users, rate):
    """A run that loses every twentieth hit at random, which among few hits is mostly none."""
    stream = np.random.default_rng(3)
    found = []
    for _ in range(300):
        reference = stream.random((n_users, 1)) < rate
        run = reference & (stream.random((n_users, 1)) >= 0.05)
        if run.any():
            found.append(equivalence(paired_difference(run, reference).log_ratio).p_equivalent < 0.05)
    assert np.mean(found) <= stats.binom.isf(1e-3, len(found), 0.05) / len(found)


def test_the_same_hits_are_equivalent_if_there_are_enough():
    hits = np.zeros((1000, 1))
    for n_hits, equal in ((10, False), (100, True)):
        hits[:n_hits] = 1
        assert (equivalence(paired_difference(hits, hits).log_ratio).p_equivalent < 0.05) == equal


def test_certain_differences_have_certain_answers():
    certain = crossed_mean(np.full((4, 2), 0.03))
    assert equivalence(certain, 0.05).p_equivalent == 0
    assert equivalence(certain, 0.02).p_equivalent == 1
    assert equivalence(crossed_mean(np.full((4, 2), -0.03)), 0.02).p_not_inferior == 1


@pytest.mark.parametrize("margin", [0.0, 1.0, float("nan")])
def test_what_is_no_margin_is_refused(margin):
    with pytest.raises(ValueError, match="between 0 and 1"):
        equivalence(draw(), margin)


@given(st.floats(-0.1, 0.1))
def test_one_sided_p_values_halve_the_two_sided_one(mean):
    found = draw(mean)
    assert min(found.p_above(0), found.p_below(0)) == pytest.approx(found.p / 2)
    assert found.p_above(0.01) + found.p_below(0.01) == pytest.approx(1)
    student = Estimate(0.02, 0.1, ((0.01, 7.0),))
    assert student.p_above(0.01) == pytest.approx(stats.t.sf(0.1, 7))


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
    found = equivalence(difference, 0.05)
    assert verdict(difference.mean, difference.p, found.p_equivalent) == word
