"""BPR-MF on two tastes that nobody shares."""

import dataclasses

import numpy as np
import pytest
import torch

from hydrarec.baselines import bpr_mf
from hydrarec.sequences.log import Log

from .conftest import inputs_of

N_USERS = 40
OPTIONS = {"factors": 4, "learning_rate": 0.05, "iterations": 200}


@pytest.fixture(scope="module")
def tastes(tmp_path_factory):
    """Return users of whom the even ones choose among items 1 to 10 and the odd ones among 11 to 20."""
    random = np.random.default_rng(0)
    draws = [(random.permutation(10)[:7] + 1 + 10 * (user % 2)).tolist() for user in range(N_USERS)]
    return draws, inputs_of(tmp_path_factory.mktemp("world"), draws, 20)


def test_met_items_score_above_unmet_ones_and_the_own_taste_above_the_other(tastes):
    sequences, inputs = tastes
    scores = bpr_mf.scorer(inputs, OPTIONS)(torch.arange(N_USERS)).numpy()
    for row, items in enumerate(sequences):
        met = items[:-2]
        unmet = np.setdiff1d(np.arange(1, 21), met)
        assert (scores[row, met][:, None] > scores[row, unmet]).mean() > 0.9
        means = scores[row, 1:11].mean(), scores[row, 11:].mean()
        assert np.argmax(means) == row % 2


def test_the_seed_decides_the_factors(tastes):
    _, inputs = tastes
    rows = torch.arange(N_USERS)
    one, same, two = (
        bpr_mf.scorer(dataclasses.replace(inputs, seed=seed), {"iterations": 2})(rows) for seed in (3, 3, 4)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, two)


@pytest.mark.parametrize("absent", [0, N_USERS - 1])
def test_a_user_without_training_events_gets_popular_items(absent, tastes):
    _, inputs = tastes
    train = inputs.train
    others = np.delete(np.arange(N_USERS), absent)
    items = [train.items[train.offsets[row] : train.offsets[row + 1]] for row in others]
    offsets = torch.tensor([0, *np.cumsum([len(part) for part in items])])
    without = dataclasses.replace(inputs, train=Log(torch.cat(items), offsets, train.users[torch.from_numpy(others)]))
    scores = bpr_mf.scorer(without, OPTIONS)(torch.arange(N_USERS))
    assert torch.equal(scores[absent], inputs.catalogue.counts.float())
    means = torch.stack([scores[:, 1:11].mean(1), scores[:, 11:].mean(1)])
    assert means.argmax(0)[others].tolist() == (others % 2).tolist()


def test_a_training_that_runs_away_says_which_options_to_make_smaller(tastes):
    _, inputs = tastes
    with pytest.raises(ValueError, match=r"loo: .*learning_rate 5 and regularization 1e\+06; take smaller ones"):
        bpr_mf.scorer(inputs, {"learning_rate": 5.0, "regularization": 1e6})
