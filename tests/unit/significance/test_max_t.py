"""Max-T against scipy's permutation test, a naive step-down over every possible flip, and other blocks and threads."""

from itertools import product

import numpy as np
import pytest
from scipy import stats
from threadpoolctl import threadpool_limits

from hydrarec.significance import max_t as module
from hydrarec.significance.max_t import flipped_sums, max_t


def draw(n_runs=5, n_users=150, seed=0):
    stream = np.random.default_rng(seed)
    values = np.where(stream.random((n_runs, n_users)) < 0.4, stream.random((n_runs, n_users)), 0)
    return values + 0.04 * np.arange(n_runs)[:, None]


def every_flip(values):
    """Step-down over ordered pairs with all 2^N sign flips, one hypothesis and one flip at a time."""
    n_runs, n_users = values.shape
    pairs = [(i, j) for i in range(n_runs) for j in range(n_runs) if i != j]

    def z(i, j, signs):
        difference = values[i] - values[j]
        return (signs * difference).sum() / np.sqrt((difference**2).sum())

    flips = [np.array(signs) for signs in product([1, -1], repeat=n_users)]
    observed = {pair: z(*pair, flips[0]) for pair in pairs}
    left, p, least = sorted(pairs, key=lambda pair: -observed[pair]), np.ones((n_runs, n_runs)), 0.0
    while left and observed[left[0]] > 0:
        largest = [max(z(*pair, signs) for pair in left) for signs in flips]
        i, j = left[0]
        least = max(least, np.mean(np.array(largest) >= observed[i, j] - 1e-9))
        p[i, j] = p[j, i] = least
        left = left[1:]
    return p


def test_two_runs_are_the_permutation_test_of_scipy():
    values = draw(n_runs=2, seed=4)
    theirs = stats.permutation_test(
        values, lambda x, y, axis: (x - y).mean(axis=axis), permutation_type="samples", n_resamples=9999, rng=1
    )
    ours = max_t(values, 9999)[0, 1]
    assert 0.02 < ours < 0.9
    assert ours == pytest.approx(theirs.pvalue, abs=4 * np.sqrt(2 * 0.25 / 9999))


def test_every_p_value_is_that_of_the_naive_step_down():
    values = draw(n_runs=4, n_users=6, seed=4) + np.array([0, 0, 0.3, 0.6])[:, None]
    exact = every_flip(values)
    assert len(np.unique(exact)) > 3
    np.testing.assert_allclose(max_t(values, 40_000), exact, atol=4 * np.sqrt(0.25 / 40_000))


def test_neither_blocks_nor_threads_change_anything(monkeypatch):
    values = draw()
    wanted = max_t(values, 1500, seed=7)
    with threadpool_limits(1):
        np.testing.assert_array_equal(max_t(values, 1500, seed=7), wanted)
    monkeypatch.setattr(module, "_PRODUCT", 2**12)
    monkeypatch.setattr(module, "_FLIPS_AT_ONCE", 77)
    np.testing.assert_array_equal(max_t(values, 1500, seed=7), wanted)
    assert (max_t(values, 1500, seed=8) != wanted).any()


def test_flips_are_shared_by_runs_and_fair_over_users():
    sums = flipped_sums(np.eye(130), 4000, seed=3)
    assert set(np.unique(sums)) == {-1.0, 1.0}
    assert np.abs(sums.mean(axis=0)).max() < 4.5 / np.sqrt(4000)
    correlation = np.corrcoef(sums.T) - np.eye(130)
    assert np.abs(correlation).max() < 5 / np.sqrt(4000)
    np.testing.assert_array_equal(flipped_sums(np.ones((2, 9)), 50, seed=1) @ [1, -1], np.zeros(50))


def test_a_run_does_not_differ_from_its_copy_and_copies_change_no_other_pair():
    values = draw(n_runs=3)
    shuffled = values[0] * 3 / 3
    with np.errstate(all="raise"):
        found = max_t(np.concatenate([values, values[:1], shuffled[None]]), 999)
    assert found[0, 3] == found[0, 4] == found[3, 4] == 1
    assert found[0, 2] == found[3, 2] == found[4, 2]


@pytest.mark.parametrize("seed", range(10))
def test_clearer_differences_never_have_larger_p_values(seed):
    values = draw(n_runs=4, n_users=30, seed=seed)
    first, second = np.triu_indices(4, 1)
    difference = values[first] - values[second]
    z = np.abs(difference.sum(axis=1)) / np.sqrt((difference**2).sum(axis=1))
    assert (np.diff(max_t(values, 39)[first, second][np.argsort(-z)]) >= 0).all()


def test_p_values_are_never_zero_and_never_below_the_unadjusted_ones():
    values = draw(seed=2) + np.array([0, 0, 0, 0, 1])[:, None]
    found = max_t(values, 499)
    assert found.min() == 1 / 500
    np.testing.assert_array_equal(found, found.T)
    alone = max_t(values[[0, 1]], 499)
    assert found[0, 1] >= alone[0, 1] - 0.05


def test_one_run_has_no_pairs():
    np.testing.assert_array_equal(max_t(np.ones((1, 4))), [[1]])


@pytest.mark.parametrize(("values", "message"), [(np.ones((2, 1)), "2 users or more"), (np.full((2, 2), np.nan), "4")])
def test_what_is_no_table_of_users_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        max_t(values)
