"""What differences hang on in the order of ties: held to numbers worked out from the ranks files themselves."""

import shutil

import numpy as np
import pandas as pd
import pytest

from hydrarec.analyses.orders import orders
from hydrarec.columns import HELD_OUT, RANKS
from hydrarec.comparison.runs import find_finished
from hydrarec.layout import split_folder
from hydrarec.tables import read_table, write_table
from tests.fabricate import HYDRA_UNI, SASREC, Tree, config

READER = {"kind": "synthetic"}
TIED = ["tied-1", "tied-2", "tied-3"]


def entries(names, **more):
    tied = [{"id": n, "title": n, "reader": READER, "tie_order": i, **more} for i, n in enumerate(names)]
    return [{"id": "plain", "title": "Plain", "reader": READER}, *tied]


def configured(datasets):
    """Return a comparison without its controls, which are not compared."""
    everything = config(seeds=2, more={"datasets": datasets})
    return everything.model_copy(update={"runs": everything.runs[:4]})


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Three random orders of ties beside that of the file; the rows of users stand in any order in ranks files."""
    folder = tmp_path_factory.mktemp("orders")
    return Tree(configured(entries(TIED)), folder / "results", n_users=30).write()


@pytest.fixture(scope="module")
def found(tree):
    return orders(tree.config, find_finished(tree.config, tree.results))


def ndcg_by_user(tree, dataset, run, seed):
    ranks = read_table(tree.folder(run, seed, dataset) / "ranks.parquet", RANKS).sort_values("user")
    below = ranks["greater"].to_numpy() + np.arange(2)[:, None]
    places = np.where(ranks["equal"].to_numpy() >= np.arange(2)[:, None], below, -1)
    gains = np.where((places >= 0) & (places < 10), 1 / np.log2(np.maximum(places, 0) + 2), 0)
    return ranks["warm"].to_numpy() * gains.sum(axis=0) / (places >= 0).sum(axis=0)


def difference(tree, dataset, run):
    seeds = [0] if run == "popularity" else [0, 1]
    own = np.mean([ndcg_by_user(tree, dataset, run, seed) for seed in seeds])
    return own - np.mean([ndcg_by_user(tree, dataset, SASREC, seed) for seed in (0, 1)])


@pytest.mark.parametrize("run", [HYDRA_UNI, "popularity"])
def test_differences_in_every_order_are_those_of_the_ranks(tree, found, run):
    row = found.set_index(["run", "metric"]).loc[(run, "ndcg@10")]
    drawn = [difference(tree, name, run) for name in TIED]
    assert row["difference"] == pytest.approx(difference(tree, "plain", run))
    assert row["mean"] == pytest.approx(np.mean(drawn))
    assert (row["lowest"], row["highest"]) == (pytest.approx(min(drawn)), pytest.approx(max(drawn)))
    assert row["deviation"] == pytest.approx(np.std(drawn, ddof=1))
    assert row["deviation_low"] < row["deviation"] < row["deviation_high"]
    assert (row["n_orders"], row["n_users"], row["n_seeds"]) == (3, 30, 2)


def test_there_is_a_row_for_every_run_that_competes(found):
    assert set(found["dataset"]) == {"plain"}
    assert set(found["reference"]) == {SASREC}
    assert sorted(found["run"]) == sorted([HYDRA_UNI, "itemknn", "popularity"] * 2)
    assert list(found["metric"].unique()) == ["ndcg@10", "hr@10"]


def test_two_runs_without_chance_have_one_seed(tree):
    evaluation = tree.config.evaluation.model_copy(update={"reference": "itemknn"})
    other = tree.config.model_copy(update={"evaluation": evaluation})
    found = orders(other, find_finished(other, tree.results))
    assert found.set_index("run").loc["popularity", "n_seeds"].eq(1).all()
    assert found.set_index("run").loc[HYDRA_UNI, "n_seeds"].eq(2).all()


@pytest.mark.parametrize(
    "datasets", [entries(TIED[:1]), entries(TIED)[1:], entries(TIED, filter={"min_user_interactions": 9})]
)
def test_without_two_random_orders_of_the_same_data_there_is_nothing(tree, datasets):
    other = configured(datasets)
    assert orders(other, find_finished(other, tree.results)).empty


def test_a_run_that_is_not_finished_in_all_orders_has_no_row(tree, tmp_path):
    spoilt = Tree(tree.config, shutil.copytree(tree.results, tmp_path / "results"))
    (spoilt.folder(HYDRA_UNI, 1, "tied-2") / "timing.json").unlink()
    assert set(orders(spoilt.config, find_finished(spoilt.config, spoilt.results))["run"]) == {"itemknn", "popularity"}
    (spoilt.folder(SASREC, 1, "tied-2") / "timing.json").unlink()
    assert orders(spoilt.config, find_finished(spoilt.config, spoilt.results)).empty


def test_other_users_are_refused(tree, tmp_path):
    spoilt = Tree(tree.config, shutil.copytree(tree.results, tmp_path / "results"))
    test = split_folder(spoilt.results, "tied-2", "loo") / "test.parquet"
    held_out = read_table(test, HELD_OUT)
    write_table(held_out[held_out["user"] != 7], test, HELD_OUT)
    for path in (spoilt.results / "runs/tied-2").rglob("ranks.parquet"):
        ranks = pd.read_parquet(path)
        write_table(ranks[ranks["user"] != 7], path, RANKS)
    with pytest.raises(ValueError, match="tied-2 differs from plain in nothing but its order of ties") as found:
        orders(spoilt.config, find_finished(spoilt.config, spoilt.results))
    assert "its 29 are not the 30 of" in str(found.value)
