"""EASE against a ridge regression per item, and its refusal to fill the memory."""

import dataclasses

import numpy as np
import pytest
import torch

from hydrarec.baselines import ease

from .conftest import inputs_of


def ridge(met, l2):
    """Regress each column on all others, its own weight fixed to 0: least squares with l2 as further rows."""
    n_columns = met.shape[1]
    weights = np.zeros((n_columns, n_columns))
    for column in range(n_columns):
        others = np.delete(np.arange(n_columns), column)
        rows = np.vstack([met[:, others], np.sqrt(l2) * np.eye(len(others))])
        targets = np.concatenate([met[:, column], np.zeros(len(others))])
        weights[others, column] = np.linalg.lstsq(rows, targets)[0]
    return weights


def binary(sequences, n_items):
    met = np.zeros((len(sequences), n_items + 1))
    for row, items in enumerate(sequences):
        met[row, items] = 1
    return met


@pytest.fixture(scope="module")
def larger(tmp_path_factory):
    """Return thirty users with items of eight, drawn with repeats."""
    draws = np.random.default_rng(0).integers(1, 9, (30, 9)).tolist()
    return draws, inputs_of(tmp_path_factory.mktemp("world"), draws, 8)


@pytest.mark.parametrize("l2", [0.5, 200.0])
def test_weights_are_those_of_a_ridge_regression_per_item(l2, larger, monkeypatch):
    sequences, inputs = larger
    monkeypatch.setattr(ease, "BLOCK", 4)
    expected = ridge(binary([items[:-2] for items in sequences], 8), l2)
    np.testing.assert_allclose(ease.item_weights(inputs.train, 8, l2).numpy(), expected, rtol=1e-9, atol=1e-12)


def test_scores_sum_the_weights_of_the_set_of_items(larger):
    sequences, inputs = larger
    weights = ridge(binary([items[:-2] for items in sequences], 8), 10.0)
    scores = ease.scorer(inputs, {"l2": 10.0})(torch.arange(30))
    expected = binary([items[:-1] for items in sequences], 8) @ weights
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-7)


def test_popular_items_come_where_no_item_of_the_history_is_known(inputs):
    starts = inputs.cases.starts.clone()
    starts[1] = inputs.cases.stops[1]
    items = inputs.cases.log.items.clone()
    # Item 5 is in no training part; now it is all that the last user has met.
    items[inputs.cases.starts[3] : inputs.cases.stops[3]] = 5
    cases = dataclasses.replace(inputs.cases, starts=starts, log=dataclasses.replace(inputs.cases.log, items=items))
    scores = ease.scorer(dataclasses.replace(inputs, cases=cases), {})(torch.tensor([1, 3]))
    assert scores.tolist() == [[0, 3, 3, 2, 1, 0]] * 2


def test_too_large_matrices_are_refused_before_anything_is_computed(inputs, monkeypatch):
    monkeypatch.setattr(ease, "item_weights", None)
    large = dataclasses.replace(inputs, catalogue=dataclasses.replace(inputs.catalogue, n_items=54_542))
    with pytest.raises(ValueError, match=r"loo: 54542 items need 44\.3 GiB for 2 dense .*; max_memory_gib allows 16$"):
        ease.scorer(large, {})
    with pytest.raises(ValueError, match=r"max_memory_gib allows 44\.3$"):
        ease.scorer(large, {"max_memory_gib": 44.3})


def test_items_that_cannot_be_told_apart_are_said_to_need_more_regularisation(tmp_path):
    inputs = inputs_of(tmp_path, [[1, 2, 3, 4, 4]] * 3, 4)
    with pytest.raises(ValueError, match=r"l2 of 1e-17 is too small"):
        ease.scorer(inputs, {"l2": 1e-17})
