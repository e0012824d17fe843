"""Interactions of the same second in a random order: nothing else changes, and what is not tied stays."""

import json

import numpy as np
import pandas as pd
import pytest

from hydrarec.columns import INTERACTIONS
from hydrarec.config import ConfigError, load
from hydrarec.config.built_in import BUILT_IN
from hydrarec.config.datasets import PairsReaderConfig
from hydrarec.data.prepare import prepare
from hydrarec.files import read_json
from hydrarec.tables import content_hash, read_table
from tests.unit.data.conftest import dataset


def prepared(path, folder, seed):
    """Prepare with an order of ties and return the interactions."""
    prepare(dataset(path).model_copy(update={"tie_order": seed}), path, folder)
    return read_table(folder / "interactions.parquet", INTERACTIONS)


@pytest.fixture
def path(ratings_file):
    """Forty users with thirty interactions in ten seconds, and one whose times all differ."""
    stream = np.random.default_rng(3)
    rows = [(f"u{user}", f"i{item}", int(stream.integers(10))) for user in range(40) for item in range(30)]
    return ratings_file([*rows, *(("last", f"i{item}", 100 - item) for item in range(30))])


def test_only_ties_change(path, tmp_path):
    by_file, one, two = (prepared(path, tmp_path / str(seed), seed) for seed in (None, 1, 2))
    for frame in (one, two):
        assert frame[["user", "position", "timestamp"]].equals(by_file[["user", "position", "timestamp"]])
        in_any_order = ["user", "timestamp", "item"]
        pd.testing.assert_frame_equal(
            frame.sort_values(in_any_order, ignore_index=True)[in_any_order],
            by_file.sort_values(in_any_order, ignore_index=True)[in_any_order],
        )
        assert (frame["item"] != by_file["item"]).mean() > 0.4
        last = by_file["user"].max()
        assert frame.loc[frame["user"] == last, "item"].equals(by_file.loc[by_file["user"] == last, "item"])
    assert (one["item"] != two["item"]).mean() > 0.4
    for name in ("items.parquet", "users.parquet"):
        assert len({content_hash(tmp_path / str(seed) / name) for seed in (None, 1, 2)}) == 1
    assert prepared(path, tmp_path / "again", 1)["item"].equals(one["item"])
    assert read_json(tmp_path / "1/card.json")["tie_order"] == 1
    assert "tie_order" not in read_json(tmp_path / "None/card.json")


def test_every_order_of_a_tie_is_as_likely(ratings_file, tmp_path):
    path = ratings_file([(f"u{user}", item, 7) for user in range(3000) for item in "xyz"])
    items = prepared(path, tmp_path, 5)["item"].to_numpy().reshape(-1, 3)
    orders, counts = np.unique(items, axis=0, return_counts=True)
    assert len(orders) == 6
    # Binomial: 500 expected of each, a standard deviation of 20.
    assert np.abs(counts - 500).max() < 5 * 20.4


def test_without_times_there_are_no_ties(ratings_file, tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text("1 2\n1 3\n")
    with pytest.raises(ValueError, match="reader pairs has no times to be tied; remove `tie_order`"):
        type(dataset(path)).model_validate({**dataset(path, PairsReaderConfig()).model_dump(), "tie_order": 1})


def configured(*datasets):
    run = {"id": "popularity", "baseline": "popularity"}
    return load(
        {
            "report": "x",
            "datasets": list(datasets),
            "seeds": [0],
            "runs": [run],
            "evaluation": {"reference": "popularity"},
        }
    )


def test_a_data_set_can_be_like_a_built_in_one():
    config = configured("ml-1m", {"like": "ml-1m", "id": "ml-1m-ties-4", "tie_order": 4})
    plain, tied = config.datasets
    assert tied.title == f"{plain.title}, ties in random order 4"
    assert (tied.source, tied.reader, tied.filter, tied.tie_order) == (plain.source, plain.reader, plain.filter, 4)
    assert plain.same_but_for_ties(tied)
    assert not plain.same_but_for_ties(BUILT_IN["ml-20m"])


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"like": "ml-2m", "id": "x"}, "'ml-2m' is not a built-in dataset; allowed: beauty, "),
        ({"like": "ml-1m", "tie_order": 1}, "a dataset like ml-1m needs an `id` of its own"),
        ({"like": "ml-1m", "id": "x", "tie_order": -1}, "datasets[0].tie_order: input should be greater than or equal"),
        ({"like": "ml-1m", "id": "x", "tie_ordr": 1}, "datasets[0].tie_ordr: no such key"),
    ],
)
def test_mistakes_in_what_is_like_another_are_named(entry, words):
    with pytest.raises(ConfigError) as caught:
        configured(entry)
    assert words in str(caught.value)


def test_data_prepared_before_there_were_orders_of_ties_need_not_be_prepared_anew():
    """The definition is a parameter of the rule `prepare`, and whatever changes it repeats the rule."""
    assert "tie_order" not in json.loads(BUILT_IN["ml-1m"].model_dump_json())
    tied = BUILT_IN["ml-1m"].model_copy(update={"tie_order": 2})
    assert json.loads(tied.model_dump_json())["tie_order"] == 2
