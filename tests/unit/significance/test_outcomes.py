"""How often a run is ahead, by hand and against scipy."""

import numpy as np
import pytest
from scipy import stats

from hydrarec.significance.outcomes import seed_wins, user_shares


def test_shares_add_up_and_turn_round():
    stream = np.random.default_rng(0)
    run, reference = (np.where(stream.random((200, 3)) < 0.3, stream.random((200, 3)), 0) for _ in range(2))
    there, back = user_shares(run, reference), user_shares(reference, run)
    assert there.wins + there.ties + there.losses == pytest.approx(1)
    assert (there.wins, there.losses) == (back.losses, back.wins)
    assert there.ties > 0.05


def test_the_same_values_in_another_order_are_a_tie():
    values = np.array([[0.1, 0.2, 0.3]])
    turned = values[:, ::-1]
    assert values.mean(axis=1) != turned.mean(axis=1)
    assert user_shares(values, turned).ties == 1


def test_a_difference_of_distant_places_is_no_tie():
    far = np.array([[1 / 26_743, 0, 0, 0, 0]])
    assert user_shares(far, np.array([[1 / 26_744, 0, 0, 0, 0]])).wins == 1


@pytest.mark.parametrize(("wins", "n_seeds"), [(0, 5), (3, 5), (5, 5), (7, 10)])
def test_seeds_have_the_exact_interval(wins, n_seeds):
    run = np.where(np.arange(n_seeds) < wins, 0.4, 0.2)[None]
    found = seed_wins(run, np.full((1, n_seeds), 0.3), alpha=0.1)
    # Clopper and Pearson's bounds are quantiles of beta distributions.
    low = stats.beta.ppf(0.05, wins, n_seeds - wins + 1) if wins else 0
    high = stats.beta.ppf(0.95, wins + 1, n_seeds - wins) if wins < n_seeds else 1
    assert found.probability == wins / n_seeds
    assert (found.low, found.high, found.n_seeds) == pytest.approx((low, high, n_seeds))


def test_tied_seeds_are_half_and_widen_the_interval():
    found = seed_wins(np.array([[0.3, 0.3, 0.4]]), np.array([[0.3]]))
    assert found.probability == pytest.approx(2 / 3)
    assert found.low == pytest.approx(seed_wins(np.array([[0.2, 0.2, 0.4]]), np.array([[0.3]])).low)
    assert found.high == 1


def test_what_does_not_match_is_refused():
    with pytest.raises(ValueError, match="users do not match: 2 in the run, 3"):
        user_shares(np.ones((2, 1)), np.ones((3, 1)))
    with pytest.raises(ValueError, match="seeds do not match"):
        seed_wins(np.ones((2, 2)), np.ones((2, 3)))
