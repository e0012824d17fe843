"""What a comparison could have found, against statsmodels and against comparisons that are drawn."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from hydrarec.significance.crossed import crossed_mean
from hydrarec.significance.equivalence import equivalence
from hydrarec.significance.estimate import Estimate, reach
from hydrarec.significance.power import detectable_difference, provable_margin

USERS, SEEDS, TRIALS = 60, 5, 600


def student(error, df, mean=0.0):
    return Estimate(mean, error, ((error**2, df),))


@pytest.mark.parametrize(("n", "alpha", "power"), [(5, 0.05, 0.8), (40, 0.05, 0.8), (400, 0.01, 0.9), (40, 0.2, 0.5)])
def test_one_seed_is_the_paired_test_of_statsmodels(n, alpha, power):
    found = detectable_difference(student(2 / np.sqrt(n), n - 1, mean=0.3), alpha, power)
    expected = TTestPower().solve_power(nobs=n, alpha=alpha, power=power, alternative="larger")
    assert found / 2 == pytest.approx(expected, rel=1e-4)


def test_power_is_what_it_was_solved_for():
    estimate = student(0.4, 7.3)
    size = detectable_difference(estimate, 0.05, 0.7) / 0.4
    assert stats.nct.sf(stats.t.isf(0.05, 7.3), 7.3, size) == pytest.approx(0.7, abs=1e-5)


def test_the_difference_that_was_found_does_not_matter():
    for function in (detectable_difference, provable_margin):
        assert function(student(0.4, 7.0, mean=9.0)) == function(student(0.4, 7.0)) > 0
        assert function(student(0.0, 7.0)) == 0


@pytest.mark.parametrize("df", [2.0, 4.5, 200.0])
def test_a_provable_margin_is_shown_that_often(df):
    stream = np.random.default_rng(int(10 * df))
    margin = provable_margin(student(0.3, df))
    mean, error = stream.normal(0, 0.3, 40_000), 0.3 * np.sqrt(stream.chisquare(df, 40_000) / df)
    shown = np.abs(mean) + stats.t.isf(0.05, df) * error < margin
    assert shown.mean() == pytest.approx(0.8, abs=0.008)


@pytest.fixture(scope="module")
def drawn():
    """Return crossed estimates of a difference of 0, and the true one."""
    stream = np.random.default_rng(3)
    user, seed, noise = 0.1, 0.015, 0.08
    values = stream.normal(0, user, (TRIALS, USERS, 1)) + stream.normal(0, seed, (TRIALS, 1, SEEDS))
    values = values + stream.normal(0, noise, (TRIALS, USERS, SEEDS))
    parts = (user**2 / USERS, USERS - 1), ((seed**2 + noise**2 / USERS) / SEEDS, SEEDS - 1)
    true = Estimate(0.0, float(np.sqrt(sum(part for part, _ in parts))), parts)
    return [crossed_mean(one) for one in values], true


def test_the_crossed_test_finds_the_detectable_difference_that_often(drawn):
    estimates, true = drawn
    size = detectable_difference(true)
    share = np.mean([one.p_above(-size) < 0.05 for one in estimates])
    assert share == pytest.approx(0.8, abs=3.3 * np.sqrt(0.16 / TRIALS))


def test_the_crossed_test_shows_the_provable_margin_that_often(drawn):
    estimates, true = drawn
    margin = provable_margin(true)
    share = np.mean([equivalence(one, margin).p_equivalent < 0.05 for one in estimates])
    assert share == pytest.approx(0.8, abs=3.3 * np.sqrt(0.16 / TRIALS))


@pytest.mark.parametrize(("alpha", "power"), [(0.0, 0.8), (0.05, 1.0), (0.5, 0.4)])
def test_what_cannot_be_is_refused(alpha, power):
    with pytest.raises(ValueError, match="must be in order between 0 and 1"):
        detectable_difference(student(1.0, 5.0), alpha, power)


def test_two_parts_are_averaged_over_what_both_may_be_estimated_as():
    stream = np.random.default_rng(5)
    true = Estimate(0.0, 0.5, ((0.16, 6.0), (0.09, 2.0)))
    size = detectable_difference(true)
    drawn = [(part * stream.chisquare(df, 40_000) / df, df) for part, df in true.parts]
    found = stream.normal(size, 0.5, 40_000) > reach(drawn, 2 * 0.05)
    assert found.mean() == pytest.approx(0.8, abs=0.008)


def test_what_could_be_found_is_no_less_than_the_test_s_own_spread_allows():
    """Where a pair's seeds happen to agree, the test takes those of all runs, and so must its power."""
    pooled = ((0.01, 1e6), (0.04, 1e6))
    known, lucky = (Estimate(mean=0.0, standard_error=error, parts=pooled) for error in (0.05**0.5, 0.1))
    assert detectable_difference(lucky) == pytest.approx(detectable_difference(known))
    assert provable_margin(lucky) == pytest.approx(provable_margin(known))
