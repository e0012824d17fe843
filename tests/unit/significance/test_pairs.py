"""All pairs at once against one pair at a time, and the three variance components against a mixed model."""

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy.special import polygamma

from hydrarec.significance.corrections import holm
from hydrarec.significance.crossed import crossed_mean, paired_difference
from hydrarec.significance.pairs import adjust_pairs, crossed_pairs
from hydrarec.significance.seed_spread import seed_spread


def draw(n_runs, n_users, n_seeds, seed=0):
    stream = np.random.default_rng(seed)
    users, seeds = stream.random((1, n_users, 1)), stream.normal(0, 0.1, (n_runs, 1, n_seeds))
    return users * stream.random((n_runs, 1, 1)) + seeds + stream.normal(0, 0.2, (n_runs, n_users, n_seeds))


@pytest.mark.parametrize(("n_runs", "n_users", "n_seeds"), [(4, 30, 5), (3, 7, 2), (2, 50, 1), (1, 5, 3)])
def test_every_entry_is_the_comparison_of_its_pair(n_runs, n_users, n_seeds):
    values = draw(n_runs, n_users, n_seeds)
    found = crossed_pairs(values, alpha=0.1)
    variances = ["users", "residual", "seeds", "seed_means"]
    for i, j in np.argwhere(~np.eye(n_runs, dtype=bool)):
        alone = paired_difference(values[i], values[j], alpha=0.1).difference
        alone = alone.with_seeds_at_least(seed_spread(values.mean(axis=1)), 2, alpha=0.1)
        assert found.difference[i, j] == pytest.approx(alone.mean)
        fields = [(getattr(found, name), getattr(alone, name), name) for name in ("low", "high", "p")]
        fields += [(getattr(found.variances, name), getattr(alone, f"variance_{name}"), name) for name in variances]
        for matrix, one, name in [*fields, (found.variances.standard_error, alone.standard_error, "error")]:
            assert (matrix is None) == (one is None)
            assert one is None or matrix[i, j] == pytest.approx(one, rel=1e-9, abs=1e-15), name
    assert (found.p.diagonal() == 1).all()
    assert (found.variances.standard_error.diagonal() == 0).all()


def test_runs_that_are_the_same_do_not_differ():
    values = draw(2, 40, 3)[[0, 0, 1]]
    found = crossed_pairs(values)
    assert found.p[0, 1] == 1
    assert found.difference[0, 1] == 0
    assert found.p[0, 2] == pytest.approx(found.p[1, 2])


def test_components_are_those_of_the_mixed_model():
    stream = np.random.default_rng(3)
    difference = stream.normal(size=(40, 1)) + stream.normal(size=(1, 6)) + stream.normal(size=(40, 6))
    rows, columns = np.indices(difference.shape)
    long = pd.DataFrame({"x": difference.ravel(), "user": rows.ravel(), "seed": columns.ravel(), "one": 1})
    parts = {"user": "0 + C(user)", "seed": "0 + C(seed)"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = smf.mixedlm("x ~ 1", long, groups="one", vc_formula=parts).fit(reml=True)
    n_users, n_seeds = difference.shape
    ours = crossed_mean(difference)
    by_name = dict(zip(fitted.model.exog_vc.names, fitted.vcomp, strict=True))
    assert ours.variance_residual * n_users * n_seeds == pytest.approx(fitted.scale, rel=1e-3)
    assert ours.variance_seeds * n_seeds == pytest.approx(by_name["seed"], rel=1e-2)
    assert (ours.variance_users - ours.variance_residual) * n_users == pytest.approx(by_name["user"], rel=1e-2)


def test_a_pair_counts_once_in_a_correction():
    p = np.array([[1, 0.01, 0.02], [0.01, 1, 0.5], [0.02, 0.5, 1]])
    np.testing.assert_allclose(adjust_pairs(p, holm), [[1, 0.03, 0.04], [0.03, 1, 0.5], [0.04, 0.5, 1]])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((2, 1, 3)), r"found \(2, 1, 3\)"),
        (np.ones((2, 3)), r"found \(2, 3\)"),
        (np.full((2, 2, 2), np.inf), "8 values are not finite"),
    ],
)
def test_what_is_no_table_of_runs_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        crossed_pairs(values)


def test_the_spread_of_all_runs_is_the_average_over_their_pairs():
    means = np.random.default_rng(4).normal(size=(5, 3))
    found = seed_spread(np.vstack([means, np.full((1, 3), 0.5)]))
    pairs = [(means[i] - means[j]).var(ddof=1) / 3 for i in range(5) for j in range(i)]
    shared, own = found.of(2)
    assert (shared, own) == (0, pytest.approx(np.mean(pairs)))
    # A single run's has what all runs share besides, which is known by the seeds alone.
    shared, own = found.of(1)
    assert shared == pytest.approx(means.mean(axis=0).var(ddof=1) / 3)
    assert shared + own == pytest.approx(np.mean([one.var(ddof=1) / 3 for one in means]))
    assert found.of(0) == (0, 0)
    assert seed_spread(means[:, :1]) is None
    assert seed_spread(means[:1]) is None


@pytest.mark.parametrize("outlying", [[], [3], [0, 3]])
def test_runs_that_vary_far_more_than_the_others_do_not_make_these_uncertain(outlying):
    means = np.random.default_rng(4).normal(size=(8, 5))
    alike = seed_spread(np.delete(means, outlying, axis=0))
    means[outlying] *= 100
    assert seed_spread(means) == alike
    assert alike.n_runs == 8 - len(outlying)


def test_a_spread_is_known_by_all_runs_as_far_as_theirs_are_alike():
    alike = np.random.default_rng(8).normal(size=(9, 5))
    assert seed_spread(alike).df == 8 * 4
    away = alike * np.geomspace(0.4, 1.6, 9)[:, None]
    differing = seed_spread(away)
    assert differing.n_runs == 9
    assert 4 < differing.df < 12
    # The moments of Smyth (2004), section 6.2: trigamma of half of what the others are worth.
    away = away - away.mean(axis=1, keepdims=True)
    apart = away - away.mean(axis=0)
    beyond = np.log(apart.var(axis=1, ddof=0)).var(ddof=1) - polygamma(1, 2)
    assert polygamma(1, (differing.df - 4) / 2) == pytest.approx(beyond)


def test_of_two_runs_none_is_the_outlier():
    means = np.random.default_rng(4).normal(size=(2, 5)) * [[1], [1000]]
    assert seed_spread(means).n_runs == 2


def test_a_run_that_varies_more_than_the_others_is_known_by_its_own_seeds_only():
    values = draw(6, 200, 3, seed=6)
    values[0] += 30 * (values[0].mean(axis=0) - values[0].mean())
    found = crossed_pairs(values)
    alone = paired_difference(values[0], values[1]).difference
    assert found.p[0, 1] == pytest.approx(alone.p)
    assert (found.variances.by_runs[0, 1], found.variances.by_runs[1, 2] > 0) == (0, True)


def test_a_run_whose_seeds_agree_by_chance_is_held_to_the_others():
    values = draw(5, 200, 3, seed=6)
    values[0] -= values[0].mean(axis=0) - values[0].mean()
    values[1] -= values[1].mean(axis=0) - values[1].mean()
    found = crossed_pairs(values)
    assert found.variances.seed_means[0, 1] < 1e-20
    spread = seed_spread(values.mean(axis=1))
    assert found.variances.by_runs[0, 1] == pytest.approx(2 * spread.own)
    assert 2 * spread.own > 1e-4
    alone = paired_difference(values[0], values[1]).difference
    assert found.high[0, 1] - found.low[0, 1] > 1.2 * (alone.high - alone.low)
    fixed = crossed_pairs(np.concatenate([values, np.repeat(values[:1, :, :1], 3, axis=2)]))
    counted = fixed.variances.by_seeds[1, 5], fixed.variances.by_runs[1, 5]
    assert counted == pytest.approx(spread.of(1))
