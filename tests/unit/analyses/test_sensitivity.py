"""Variants of measuring, each computed once more in plain loops."""

import math

import numpy as np
import pandas as pd
import pytest

from hydrarec.analyses import analyse
from hydrarec.analyses.sensitivity import LISTS_SAY_NOTHING, NOT_COUNTED, NOT_SAMPLED, sensitivity, tie_deviations
from hydrarec.columns import RANKS, SAMPLED, SENSITIVITY
from hydrarec.comparison.cases import read_evaluation_cases
from hydrarec.comparison.runs import find_finished
from hydrarec.files import read_json, write_json
from hydrarec.layout import candidates_file, split_folder
from hydrarec.tables import read_table, write_table
from tests.fabricate import HYDRA_UNI, SASREC, Tree, config
from tests.unit.analyses.conftest import KINDS


def mean_of_places(greater: int, equal: int, gain) -> float:
    """Average a gain over the places that a target level with others can have."""
    return sum(gain(place) for place in range(greater + 1, greater + equal + 2)) / (equal + 1)


GAINS = {
    "ndcg@10": lambda place: 1 / math.log2(place + 1) if place <= 10 else 0.0,
    "hr@1": lambda place: float(place <= 1),
    "mrr": lambda place: 1 / place,
}


def counted(tree, run: str, protocol: str, variant: str, metric: str) -> float:
    """Return the mean over users of their targets' means, averaged over seeds."""
    by_seed = []
    for seed in tree.config.seeds_of(run):
        folder = tree.folder(run, seed, protocol=protocol)
        table = read_table(folder / "ranks.parquet", RANKS)
        if variant in KINDS:
            counts = read_table(folder / "sampled.parquet", SAMPLED)
            counts = counts[counts["kind"] == variant].drop(columns="kind")
            table = table.drop(columns=["greater", "equal"]).merge(counts, on=["user", "step"])
        users: dict[int, list[float]] = {}
        for row in table.itertuples():
            if variant == "warm" and not row.warm:
                continue
            greater, equal = row.greater, row.equal
            if variant == "unfiltered":
                greater, equal = row.greater_unfiltered, row.equal_unfiltered
            if variant == "optimistic":
                equal = 0
            if variant == "pessimistic":
                greater, equal = greater + equal, 0
            users.setdefault(row.user, []).append(mean_of_places(greater, equal, GAINS[metric]) if row.warm else 0.0)
        by_seed.append(sum(sum(values) / len(values) for values in users.values()) / len(users))
    return sum(by_seed) / len(by_seed)


def measured(tree: Tree, *, partial: bool = False) -> pd.DataFrame:
    return sensitivity(tree.config, find_finished(tree.config, tree.results), partial=partial)


@pytest.fixture(scope="module")
def values(tree, tables) -> pd.Series:
    table = read_table(tables / "sensitivity.parquet", SENSITIVITY)
    assert set(table["run"]) == set(tree.config.run_ids)
    return table.set_index(["protocol", "variant", "run", "metric"]).sort_index()


VARIANTS = ["full", "unfiltered", "warm", "optimistic", "pessimistic", *KINDS]


@pytest.mark.parametrize("protocol", ["loo", "gts"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_is_what_loops_count(tree, values, variant, protocol):
    for run in (HYDRA_UNI, "popularity"):
        for metric in GAINS:
            found = values.loc[(protocol, variant, run, metric)]
            assert found["value"] == pytest.approx(counted(tree, run, protocol, variant, metric), abs=1e-12)
            assert pd.isna(found["why"])


@pytest.mark.parametrize("protocol", ["loo", "gts"])
def test_one_random_order_of_equal_scores_strays_as_far_as_is_said(tree, values, protocol):
    """Held to means over users and targets with every tie broken at random, 2,000 times."""
    stream, metric = np.random.default_rng(0), "hr@1"
    table = read_table(tree.folder("popularity", protocol=protocol) / "ranks.parquet", RANKS)
    # Popularity's targets are level with one more each.
    drawn = stream.random((2000, len(table))) < 0.5
    hits = (table["greater"].to_numpy() + drawn < 1) & table["warm"].to_numpy()
    by_user = pd.DataFrame(hits.T).groupby(table["user"].to_numpy()).mean()
    deviation = by_user.mean().std()
    found = values.loc[(protocol, "full")]["tie_deviation"]
    assert found[("popularity", metric)] == pytest.approx(deviation, rel=5 / np.sqrt(2 * 2000))
    assert (found[HYDRA_UNI] == 0).all()
    assert values.drop("full", level="variant")["tie_deviation"].isna().all()


def test_seeds_draw_their_orders_on_their_own(tree):
    everyone = read_evaluation_cases(find_finished(tree.config, tree.results)[0]).groups[0]
    one = np.full((len(everyone.cases), 1), 0.25)
    alone, both = tie_deviations(everyone, [one]), tie_deviations(everyone, [one, one])
    assert alone == pytest.approx(0.5 / np.sqrt(everyone.n_users))
    assert both == pytest.approx(alone / np.sqrt(2))


def test_variants_differ(values):
    found = values.loc["loo"]["value"].unstack("variant")
    for variant in VARIANTS[1:]:
        assert not np.allclose(found["full"], found[variant]), variant
    # Ties are for Popularity alone here.
    assert (found["pessimistic"] <= found["full"]).all()
    assert (found["full"] <= found["optimistic"]).all()


def test_targets_that_exist_are_counted(tree, values):
    ranks = read_table(tree.folder(SASREC) / "ranks.parquet", RANKS)
    assert values.loc[("loo", "warm", SASREC, "mrr"), "n_users"] == ranks["warm"].sum() < tree.n_users
    assert values.loc[("loo", "full", SASREC, "mrr"), ["n_users", "n_seeds"]].tolist() == [tree.n_users, 2]
    assert values.loc[("loo", "full", "popularity", "mrr"), "n_seeds"] == 1


def test_lists_of_others_say_nothing_about_items_outside_them(small):
    folder = small.folder("itemknn")
    write_json(folder / "costs.json", {"train_s": 1})
    (folder / "sampled.parquet").unlink()
    table = measured(small).set_index(["run", "variant", "metric"])
    for variant in ("unfiltered", *KINDS):
        assert pd.isna(table.loc[("itemknn", variant, "ndcg@10"), "value"])
        assert table.loc[("itemknn", variant, "ndcg@10"), "why"] == LISTS_SAY_NOTHING
        assert not pd.isna(table.loc[("popularity", variant, "ndcg@10"), "value"])
    assert table.loc[("itemknn", "warm", "ndcg@10"), "value"] > 0


def test_a_rule_that_knows_nothing_of_sampled_candidates_is_named(small):
    (small.folder("itemknn") / "sampled.parquet").unlink()
    table = measured(small).set_index(["run", "variant", "metric"])
    assert table.loc[("itemknn", "uniform-100", "mrr"), "why"] == NOT_COUNTED
    assert table.loc[("itemknn", "unfiltered", "mrr"), "value"] > 0


def spoil_counts(tree, change):
    path = tree.folder(SASREC, 1) / "sampled.parquet"
    write_table(change(read_table(path, SAMPLED)), path, SAMPLED)


def test_a_trained_run_without_counts_is_an_error(small):
    (small.folder(SASREC, 1) / "sampled.parquet").unlink()
    with pytest.raises(FileNotFoundError, match=r"seed-1/sampled\.parquet"):
        measured(small)


def test_other_candidates_cannot_be_mixed(small):
    path = small.folder(SASREC, 1) / "inference.json"
    before = read_json(path)
    write_json(path, before | {"candidates": before["candidates"] | {"popularity-100": "0123456789abcdef"}})
    with pytest.raises(ValueError, match=r"popularity-100 was counted among candidates 0123456789ab, but .*cannot be"):
        measured(small)
    write_json(path, {key: value for key, value in before.items() if key != "candidates"})
    with pytest.raises(ValueError, match="counted among candidates none"):
        measured(small)


def test_a_partial_comparison_does_without_candidates_that_are_not_drawn_and_runs_not_counted_among_them(small):
    path = small.folder(SASREC, 1) / "inference.json"
    before = read_json(path)
    write_json(path, before | {"candidates": {"uniform-100": before["candidates"]["uniform-100"]}})
    values = measured(small, partial=True).set_index(["run", "variant", "metric"])
    assert values.loc[(SASREC, "popularity-100", "mrr"), "why"] == NOT_SAMPLED
    assert values.loc[(SASREC, "uniform-100", "mrr"), "value"] > 0
    assert values.loc[("popularity", "popularity-100", "mrr"), "value"] > 0
    candidates_file(split_folder(small.results, "made-0", "loo"), "popularity-100").unlink()
    with pytest.raises(FileNotFoundError, match=r"candidates-popularity-100\.parquet"):
        measured(small)
    analyse(small.config, small.results, small.results / "comparison", partial=True)
    values = read_table(small.results / "comparison/sensitivity.parquet", SENSITIVITY)
    assert set(values.loc[values["variant"] == "popularity-100", "why"]) == {NOT_SAMPLED}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda counts: counts[counts["user"] > 1], "its users and steps are not those of"),
        (lambda counts: counts.assign(step=1), "its users and steps are not those of"),
        (lambda counts: counts.assign(greater=99, equal=2), "must be from 0 to 100"),
        (lambda counts: counts.assign(equal=-1), "must be from 0 to 100"),
    ],
)
def test_counts_that_cannot_be_are_refused(small, change, words):
    spoil_counts(small, change)
    with pytest.raises(ValueError, match=rf"seed-1/sampled\.parquet: .*{words}"):
        measured(small)


def test_without_sampled_candidates_nothing_is_asked_of_them(tmp_path):
    plain = Tree(config(datasets=1, seeds=1), tmp_path / "results", n_users=20, cold_share=0.0).write()
    table = measured(plain)
    assert list(dict.fromkeys(table["variant"])) == VARIANTS[:5]
