"""The crossed interval against a mixed model, closed forms, simulation and degenerate input."""

import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from statsmodels.stats.anova import anova_lm

from hydrarec.significance.corrections import holm
from hydrarec.significance.crossed import crossed_mean, paired_difference

tables = arrays(np.float64, st.tuples(st.integers(2, 12), st.integers(1, 5)), elements=st.floats(0, 1, width=32))


def draw(stream, n_users=40, n_seeds=5, sd_user=1.0, sd_seed=0.5, sd_noise=1.0):
    users, seeds = stream.normal(0, sd_user, (n_users, 1)), stream.normal(0, sd_seed, (1, n_seeds))
    return users + seeds + stream.normal(0, sd_noise, (n_users, n_seeds))


def test_standard_error_is_that_of_the_mixed_model():
    values = draw(np.random.default_rng(1), n_users=25, n_seeds=6, sd_seed=1.0)
    rows, columns = np.indices(values.shape)
    long = pd.DataFrame({"x": values.ravel(), "user": rows.ravel(), "seed": columns.ravel(), "one": 1})
    parts = {"user": "0 + C(user)", "seed": "0 + C(seed)"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = smf.mixedlm("x ~ 1", long, groups="one", vc_formula=parts).fit(reml=True)
    ours = crossed_mean(values)
    assert ours.standard_error == pytest.approx(float(fitted.bse["Intercept"]), rel=1e-3)
    assert ours.mean == pytest.approx(float(fitted.params["Intercept"]), abs=1e-6)


@pytest.mark.parametrize("sd_seed", [0.0, 0.2, 1.0])
def test_the_variance_is_made_of_the_mean_squares(sd_seed):
    values = draw(np.random.default_rng(9), n_users=12, n_seeds=4, sd_seed=sd_seed)
    rows, columns = np.indices(values.shape)
    long = pd.DataFrame({"x": values.ravel(), "user": rows.ravel(), "seed": columns.ravel()})
    table = anova_lm(smf.ols("x ~ C(user) + C(seed)", long).fit())
    squares = table["sum_sq"] / table["df"]
    users, seeds, noise = squares
    ours = crossed_mean(values)
    assert ours.standard_error**2 == pytest.approx((users + max(0, seeds - noise)) / values.size)
    parts = [((users - noise) / values.size, 11), (seeds / values.size, 3)]
    # Without other runs nothing is known from all of them.
    assert ours.parts == (pytest.approx(parts[0]), pytest.approx(parts[1]), (0, 3))
    for alpha in (0.05, 0.001):
        expected = np.sqrt(sum(stats.t.isf(alpha / 2, df) ** 2 * part for part, df in parts))
        assert ours.reach(alpha) == pytest.approx(expected)
    assert crossed_mean(values, alpha=ours.p).high == pytest.approx(2 * max(ours.mean, 0), abs=1e-9)


def test_one_seed_is_the_paired_t_test_of_scipy():
    stream = np.random.default_rng(2)
    run, reference = stream.random((60, 1)), stream.random((60, 1))
    ours = paired_difference(run, reference, alpha=0.1).difference
    theirs = stats.ttest_rel(run[:, 0], reference[:, 0])
    interval = theirs.confidence_interval(0.9)
    assert ours.p == pytest.approx(theirs.pvalue)
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high))
    assert ours.variance_seeds is None
    assert ours.n_seeds == 1


def test_seeds_that_change_nothing_give_the_t_test_over_users():
    users = np.random.default_rng(3).random((30, 1))
    ours = crossed_mean(np.repeat(users, 4, axis=1))
    assert ours.variance_seeds == 0
    assert ours.parts[0] == pytest.approx((stats.sem(users[:, 0]) ** 2, 29))
    assert ours.p == pytest.approx(stats.ttest_1samp(users[:, 0], 0).pvalue)
    assert ours.standard_error == pytest.approx(float(stats.sem(users[:, 0])))


def test_users_that_are_all_alike_give_the_t_test_over_seeds():
    seeds = np.random.default_rng(4).random((1, 6))
    ours = crossed_mean(np.repeat(seeds, 20, axis=0))
    assert ours.variance_users == pytest.approx(0, abs=1e-20)
    assert ours.p == pytest.approx(stats.ttest_1samp(seeds[0], 0).pvalue)
    assert ours.standard_error == pytest.approx(float(stats.sem(seeds[0])))


@pytest.mark.parametrize(("n_seeds", "sd_seed"), [(3, 0.0), (3, 0.3), (5, 0.15), (5, 0.6)])
def test_interval_covers_its_share_of_simulated_truths(n_seeds, sd_seed):
    stream = np.random.default_rng([5, n_seeds, int(100 * sd_seed)])
    trials = 600
    estimates = [crossed_mean(draw(stream, 60, n_seeds, 1.0, sd_seed, 1.0)) for _ in range(trials)]
    covered = np.mean([e.low <= 0 <= e.high for e in estimates])
    # 4 binomial standard errors of .95 below; above, the interval may be conservative, most so with few seeds.
    assert 0.95 - 4 * np.sqrt(0.95 * 0.05 / trials) <= covered <= 0.995


def test_users_alone_would_not_cover():
    """The reason for the second way: with unstable seeds an interval over users misses the truth far too often."""
    stream = np.random.default_rng(6)
    values = [draw(stream, 200, 5, 1.0, 0.3, 0.5) for _ in range(300)]
    over_users = np.mean([abs(v.mean()) < 1.972 * stats.sem(v.mean(axis=1)) for v in values])
    crossed = np.mean([(e := crossed_mean(v)).low <= 0 <= e.high for v in values])
    assert over_users < 0.8 < 0.9 < crossed


def test_percent_interval_covers_the_true_ratio():
    stream = np.random.default_rng(7)
    covered = []
    for _ in range(400):
        reference = np.exp(draw(stream, 80, 4, 0.5, 0.1, 0.3))
        run = 1.2 * reference * np.exp(draw(stream, 80, 4, 0.3, 0.05, 0.2)) / np.exp((0.09 + 0.0025 + 0.04) / 2)
        found = paired_difference(run, reference)
        low, high = found.percent_interval(0.05)
        covered.append(low <= 20 <= high)
    assert 0.92 <= np.mean(covered) <= 0.995


def test_the_percent_interval_is_that_of_the_bootstrap():
    """Of the ratio of means, users drawn with replacement; one seed, where users are all there is."""
    stream = np.random.default_rng(8)
    user = stream.gamma(2, 0.1, (900, 1))
    run, reference = (user * scale + stream.gamma(1, 0.05, (900, 1)) for scale in (1.1, 1.0))
    found = paired_difference(run, reference)

    def percent(one, other, axis):
        return 100 * (one.mean(axis=axis) / other.mean(axis=axis) - 1)

    pair = (run[:, 0], reference[:, 0])
    theirs = stats.bootstrap(pair, percent, paired=True, n_resamples=1999, batch=200, rng=8).confidence_interval
    width = theirs.high - theirs.low
    assert found.percent_interval(0.05) == pytest.approx((theirs.low, theirs.high), abs=0.06 * width)


def test_a_deterministic_side_stands_for_every_seed():
    stream = np.random.default_rng(8)
    run, fixed = stream.random((20, 3)), stream.random((20, 1))
    found, repeated = paired_difference(run, fixed), paired_difference(run, np.repeat(fixed, 3, axis=1))
    assert found.difference == repeated.difference
    assert found.percent_interval(0.05) == pytest.approx(repeated.percent_interval(0.05))
    swapped = paired_difference(fixed, run).difference
    assert swapped.mean == pytest.approx(-paired_difference(run, fixed).difference.mean)


@given(tables)
def test_every_table_of_values_has_a_finite_honest_estimate(values):
    found = crossed_mean(values)
    assert np.isfinite([found.mean, found.standard_error, found.low, found.high, found.p]).all()
    assert found.low <= found.mean <= found.high
    # The parts may by chance be more than the variance, never less.
    assert sum(part for part, _ in found.parts) >= found.standard_error**2 * (1 - 1e-9)
    assert (found.variance_seeds is None) == (values.shape[1] == 1)


@given(tables)
def test_a_run_does_not_differ_from_itself(values):
    found = paired_difference(values, values)
    assert found.difference.mean == 0
    assert found.difference.p == 1
    assert found.percent in (0, None)


def test_a_constant_shift_is_certain():
    values = np.full((5, 2), 0.5)
    found = paired_difference(values, values / 2)
    assert (found.difference.low, found.difference.high, found.difference.p) == (0.25, 0.25, 0.0)
    assert found.percent == pytest.approx(100)
    # The ratio less so: another user may have another one.
    low, high = found.percent_interval(0.05)
    assert low < 100 < high
    many = paired_difference(np.tile(values, (2000, 1)), np.tile(values / 2, (2000, 1)))
    assert many.percent_interval(0.05) == pytest.approx((100, 100), abs=0.05)


def test_percent_of_nothing_is_not_a_number_that_could_be_printed():
    zeros, some = np.zeros((4, 2)), np.linspace(0, 1, 8).reshape(4, 2)
    against_zero = paired_difference(some, zeros)
    assert (against_zero.percent, *against_zero.percent_interval(0.05)) == (None, None, None)
    zero_run = paired_difference(zeros, some)
    assert (zero_run.percent, *zero_run.percent_interval(0.05)) == (-100, None, None)


@pytest.mark.parametrize(
    ("run", "reference", "message"),
    [
        (np.ones((3, 2)), np.ones((4, 2)), "users do not match: 3 in the run, 4"),
        (np.ones((3, 2)), np.ones((3, 3)), "seeds do not match: 2 in the run, 3"),
        (np.ones((1, 2)), np.ones((1, 2)), "at least 2"),
        (np.full((3, 2), np.nan), np.ones((3, 2)), "6 values are not finite"),
        (np.ones(3), np.ones(3), "shape"),
    ],
)
def test_what_cannot_be_compared_is_refused(run, reference, message):
    with pytest.raises(ValueError, match=message):
        paired_difference(run, reference)


@settings(max_examples=25)
@given(st.lists(st.floats(0, 1), min_size=0, max_size=8))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p):
    adjusted = holm(p)
    assert all(q >= value for q, value in zip(adjusted, p, strict=True))
    assert all(a <= b for _, a, _, b in _pairs(p, adjusted))


def _pairs(p, adjusted):
    ordered = sorted(zip(p, adjusted, strict=True))
    return [(*first, *second) for first, second in pairwise(ordered)]


def test_holm_by_hand():
    np.testing.assert_allclose(holm([0.01, 0.02, 0.5]), [0.03, 0.04, 0.5])
