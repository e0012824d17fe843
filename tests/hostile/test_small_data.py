"""Data that are smaller than anybody expects: what has a result gets it, and the rest is refused with the reason."""

import json

import pandas as pd
import pytest

from hydrarec.columns import RANKS, RECOMMENDATIONS
from hydrarec.config.datasets import FilterConfig, PairsReaderConfig, RatingsReaderConfig
from hydrarec.tables import read_table
from tests.hostile.conftest import EVERYTHING, definition
from tests.unit.training.ring import settings

TIMED = RatingsReaderConfig(columns=["user", "item", "timestamp"])
BASELINES = [
    "popularity",
    "recent_popularity",
    "markov",
    "markov_smoothed",
    "itemknn",
    "ease",
    "bpr_mf",
    "random",
    "oracle",
]


@pytest.fixture
def prepared(tmp_path, command):
    """Return how to prepare rows of user and item, or of user, item and time."""

    def run(rows, kept=EVERYTHING):
        path, timed = tmp_path / "raw.txt", len(rows[0]) == 3
        path.write_text("".join(("," if timed else " ").join(map(str, row)) + "\n" for row in rows))
        dataset = definition(path, TIMED if timed else PairsReaderConfig(), kept)
        command.works("prepare", "--dataset", dataset, "--raw", path, "--output", "data")

    return run


@pytest.fixture
def split(prepared, command):
    """Return how to prepare and split rows by leave-one-out."""

    def run(rows):
        prepared(rows)
        command.works("split", "--data", "data", "--protocol", "loo", "--output", "data/loo")

    return run


def training(loss="cross_entropy", masking="causal", **encoder):
    raw = settings(masking, max_epochs=1).model_dump(mode="json")
    raw["loss"] = {"kind": loss}
    raw["encoder"].update(encoder)
    return ("train", "--settings", json.dumps(raw), *ON_DATA)


ON_DATA = ("--data", "data", "--protocol", "loo", "--seed", 0, "--output", "run")
RANK = ("rank", "--model", "run/model.safetensors", *ON_DATA[:4], *ON_DATA[6:])


def sequences(n_users, n_items, length):
    return [(u, (u + t) % n_items) for u in range(n_users) for t in range(length)]


def test_one_interaction(prepared, command):
    prepared([("u", "i", 1)])
    for protocol, words in (("loo", "would have no targets"), ("gts", "of one second")):
        command.refuses("split", "--data", "data", "--protocol", protocol, "--output", "out", words=("data", words))


def test_everything_in_one_second(prepared, command):
    prepared([(u, i, 5) for u in range(4) for i in range(4)])
    command.refuses("split", "--data", "data", "--protocol", "gts", "--output", "out", words=("data", "one second"))


def test_no_times(prepared, command):
    prepared(sequences(4, 4, 4))
    words = ("data", "gts needs times", "allowed: loo")
    command.refuses("split", "--data", "data", "--protocol", "gts", "--output", "out", words=words)


def test_users_of_two_interactions(prepared, command):
    prepared(sequences(5, 9, 2))
    words = ("data", "under loo the validation part would have no targets")
    command.refuses("split", "--data", "data", "--protocol", "loo", "--output", "out", words=words)


def test_nothing_survives_the_filter(tmp_path, command):
    path = tmp_path / "raw.txt"
    path.write_text("1 1\n2 2\n")
    dataset = definition(path, PairsReaderConfig(), FilterConfig())
    words = ("tiny", "removes all 2 interactions", "lower the minimum counts")
    command.refuses("prepare", "--dataset", dataset, "--raw", path, "--output", "data", words=words)


def test_users_of_three_interactions_are_ranked_but_cannot_be_trained_on(split, command):
    split(sequences(5, 9, 3))
    command.works("baseline", "popularity", "--run", "x", *ON_DATA)
    command.refuses(*training(), words=("none of the 5 users has 2 training interactions", "`loo`"))


def test_a_user_with_one_interaction_among_others_is_no_target(split, command, tmp_path):
    split([*sequences(6, 12, 5), ("single", 3)])
    command.works(*training())
    command.works(*RANK)
    assert len(read_table(tmp_path / "run/ranks.parquet", RANKS)) == 6


ONE_ITEM = [(u, "only") for u in range(3) for _ in range(5)]


@pytest.mark.parametrize("loss", ["sampled_softmax", "binary_cross_entropy"])
def test_one_item_has_no_negatives(loss, split, command):
    split(ONE_ITEM)
    command.refuses(*training(loss), words=("one item", "negatives", "loss cross_entropy"))


@pytest.mark.parametrize("loss", ["sampled_softmax", "binary_cross_entropy"])
def test_two_items_have(loss, split, command):
    split([(u, t % 2) for u in range(3) for t in range(6)])
    command.works(*training(loss))


@pytest.mark.parametrize("masking", ["causal", "bidirectional"])
def test_one_item(masking, split, command, tmp_path):
    split(ONE_ITEM)
    command.works(*training(masking=masking))
    command.works(*RANK)
    ranks = read_table(tmp_path / "run/ranks.parquet", RANKS)
    assert ranks[["greater", "equal", "n_candidates"]].to_numpy().tolist() == [[0, 0, 1]] * 3


@pytest.mark.parametrize("masking", ["causal", "bidirectional"])
def test_one_user(masking, split, command):
    split(sequences(1, 20, 9))
    command.works(*training("binary_cross_entropy", masking))
    command.works(*RANK)


@pytest.mark.parametrize("masking", ["causal", "bidirectional"])
def test_window_longer_than_any_history(masking, split, command):
    split(sequences(4, 30, 6))
    command.works(*training(masking=masking, max_length=500))
    command.works(*RANK)


def test_window_of_one(split, command):
    split(sequences(4, 30, 6))
    command.works(*training(max_length=1))
    command.works(*RANK)


def test_fewer_items_than_any_k(split, command, tmp_path):
    split(sequences(6, 6, 5))
    command.works(*training())
    command.works(*RANK)
    ranks = read_table(tmp_path / "run/ranks.parquet", RANKS)
    lists = read_table(tmp_path / "run/recommendations.parquet", RECOMMENDATIONS)
    # Four items are known, so two are left, the target among them.
    assert ranks["n_candidates"].tolist() == [2] * 6
    assert lists.groupby("user").size().tolist() == [2] * 6


def test_the_only_candidate_is_the_target(split, command, tmp_path):
    split(sequences(5, 5, 5))
    command.works("baseline", "popularity", "--run", "x", *ON_DATA)
    ranks = read_table(tmp_path / "run/ranks.parquet", RANKS)
    assert ranks[["greater", "equal", "n_candidates"]].to_numpy().tolist() == [[0, 0, 1]] * 5


def test_every_target_is_cold(split, command, tmp_path):
    split([(u, f"{u}-{t}") for u in range(4) for t in range(5)])
    command.works(*training())
    command.works(*RANK)
    ranks = read_table(tmp_path / "run/ranks.parquet", RANKS)
    assert not ranks["warm"].any()
    assert (ranks["greater"] == ranks["n_candidates"]).all()


@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize(
    "rows",
    [sequences(1, 20, 3), sequences(3, 3, 3), [(u, "only") for u in range(2) for _ in range(4)]],
    ids=["one user", "three items", "one item"],
)
def test_baselines_on_next_to_nothing(baseline, rows, split, command, tmp_path):
    split(rows)
    command.works("baseline", baseline, "--run", "x", *ON_DATA)
    ranks = read_table(tmp_path / "run/ranks.parquet", RANKS)
    assert len(ranks) == pd.DataFrame(rows)[0].nunique()
    assert (ranks["greater"] <= ranks["n_candidates"]).all()
