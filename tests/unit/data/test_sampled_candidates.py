"""Sampled candidates: what may be drawn, how often, once for all."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydrarec.columns import CANDIDATES
from hydrarec.config.built_in import BUILT_IN
from hydrarec.config.datasets import SyntheticReaderConfig
from hydrarec.data.prepare import prepare
from hydrarec.data.sampled_candidates import sample_candidates, sample_items
from hydrarec.data.split import split
from hydrarec.tables import content_hash, read_table
from tests.unit.ranking.worlds import write_world


def inclusion(weights: dict[int, int], number: int) -> dict[int, float]:
    """Return how often each item is among the sampled, from all orders of drawing one after the other."""
    found = dict.fromkeys(weights, 0.0)
    for order in permutations(weights, number):
        left, chance = sum(weights.values()), 1.0
        for item in order:
            chance *= weights[item] / left
            left -= weights[item]
        for item in order:
            found[item] += chance
    return found


@pytest.mark.parametrize("number", [2, 3])
def test_items_are_drawn_in_proportion_to_what_is_left(number):
    """With 2 * number draws many rows are finished by the second way of drawing, so that both are tested."""
    weights, n_rows = {1: 12, 2: 1, 3: 3, 4: 1, 6: 2}, 40_000
    pool = np.repeat(list(weights), list(weights.values()))
    taken = np.zeros((n_rows, 8), dtype=bool)
    sampled = sample_items(pool, taken, number, np.random.default_rng(1))
    assert all(len(set(row)) == number for row in sampled[:500].tolist())
    for item, chance in inclusion(weights, number).items():
        error = np.sqrt(chance * (1 - chance) / n_rows)
        assert abs((sampled == item).any(axis=1).mean() - chance) < 4.5 * error, item
    assert (taken.sum(axis=1) == number).all()


def test_the_first_drawn_are_drawn_by_weight_alone():
    pool = np.repeat([1, 2, 3], [6, 3, 1])
    sampled = sample_items(pool, np.zeros((20_000, 4), dtype=bool), 3, np.random.default_rng(2))
    np.testing.assert_allclose(np.bincount(sampled[:, 0])[1:] / 20_000, [0.6, 0.3, 0.1], atol=0.015)
    # After item 1 comes item 2 in three of four cases.
    assert (sampled[sampled[:, 0] == 1, 1] == 2).mean() == pytest.approx(0.75, abs=0.015)


@given(st.data(), st.integers(1, 6))
def test_nothing_taken_is_drawn_and_few_are_left_out(data, number):
    n_items = data.draw(st.integers(1, 8))
    pool = np.array(data.draw(st.lists(st.integers(1, n_items), min_size=1, max_size=20)))
    row = st.lists(st.booleans(), min_size=n_items + 1, max_size=n_items + 1)
    taken = np.array(data.draw(st.lists(row, max_size=4)), dtype=bool).reshape(-1, n_items + 1)
    taken[:, 0] = True
    before = taken.copy()
    sampled = sample_items(pool, taken, number, np.random.default_rng(0))
    for row, blocked in zip(sampled, before, strict=True):
        free = set(pool.tolist()) - set(np.flatnonzero(blocked).tolist())
        items = row[row > 0].tolist()
        assert len(set(items)) == len(items) == min(number, len(free))
        assert set(items) <= free


SEQUENCES = [[1, 2, 3, 4, 5], [2, 3, 1, 6, 4], [4, 5, 6, 1, 7], [6, 2, 9]]
"""Training parts 1 2 3 | 2 3 1 | 4 5 6 | 6; item 8 and 9 are cold, and so is the target of the last."""


@pytest.mark.parametrize("kind", ["uniform-100", "popularity-100"])
def test_what_is_left_when_history_and_target_are_taken_out(kind, tmp_path):
    sample_candidates(write_world(tmp_path, SEQUENCES, 9), "loo", kind, tmp_path / "drawn.parquet")
    rows = read_table(tmp_path / "drawn.parquet", CANDIDATES)
    assert rows.groupby("user")["item"].apply(list).to_dict() == {1: [6], 2: [5], 3: [2, 3], 4: [1, 3, 4, 5]}
    assert set(rows["step"]) == {0}


def test_a_history_with_repeats_is_not_taken_out(tmp_path):
    sample_candidates(
        write_world(tmp_path, [[1, 2, 1, 2, 3], [3, 1, 2]], 3), "loo", "uniform-100", tmp_path / "drawn.parquet"
    )
    rows = read_table(tmp_path / "drawn.parquet", CANDIDATES)
    assert rows.groupby("user")["item"].apply(list).to_dict() == {1: [1, 2], 2: [1, 3]}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return the folder of a small embedded data set with several targets per user."""
    folder = tmp_path_factory.mktemp("results") / "synthetic"
    reader = SyntheticReaderConfig(n_users=60, n_items=260)
    prepare(BUILT_IN["synthetic"].model_copy(update={"reader": reader}), None, folder)
    split(folder, "gts", folder / "gts")
    return folder


@pytest.mark.parametrize("kind", ["uniform-100", "popularity-100"])
def test_every_target_has_its_hundred_beside_what_was_known_before_it(kind, data, tmp_path):
    sample_candidates(data, "gts", kind, tmp_path / "one.parquet")
    sample_candidates(data, "gts", kind, tmp_path / "two.parquet")
    assert content_hash(tmp_path / "one.parquet") == content_hash(tmp_path / "two.parquet")
    rows = read_table(tmp_path / "one.parquet", CANDIDATES)
    parts = {name: pd.read_parquet(data / f"gts/{name}.parquet") for name in ("train", "validation", "test")}
    events, warm = pd.concat(parts.values()), set(parts["train"]["item"])
    targets = parts["test"][parts["test"]["step"] >= 0].set_index(["user", "step"])
    sampled = rows.groupby(["user", "step"])["item"].apply(list)
    assert sampled.index.equals(targets.sort_index().index)
    for (user, step), items in sampled.items():
        target = targets.loc[(user, step)]
        known = events[(events["user"] == user) & (events["position"] < target["position"])]["item"]
        free = warm - set(known) - {target["item"]}
        assert set(items) <= free
        assert len(set(items)) == len(items) == min(100, len(free))
        assert items == sorted(items)


def test_popular_items_are_drawn_more_often_by_popularity_alone(data, tmp_path):
    counts = pd.read_parquet(data / "gts/train.parquet")["item"].value_counts()
    average = {}
    for kind in ("uniform-100", "popularity-100"):
        sample_candidates(data, "gts", kind, tmp_path / "drawn.parquet")
        average[kind] = counts[read_table(tmp_path / "drawn.parquet", CANDIDATES)["item"]].mean()
    assert average["popularity-100"] > 1.2 * average["uniform-100"]
