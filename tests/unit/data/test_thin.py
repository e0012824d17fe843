"""A drawn share of the interactions: sparser data with the same catalogue, and nothing else changed."""

import json

import numpy as np
import pytest

from hydrarec.columns import INTERACTIONS, ITEMS, USERS
from hydrarec.config import ConfigError, load
from hydrarec.config.built_in import BUILT_IN
from hydrarec.config.datasets import FilterConfig, ThinConfig
from hydrarec.data.filters import subsample
from hydrarec.data.prepare import prepare
from hydrarec.data.split import split
from hydrarec.files import read_json
from hydrarec.sequences.log import read_catalogue
from hydrarec.tables import read_table
from tests.unit.data.conftest import dataset

N_USERS, N_ITEMS = 60, 40
SHARES = (0.5, 0.25, 0.1)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Sixty users of different activity, most of them with few of forty items; exact duplicates among the rows."""
    stream = np.random.default_rng(3)
    rows = []
    for user in range(N_USERS):
        items = stream.permutation(N_ITEMS)[: 3 + user % 20]
        rows += [f"u{user},i{item},{int(stream.integers(1000))}\n" for item in items]
    file = tmp_path_factory.mktemp("raw") / "ratings.csv"
    file.write_text("".join([*rows, rows[0], rows[5]]))
    return file


@pytest.fixture(scope="module")
def folders(path, tmp_path_factory):
    """Folders of the whole data set (key 1) and of its shares."""
    made = {}
    for keep in (1, *SHARES):
        made[keep] = tmp_path_factory.mktemp("data")
        thin = None if keep == 1 else ThinConfig(keep=keep)
        prepare(dataset(path).model_copy(update={"thin": thin}), path, made[keep])
    return made


def rows_of(folder):
    """Return the interactions with the raw name of their user, and by it the places in the order of time."""
    users = read_table(folder / "users.parquet", USERS).set_index("user")["raw_user"]
    events = read_table(folder / "interactions.parquet", INTERACTIONS)
    return events.assign(user=events["user"].map(users).astype(str))


@pytest.mark.parametrize("keep", SHARES)
def test_the_share_is_kept_as_it_was(folders, keep):
    whole, some = rows_of(folders[1]), rows_of(folders[keep])
    assert len(some) == round(keep * len(whole))
    found = some.merge(whole, on=["user", "item", "timestamp"], how="left", indicator=True)
    assert len(found) == len(some)
    assert (found["_merge"] == "both").all()
    # What is left of a user keeps its order, closed up.
    assert (found.groupby("user")["position_y"].diff().dropna() > 0).all()
    assert (some["position"] == some.groupby("user", sort=False).cumcount()).all()


def test_a_smaller_share_is_part_of_a_larger_one(folders):
    sets = [set(rows_of(folders[keep])[["user", "item", "timestamp"]].itertuples(index=False)) for keep in (1, *SHARES)]
    assert sets[3] < sets[2] < sets[1] < sets[0]


@pytest.mark.parametrize("keep", SHARES)
def test_the_catalogue_is_the_whole_one(folders, keep):
    whole, some = (read_table(folders[key] / "items.parquet", ITEMS) for key in (1, keep))
    assert some[["item", "raw_item"]].equals(whole[["item", "raw_item"]])
    assert whole["n_interactions"].min() > 0
    counts = read_table(folders[keep] / "interactions.parquet", INTERACTIONS)["item"].value_counts()
    assert some["n_interactions"].tolist() == [counts.get(item, 0) for item in some["item"]]
    split(folders[keep], "loo", folders[keep] / "loo")
    assert read_catalogue(folders[keep], folders[keep] / "loo").n_items == len(whole)


@pytest.mark.parametrize("keep", SHARES)
def test_users_are_numbered_among_those_who_are_left(folders, keep):
    users, events = read_table(folders[keep] / "users.parquet", USERS), rows_of(folders[keep])
    assert users["user"].tolist() == list(range(1, len(users) + 1))
    assert users["n_interactions"].tolist() == events["user"].value_counts()[users["raw_user"]].tolist()
    whole = read_table(folders[1] / "users.parquet", USERS)["raw_user"]
    assert users["raw_user"].isin(whole).all()


def test_the_card_says_so(folders):
    whole, some = (read_json(folders[keep] / "card.json") for keep in (1, 0.1))
    assert "thin" not in whole
    assert "items_without_interaction" not in whole
    assert some["thin"] == {"keep": 0.1, "seed": 0}
    assert some["items"] == whole["items"] == N_ITEMS
    items = read_table(folders[0.1] / "items.parquet", ITEMS)
    unmet = int((items["n_interactions"] == 0).sum())
    assert some["items_without_interaction"] == unmet > 0
    assert some["popularity"]["min"] == 0
    assert some["density"] == pytest.approx(some["interactions"] / (some["users"] * N_ITEMS))
    assert some["stages"][:-1] == whole["stages"]
    assert some["stages"][-1] == {
        "stage": "a share of 0.1 drawn, catalogue kept",
        "users": some["users"],
        "items": N_ITEMS - unmet,
        "interactions": some["interactions"],
    }


def test_the_same_seed_draws_the_same(path, folders, tmp_path):
    for seed in (0, 1):
        thin = ThinConfig(keep=0.5, seed=seed)
        prepare(dataset(path).model_copy(update={"thin": thin}), path, tmp_path / str(seed))
    hashes = [read_json(folder / "card.json")["content_hash"] for folder in (folders[0.5], tmp_path / "0")]
    assert hashes[0] == hashes[1] != read_json(tmp_path / "1/card.json")["content_hash"]


def test_every_interaction_is_as_likely():
    kept = sum(subsample(50, 0.3, seed).astype(int) for seed in range(2000))
    # Binomial: 600 expected of each, a standard deviation of 20.5.
    assert np.abs(kept - 600).max() < 5 * 20.5


def test_the_filter_comes_first_and_is_not_asked_again(path, tmp_path):
    config = dataset(path, settings=FilterConfig(min_user_interactions=10, min_item_interactions=1))
    prepare(config, path, tmp_path / "whole")
    prepare(config.model_copy(update={"thin": ThinConfig(keep=0.25)}), path, tmp_path / "some")
    whole, some = (read_json(tmp_path / name / "card.json") for name in ("whole", "some"))
    assert some["interactions"] == round(0.25 * whole["interactions"])
    assert some["lengths"]["min"] < 10 <= whole["lengths"]["min"]


def test_repeats_are_counted_among_what_is_left(ratings_file, tmp_path):
    path = ratings_file([("a", "x", time) for time in range(10)])
    prepare(dataset(path).model_copy(update={"thin": ThinConfig(keep=0.4)}), path, tmp_path / "out")
    assert read_json(tmp_path / "out/card.json")["repeats"] == 3


def test_a_share_that_is_nothing_is_refused(ratings_file, tmp_path):
    path = ratings_file([("a", "x", 1), ("a", "y", 2)])
    with pytest.raises(ValueError, match=r"a share of 0.1 of 2 interactions is none; keep more"):
        prepare(dataset(path).model_copy(update={"thin": ThinConfig(keep=0.1)}), path, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def configured(*datasets):
    runs = [{"id": "popularity", "baseline": "popularity"}]
    raw = {"report": "x", "datasets": list(datasets), "seeds": [0], "runs": runs}
    return load(raw | {"evaluation": {"reference": "popularity"}})


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"thin": {"keep": 0}}, "datasets[0].thin.keep: input should be greater than 0; found 0"),
        ({"thin": {"keep": 1.0}}, "datasets[0].thin.keep: input should be less than 1; found 1.0"),
        ({"thin": {"keep": "half"}}, "datasets[0].thin.keep: input should be a valid number"),
        ({"thin": {}}, "datasets[0].thin.keep: must be given"),
        ({"thin": {"keep": 0.5, "seed": -1}}, "datasets[0].thin.seed: input should be greater than or equal to 0"),
        ({"thin": {"share": 0.5}}, "datasets[0].thin.share: no such key"),
        ({"thin": 0.5}, "datasets[0].thin: "),
        ({"like": "ml-20m-50", "thin": {"keep": 0.3}}, "ml-20m-50 is thinned already; name the whole data set in"),
    ],
)
def test_mistakes_are_named_with_their_key(entry, words):
    with pytest.raises(ConfigError) as caught:
        configured({"like": "ml-1m", "id": "x", **entry})
    assert words in str(caught.value)


def test_titles_tell_shares_and_draws_apart():
    thin = {"keep": 0.125, "seed": 2}
    plain, made = configured("ml-1m", {"like": "ml-1m", "id": "x", "thin": thin, "tie_order": 4}).datasets
    assert made.title == f"{plain.title}, 12.5 % of the interactions (draw 2), ties in random order 4"
    assert made.thin == ThinConfig(keep=0.125, seed=2)


@pytest.mark.parametrize("percent", [50, 25, 10])
def test_built_in_shares_differ_in_nothing_else(percent):
    whole, some = BUILT_IN["ml-20m"], BUILT_IN[f"ml-20m-{percent}"]
    assert some.thin == ThinConfig(keep=percent / 100)
    assert some.title == f"{whole.title}, {percent} % of the interactions"
    assert whole.same_but_for_thinning(some)
    assert not whole.same_but_for_ties(some)
    assert not BUILT_IN["ml-1m"].same_but_for_thinning(some)


def test_data_prepared_before_there_was_thinning_need_not_be_prepared_anew():
    """The definition is a parameter of the rule `prepare`, and whatever changes it repeats the rule."""
    assert "thin" not in json.loads(BUILT_IN["ml-20m"].model_dump_json())
    assert json.loads(BUILT_IN["ml-20m-10"].model_dump_json())["thin"] == {"keep": 0.1, "seed": 0}
