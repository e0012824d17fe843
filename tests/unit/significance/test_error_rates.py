"""Type-I error inside the binomial band at nominal .05, with the power beside it: small runs of `simulation`."""

import numpy as np
import pytest
from scipy import stats

from hydrarec.significance.crossed import crossed_mean
from tests.unit.significance.simulation import (
    data_sets,
    many_runs,
    margins,
    repeat,
    seeded_runs,
    single_comparisons,
    two_shapes,
    users_and_seeds,
)


def band(trials, level=0.05):
    """The most a rate may be by chance; one test in a thousand would be beyond."""
    return stats.binom.isf(1e-3, trials, level) / trials


@pytest.mark.parametrize("n_users", [200, 1000])
def test_different_shapes_of_hits_fool_wilcoxon_and_the_sign_test_only(n_users):
    found = repeat(400, [11, n_users], lambda s: two_shapes(s, n_users, flips=199))
    assert found["t over users"] <= band(400)
    assert found["sign flips"] <= band(400)
    assert found["sign test"] > 0.3
    power = repeat(120, [12, n_users], lambda s: two_shapes(s, n_users, effect=2.8, flips=199))
    assert power["t over users"] > 0.6
    assert power["sign flips"] > 0.6


def test_wilcoxon_is_all_but_certain_of_nothing_with_the_users_of_movielens():
    assert repeat(60, [13], lambda s: two_shapes(s, 6040))["Wilcoxon"] > 0.7


@pytest.mark.parametrize(("n_seeds", "ratio", "correlation"), [(5, 0.5, 0), (5, 2, 0.8), (2, 2, 0), (10, 2, 0.8)])
def test_only_the_crossed_interval_keeps_its_level_with_users_and_seeds(n_seeds, ratio, correlation):
    setting = (150, n_seeds, ratio, correlation)
    found = repeat(600, [14, n_seeds, int(10 * ratio)], lambda s: users_and_seeds(s, *setting))
    assert found["crossed"] <= band(600)
    assert max(found["users x seeds pooled"], found["paired t over seeds"], found["one seed, t over users"]) > 0.1
    power = repeat(200, [15], lambda s: users_and_seeds(s, *setting, effect=4))
    assert power["crossed"] > (0.6 if n_seeds > 2 else 0.05)


def test_equivalence_is_rarely_found_at_the_margin_and_mostly_at_nothing():
    found = {true: repeat(1000, [16], lambda s, true=true: margins(s, 150, 5, 0.5, true)) for true in (-1, 0, 1)}
    assert max(found[-1]["equivalent"], found[1]["equivalent"], found[-1]["not inferior"]) <= band(1000)
    assert found[0]["equivalent"] > 0.8
    assert found[0]["not inferior"] > 0.9


@pytest.mark.parametrize("better", [0, 5])
def test_families_of_pairs_keep_their_level_and_the_places_are_covered(better):
    found = repeat(100, [17, better], lambda s: many_runs(s, 200, better, flips=199))
    assert found["max-T: any false"] <= band(100)
    assert found["Holm: any false"] <= band(100)
    assert found["unadjusted: any false"] > 0.3
    assert found["places covered"] >= 1 - band(100)
    if better:
        assert found["max-T: found"] > 0.25


@pytest.mark.parametrize("n_seeds", [2, 5])
def test_families_keep_their_level_with_few_seeds_and_satterthwaites_do_not(n_seeds):
    found = repeat(150, [20, n_seeds], lambda s: seeded_runs(s, 8, n_seeds, (2,)))
    assert found["in use: any false"] <= band(150)
    assert found["own spread: any false"] <= band(150)
    if n_seeds == 2:
        assert found["Satterthwaite: any false"] > 0.2
    power = repeat(40, [21, n_seeds], lambda s: seeded_runs(s, 8, n_seeds, (1,), better=4))
    assert power["in use: found"] > 0.5


@pytest.mark.parametrize("n_seeds", [5, 8])
def test_a_single_comparison_keeps_its_level_whichever_runs_the_seeds_change_most(n_seeds):
    for ratios, correlation in (((4, 4, *[0.3] * 6), 0), ((4,), 0.95)):
        setting = (8, n_seeds, ratios, correlation)
        found = repeat(300, [22, n_seeds, len(ratios)], lambda s, setting=setting: single_comparisons(s, *setting))
        assert max(found["two runs, in use"], found["one run, in use"]) <= band(300)


def test_one_run_that_did_not_take_off_hides_nothing_of_the_others():
    found = repeat(60, [23], lambda s: single_comparisons(s, 8, 5, (1, 1, 20, *[1] * 5), effect=6))
    assert min(found["two runs, in use"], found["one run, in use"]) > 0.8


@pytest.mark.parametrize("holding", [0, 1, 3])
def test_data_sets_on_which_it_does_not_hold_are_rarely_counted(holding):
    found = repeat(300, [19, holding], lambda s: data_sets(s, 150, holding))
    assert found["too many"] <= band(300)
    if holding == 3:
        assert found["2 or more"] > 0.7


def test_the_interval_is_that_of_the_bootstrap():
    values = np.where(np.random.default_rng(18).random((400, 1)) < 0.2, 0.5, 0)
    ours = crossed_mean(values)
    theirs = stats.bootstrap((values[:, 0],), np.mean, method="percentile", rng=18).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.003)
