"""The generator draws what it says, and knows the exact probabilities of what it draws."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrarec.config.datasets import SyntheticReaderConfig
from hydrarec.data import synthetic
from hydrarec.data.synthetic import SyntheticProcess, draw

CONFIG = SyntheticReaderConfig()


@pytest.fixture(scope="module")
def process() -> SyntheticProcess:
    return SyntheticProcess.from_config(CONFIG)


@pytest.fixture(scope="module")
def sequences() -> list[np.ndarray]:
    return [rows["item"].to_numpy() for _, rows in draw(CONFIG).groupby("user")]


HISTORY = st.lists(st.integers(0, CONFIG.n_items - 1), max_size=45, unique=True).map(np.array)


@settings(max_examples=60)
@given(HISTORY)
def test_probabilities_sum_to_one_over_the_unseen(history):
    chances = SyntheticProcess.from_config(CONFIG).next_item_probabilities(history)
    assert chances.dtype == np.float64
    assert chances.sum() == pytest.approx(1, abs=1e-12)
    assert (chances[history.astype(int)] == 0).all()
    assert (np.delete(chances, history.astype(int)) > 0).all()


def _naive_probabilities(process: SyntheticProcess, history: list[int]) -> np.ndarray:
    """Return joint chances of the history and each next item, summed over the themes, normalised; all in loops."""
    n_items = len(process.popularity)
    joint = np.zeros(n_items)
    for theme, item in itertools.product(range(len(process.themes)), range(n_items)):
        chance = 1.0
        sequence = [*history, item]
        for step, chosen in enumerate(sequence):
            weights = [
                synthetic.THEME_WEIGHT * process.themes[theme, other]
                + synthetic.POPULARITY_WEIGHT * process.popularity[other]
                + (synthetic.FIRST_ORDER_WEIGHT * process.successors[sequence[step - 1], other] if step else 0)
                for other in range(n_items)
            ]
            left = sum(weight for other, weight in enumerate(weights) if other not in sequence[:step])
            chance *= weights[chosen] / left if chosen not in sequence[:step] else 0
        joint[item] += chance
    return joint / joint.sum()


@pytest.mark.parametrize("history", [[], [7], [7, 3], [7, 3, 41, 0]])
def test_probabilities_are_the_definition(history):
    small = SyntheticProcess.from_config(SyntheticReaderConfig(n_users=50, n_items=50))
    found = small.next_item_probabilities(np.array(history, dtype=int))
    np.testing.assert_allclose(found, _naive_probabilities(small, history), rtol=1e-10)


def test_draws_follow_the_probabilities(process, sequences):
    """At several depths: chances given to what happened are calibrated in every tenth, within 4 standard errors."""
    for depth in (0, 1, 5, 14):
        chances = np.array([process.next_item_probabilities(sequence[:depth]) for sequence in sequences])
        happened = np.zeros_like(chances)
        happened[np.arange(len(sequences)), [sequence[depth] for sequence in sequences]] = 1
        edges = np.quantile(chances, np.linspace(0, 1, 11)[1:-1])
        for tenth in range(10):
            inside = np.digitize(chances, edges) == tenth
            expected, spread = chances[inside].sum(), np.sqrt((chances * (1 - chances))[inside].sum())
            assert abs(happened[inside].sum() - expected) < 4 * spread + 1e-9


def test_first_items_are_independent_of_the_first_order_part(process):
    expected = synthetic.THEME_WEIGHT * process.themes.mean(axis=0) + synthetic.POPULARITY_WEIGHT * process.popularity
    np.testing.assert_allclose(process.next_item_probabilities(np.array([])), expected / expected.sum(), rtol=1e-12)


def test_theme_needs_more_than_the_last_item(process, sequences):
    """One item leaves the theme open, the history settles it."""
    histories = [sequence[:-1] for sequence in sequences[:300]]
    by_last = np.mean([process.theme_probabilities(history[-1:]).max() for history in histories])
    by_all = np.mean([process.theme_probabilities(history).max() for history in histories])
    assert by_last < 0.7
    assert by_all > 0.95


def test_nobody_meets_an_item_twice_and_lengths_vary(sequences):
    assert all(len(np.unique(sequence)) == len(sequence) for sequence in sequences)
    lengths = {len(sequence) for sequence in sequences}
    assert (min(lengths), max(lengths)) == (synthetic.SHORTEST, synthetic.LONGEST)
    assert len(sequences) == CONFIG.n_users


def test_times_do_not_decrease_and_some_tie():
    rows = draw(CONFIG)
    gaps = rows.groupby("user")["timestamp"].diff().dropna()
    assert (gaps >= 0).all()
    assert 0.05 < (gaps == 0).mean() < 0.15


def test_same_seed_same_rows():
    small = {"n_users": 60, "n_items": 60}
    first = draw(SyntheticReaderConfig(**small))
    assert first.equals(draw(SyntheticReaderConfig(**small)))
    assert not first.equals(draw(SyntheticReaderConfig(**small, seed=1)))


def test_smallest_size_works():
    rows = draw(SyntheticReaderConfig(n_users=50, n_items=50))
    assert not rows.duplicated(["user", "item"]).any()
