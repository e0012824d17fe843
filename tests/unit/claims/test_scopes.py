"""What counts as a scope: data sets that hold the same users once more are none, whatever sets them apart."""

import pytest

from hydrarec.claims.catalogues import independent_datasets
from hydrarec.claims.decide import claim_rows, evaluate_claim, verdict_rows
from hydrarec.config import load
from hydrarec.config.built_in import BUILT_IN
from tests.fabricate import HYDRA_UNI, SASREC
from tests.unit.claims.conftest import Made, hypotheses, raw_config

SUPERIOR = {"id": "S", "statement": "It is better", "kind": "superior", "run": HYDRA_UNI, "against": [SASREC]}
FASTER = {"id": "F", "statement": "It is faster", "kind": "faster", "run": HYDRA_UNI, "against": [SASREC]} | {
    "measure": "epoch"
}
READER = {"kind": "synthetic", "seed": 7}


def entry(name, **more):
    return {"id": name, "title": name, "reader": READER, **more}


def datasets(*entries):
    return load(raw_config(datasets=()) | {"datasets": list(entries)}).datasets


def chosen(*entries):
    return [one.id for one in independent_datasets(datasets(*entries))]


@pytest.mark.parametrize(
    ("more", "claim"),
    [
        ({"tie_order": 3}, SUPERIOR),
        ({"tie_order": 3}, FASTER),
        ({"thin": {"keep": 0.5}}, SUPERIOR),
        ({"thin": {"keep": 0.5}, "tie_order": 3}, SUPERIOR),
        ({"filter": {"min_user_interactions": 20}}, SUPERIOR),
        ({}, SUPERIOR),
    ],
    ids=lambda value: value.get("kind") or "-".join(value) or "another id",
)
def test_the_same_users_once_more_are_no_second_data_set(tmp_path, more, claim):
    made = Made(tmp_path)
    other = {"id": "other", "title": "Other", "reader": {"kind": "synthetic", "seed": 8}}
    made.config = load(raw_config(datasets=()) | {"datasets": [entry("plain"), entry("again", **more), other]})
    # Better and faster on the first two, which are one, and as good and as fast on the third.
    for name in ("plain", "again"):
        made.differences[name, "loo", SASREC, HYDRA_UNI] = (-0.1, 0.01)
    made.differences["other", "loo", SASREC, HYDRA_UNI] = (0.0, 0.01)
    made.times["other", HYDRA_UNI] = [10.2, 10.1, 9.9]
    file = hypotheses(claim, needed=2)
    looked = [evaluate_claim(one, 2, made.evidence(file)) for one in file.claims]
    (row,) = claim_rows(looked)
    assert (row["verdict"], row["holding"], row["places"]) == ("not decided", 1, 2)
    assert [one["dataset"] for one in verdict_rows(looked)] == ["plain", "other"]


def test_further_orders_of_ties_do_not_dilute_what_is_found(tmp_path):
    """With a scope for each of five orders, Bonferroni's inequality would ask six times as much of the p-values."""
    p = []
    for orders in (0, 5):
        made = Made(tmp_path)
        tied = [entry(f"tied-{order}", tie_order=order) for order in range(orders)]
        made.config = load(raw_config(datasets=()) | {"datasets": [entry("plain"), *tied]})
        for dataset in made.config.datasets:
            made.differences[dataset.id, "loo", SASREC, HYDRA_UNI] = (-0.1, 0.06)
        file = hypotheses(SUPERIOR, needed=1)
        p.append(claim_rows([evaluate_claim(file.claims[0], 1, made.evidence(file))])[0]["p"])
    assert p[0] == p[1]


def test_the_data_set_nearest_to_the_whole_stands_for_its_users():
    half, quarter = {"thin": {"keep": 0.5}}, {"thin": {"keep": 0.25}}
    assert chosen(entry("quarter", **quarter), entry("tied", tie_order=1), entry("plain"), entry("half", **half)) == [
        "plain"
    ]
    assert chosen(entry("quarter", **quarter), entry("half", **half)) == ["half"]
    assert chosen(entry("half-tied", **half, tie_order=1), entry("half", **half)) == ["half"]
    assert chosen(entry("one", tie_order=2), entry("two", tie_order=1)) == ["one"]


def test_other_data_are_other_scopes_in_the_order_of_the_configuration():
    other = {"id": "other", "title": "Other", "reader": READER | {"seed": 8}, "tie_order": 1}
    assert chosen(other, entry("tied", tie_order=1), entry("plain")) == ["other", "plain"]


def test_another_table_of_the_same_archive_is_other_data():
    archive = {"file": "all.zip", "sha256": "a" * 64}
    reader = {"kind": "grouplens", "separator": ","}
    entries = [
        {"id": name, "title": name, "source": archive, "reader": reader | {"member": f"{name}.csv"}}
        for name in ("books", "films")
    ]
    assert chosen(*entries) == ["books", "films"]
    # Where a file can be had does not change what is in it.
    elsewhere = entries[0] | {"id": "elsewhere", "source": archive | {"urls": ["https://host.example/all.zip"]}}
    assert chosen(*entries, elsewhere) == ["books", "films"]


def test_built_in_data_sets_know_which_of_them_are_one_collection():
    names = [dataset.id for dataset in independent_datasets(list(BUILT_IN.values()))]
    assert names == ["synthetic", "ml-1m", "ml-20m", "ml-100k", "beauty"]
    assert [one.id for one in independent_datasets([BUILT_IN["ml-1m-sasrec"], BUILT_IN["beauty-5core"]])] == [
        "ml-1m-sasrec",
        "beauty-5core",
    ]
    changed = {"like": "beauty-bert4rec", "id": "mine", "filter": {"min_user_interactions": 10}}
    assert chosen("beauty-5core", changed, "ml-1m") == ["beauty-5core", "ml-1m"]
