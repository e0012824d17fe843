"""The smoothed chain against a loop over events, with dictionaries instead of matrices."""

import dataclasses
from collections import Counter

import pytest
import torch

from hydrarec.baselines import markov, markov_smoothed

from .conftest import SEQUENCES


def naive(sequences, history, n_items, *, window, decay, smoothing):
    """Score all items by the formula of the docstring."""
    train = [items[:-2] for items in sequences]
    popularity = Counter(item for items in train for item in items)
    counts = Counter()
    for items in train:
        for first, item in enumerate(items):
            for gap, follower in enumerate(items[first + 1 : first + 1 + window]):
                counts[item, follower] += decay**gap
    scores = [0.0] * (n_items + 1)
    for age, item in enumerate(reversed(history)):
        total = sum(counts[item, follower] for follower in range(n_items + 1))
        for other in range(n_items + 1):
            share = popularity[other] / popularity.total()
            scores[other] += decay**age * (counts[item, other] + smoothing * share) / (total + smoothing)
    return scores


@pytest.mark.parametrize(
    ("window", "decay", "smoothing"), [(1, 0.5, 1.0), (2, 0.5, 3.0), (10, 1.0, 0.25), (2, 0.8, 100.0)]
)
def test_scores_are_those_of_a_plain_loop(window, decay, smoothing, inputs):
    options = {"window": window, "decay": decay, "smoothing": smoothing}
    expected = [naive(SEQUENCES, items[:-1], 5, **options) for items in SEQUENCES]
    scores = markov_smoothed.scorer(inputs, options)(torch.arange(4))
    torch.testing.assert_close(scores, torch.tensor(expected), rtol=1e-5, atol=1e-7)


def test_each_item_of_the_history_brings_one_unit_of_probability(inputs):
    scores = markov_smoothed.scorer(inputs, {"decay": 0.5})(torch.arange(4))
    torch.testing.assert_close(scores.sum(1), torch.tensor([1.875, 1.875, 1.75, 1.5]))


def test_with_the_nearest_only_the_plain_chain_is_left(inputs):
    nearest = markov_smoothed.scorer(inputs, {"window": 1, "decay": 1e-6, "smoothing": 1e-3})
    # The last items of these cases were followed by others in training.
    rows = torch.tensor([1, 2, 3])
    assert torch.equal(
        nearest(rows).argsort(stable=True)[:, -2:], markov.scorer(inputs, {})(rows).argsort(stable=True)[:, -2:]
    )


def test_a_newcomer_gets_popular_items(inputs):
    starts = inputs.cases.starts.clone()
    starts[2] = inputs.cases.stops[2]
    newcomer = dataclasses.replace(inputs, cases=dataclasses.replace(inputs.cases, starts=starts))
    scores = markov_smoothed.scorer(newcomer, {})(torch.tensor([2]))
    torch.testing.assert_close(scores, torch.tensor([[0, 3, 3, 2, 1, 0]]) / 9)
