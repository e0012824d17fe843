"""Baselines on sequences small enough to count by hand."""

import dataclasses
from typing import Annotated

import numpy as np
import pytest
import torch
from pydantic import Field

from hydrarec.baselines import itemknn, markov, popularity, read_options
from hydrarec.config.base import ConfigModel
from hydrarec.sequences.matrices import history_weights, transitions

from .conftest import SEQUENCES


def test_popularity_is_the_training_count(inputs):
    scores = popularity.scorer(inputs, {})(torch.arange(2))
    assert scores.tolist() == [[0, 3, 3, 2, 1, 0]] * 2


def test_markov_counts_what_followed_within_a_user(inputs):
    counts = transitions(inputs.train, 5).toarray()
    expected = np.zeros((6, 6))
    expected[1, 2] = 2
    expected[2, 3] = expected[2, 4] = expected[3, 1] = 1
    assert np.array_equal(counts, expected)


def test_markov_counts_followers_at_a_distance_within_a_user(inputs):
    expected = np.zeros((6, 6))
    expected[1, 3] = expected[1, 4] = 1
    assert np.array_equal(transitions(inputs.train, 5, gap=2).toarray(), expected)


def test_markov_starts_from_the_last_item_and_breaks_ties_by_popularity(inputs):
    # The last known items are the validation items 4, 3, 2 and 1.
    scores = markov.scorer(inputs, {})(torch.arange(4))
    share = torch.tensor([0, 3, 3, 2, 1, 0]) / 6
    counts = torch.zeros(4, 6)
    counts[1, 1] = counts[2, 3] = counts[2, 4] = 1
    counts[3, 2] = 2
    torch.testing.assert_close(scores, counts + share)


def test_popularity_never_overturns_a_transition(inputs):
    scores = markov.scorer(inputs, {})(torch.arange(4))
    # After item 2 came item 4, the least popular; the most popular, 1 and 2, never did.
    assert scores[2, 4] > scores[2].take(torch.tensor([1, 2, 5])).max()


def test_markov_knows_no_last_item_of_a_newcomer(inputs):
    cases = inputs.cases
    starts = cases.starts.clone()
    starts[[0, 2]] = cases.stops[[0, 2]]
    last = markov.last_items(type(cases)(cases.log, cases.users, cases.steps, cases.targets, starts, cases.stops))
    assert last.tolist() == [0, 3, 0, 1]


def test_similarity_is_the_cosine_of_the_user_sets(inputs):
    found = itemknn.similarities(inputs.train, 5, neighbours=10).toarray()
    met = np.zeros((4, 6))
    for user, items in enumerate(SEQUENCES):
        met[user, items[:-2]] = 1
    norms = np.maximum(np.sqrt(met.sum(0)), 1)
    cosine = (met.T @ met) / np.outer(norms, norms)
    np.fill_diagonal(cosine, 0)
    np.testing.assert_allclose(found, cosine, rtol=1e-6)


def test_only_the_nearest_are_kept_and_ties_go_to_the_smaller_id(inputs, monkeypatch):
    everything = itemknn.similarities(inputs.train, 5, neighbours=10).toarray()
    monkeypatch.setattr(itemknn, "BLOCK", 4)
    for neighbours in (1, 2):
        found = itemknn.similarities(inputs.train, 5, neighbours).toarray()
        for item in range(6):
            kept = sorted((-value, other) for other, value in enumerate(everything[item]) if value > 0)[:neighbours]
            assert found[item].nonzero()[0].tolist() == sorted(other for _, other in kept)
            assert all(found[item, other] == -value for value, other in kept)


def test_older_items_weigh_less(inputs):
    weights = history_weights(inputs.cases, torch.tensor([2, 0]), 5, decay=0.5).toarray()
    assert weights.tolist() == [[0, 0.5, 1, 0.25, 0, 0], [0, 0.125, 0.25, 0.5, 1, 0]]


def test_itemknn_sums_weighted_similarities(inputs):
    scores = itemknn.scorer(inputs, {"decay": 0.5, "neighbours": 3})(torch.tensor([2]))
    similar = itemknn.similarities(inputs.train, 5, 3).toarray()
    np.testing.assert_allclose(scores[0], 0.25 * similar[3] + 0.5 * similar[1] + similar[2], rtol=1e-6)


def test_shrinkage_grows_the_denominator_of_the_cosine(inputs):
    cosine, shrunk = (itemknn.similarities(inputs.train, 5, 10, shrinkage).toarray() for shrinkage in (0.0, 2.0))
    # Items 1 and 2 have three users each and share two of them; 1 and 4, with one user, share that one.
    assert cosine[1, 2] == pytest.approx(2 / 3)
    assert shrunk[1, 2] == pytest.approx(2 / (3 + 2))
    assert shrunk[1, 4] == pytest.approx(1 / (np.sqrt(3) + 2))


def test_popular_items_come_where_nothing_is_similar(inputs):
    starts = inputs.cases.starts.clone()
    starts[0] = inputs.cases.stops[0]
    newcomer = dataclasses.replace(inputs, cases=dataclasses.replace(inputs.cases, starts=starts))
    assert itemknn.scorer(newcomer, {})(torch.tensor([0])).tolist() == [[0, 3, 3, 2, 1, 0]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decay": 0.0}, r"(?s)decay: input should be greater than 0.*allowed:.*decay: number, > 0, <= 1"),
        ({"neighbours": 0}, r"(?s)neighbours: input should be greater than or equal to 1.*neighbours: integer, >= 1"),
        ({"neighbours": "many"}, r"(?s)neighbours: .*default 1000"),
        ({"neighbors": 5}, r"(?s)neighbors: no such key.*neighbours: integer"),
    ],
)
def test_wrong_options_are_refused_with_the_ranges(options, message, inputs):
    with pytest.raises(ValueError, match=message):
        itemknn.scorer(inputs, options)


def test_a_whole_number_does_for_the_decay(inputs):
    assert itemknn.scorer(inputs, {"decay": 1})(torch.tensor([0])).isfinite().all()


class _Own(ConfigModel):
    depth: int
    share: Annotated[float, Field(gt=0)] | None = None
    """of whatever"""


def test_a_mistake_in_the_options_of_an_own_baseline_is_told_with_all_there_are():
    message = "(?s)depht: no such key.*allowed: depth: integer, required; share: number or null, default None: of what"
    with pytest.raises(ValueError, match=message):
        read_options(_Own, {"depht": 1})
