"""Gates turn red or amber for the fault they are there for, and stay green otherwise."""

import re

import numpy as np
import pandas as pd
import pytest

from hydrarec.columns import HELD_OUT, RANKS, TRAIN
from hydrarec.comparison import collect, read_gates
from hydrarec.files import read_json, write_json
from hydrarec.tables import read_table, write_table
from tests.fabricate import HYDRA_UNI, SASREC


def checked(tree) -> dict[tuple[str, str], str]:
    collect(tree.config, tree.results, tree.results)
    return {(gate.name, gate.run): gate.status for gate in read_gates(tree.results)}


def change_ranks(tree, run, change):
    path = tree.folder(run) / "ranks.parquet"
    write_table(change(read_table(path, RANKS)), path, RANKS)


def test_sound_results_are_green(tables):
    gates = read_gates(tables)
    assert {gate.status for gate in gates} == {"green"}
    assert {gate.name for gate in gates} == {
        "oracle",
        "random",
        "popularity",
        "order",
        "ties",
        "floor",
        "converged",
        "machine",
        "code",
        "packages",
    }
    assert {(g.dataset, g.protocol) for g in gates if g.control} == {
        (dataset, protocol) for dataset in ("made-0", "made-1") for protocol in ("loo", "gts")
    }


def test_an_oracle_that_misses_is_red(small):
    tree = small()
    change_ranks(
        tree, "oracle", lambda r: r.assign(greater=r["greater"].where(r["user"] != r.loc[r.warm, "user"].min(), 1))
    )
    assert checked(tree)["oracle", "oracle"] == "red"


@pytest.mark.parametrize(
    ("cold_share", "status", "said"),
    [
        (0.0, "green", "Knowing the targets gives exactly 1 in every metric."),
        (0.3, "green", "Knowing the targets gives exactly 1 in every metric on warm targets."),
        (1.0, "amber", "No test target is warm, so that knowing the targets could show nothing: it was not checked."),
    ],
)
def test_an_oracle_is_held_to_1_on_warm_targets_and_says_so(small, cold_share, status, said):
    tree = small(cold_share=cold_share)
    assert checked(tree)["oracle", "oracle"] == status
    assert said in [gate.sentence for gate in read_gates(tree.results)]


def test_an_oracle_that_ties_is_red(small):
    tree = small()
    change_ranks(tree, "oracle", lambda r: r.assign(equal=r["warm"].astype("int32")))
    assert checked(tree)["oracle", "oracle"] == "red"


def test_a_random_scorer_that_knows_something_is_red(small):
    tree = small(n_users=200)
    change_ranks(tree, "random", lambda r: r.assign(greater=np.where(r["warm"], r["greater"] // 4, r["greater"])))
    assert checked(tree)["random", "random"] == "red"


def test_a_constant_scorer_is_exactly_at_chance(small):
    tree = small()
    constant = lambda r: r.assign(  # noqa: E731
        greater=np.where(r["warm"], 0, r["n_candidates"]), equal=np.where(r["warm"], r["n_candidates"] - 1, 0)
    )
    change_ranks(tree, "random", constant)
    assert checked(tree)["random", "random"] == "green"
    gate = next(g for g in read_gates(tree.results) if g.name == "random")
    assert "(0.0 standard errors)" in gate.sentence


def test_a_user_without_candidates_does_not_hide_a_random_scorer_that_knows_something(small):
    tree = small(n_users=200)
    for run in tree.config.run_ids:
        for seed in tree.config.seeds_of(run):
            for protocol in tree.config.protocols:
                path = tree.folder(run, seed, protocol=protocol) / "ranks.parquet"
                ranks = read_table(path, RANKS)
                # Who has met every item is asked for one that is new to everybody.
                met_all = ranks["user"] == 1
                ranks.loc[met_all, ["n_candidates", "greater", "equal"]] = 0
                ranks.loc[met_all, "warm"] = False
                write_table(ranks, path, RANKS)
    assert checked(tree)["random", "random"] == "green"
    assert all("nan" not in gate.sentence for gate in read_gates(tree.results))
    change_ranks(tree, "random", lambda r: r.assign(greater=np.where(r["warm"], r["greater"] // 4, r["greater"])))
    assert checked(tree)["random", "random"] == "red"


def tie_targets(tree, share):
    """Put this share of the test targets, those of the first users, at the time of the interaction before."""
    path = tree.results / "data" / "made-0" / "loo" / "test.parquet"
    test = read_table(path, HELD_OUT)
    tied = np.arange(len(test)) < share * len(test)
    before = read_table(path.with_name("validation.parquet"), HELD_OUT)["timestamp"]
    write_table(test.assign(timestamp=test["timestamp"].where(~tied, before)), path, HELD_OUT)


@pytest.mark.parametrize(
    ("share", "status", "said"),
    [
        (0.0, "green", "0 % of the test targets share their second with their user's interaction before."),
        (
            0.25,
            "amber",
            "25 % of the test targets share their second with their user's interaction before, so that the order of the"
            " file decides which of the two is asked for.",
        ),
    ],
)
def test_targets_that_hang_on_the_order_of_equal_times_are_amber(small, share, status, said):
    tree = small()
    tie_targets(tree, share)
    assert checked(tree)["order", ""] == status
    assert [gate.sentence for gate in read_gates(tree.results) if gate.name == "order"] == [said]


def test_nothing_is_said_of_the_order_of_files_without_times(small):
    tree = small()
    for part, schema in (("train", TRAIN), ("validation", HELD_OUT), ("test", HELD_OUT)):
        path = tree.results / "data" / "made-0" / "loo" / f"{part}.parquet"
        write_table(read_table(path, schema).assign(timestamp=pd.NA), path, schema)
    assert ("order", "") not in checked(tree)


def test_a_neural_run_whose_scores_tie_is_red(small):
    tree = small()
    change_ranks(tree, SASREC, lambda r: r.assign(equal=r["warm"].astype("int32")))
    status = checked(tree)
    assert status["ties", SASREC] == "red"
    assert status["ties", HYDRA_UNI] == "green"


def test_a_neural_run_below_a_baseline_is_amber(small):
    tree = small(n_users=240, skills={SASREC: 0.9, HYDRA_UNI: 2.2, "itemknn": 1.6, "popularity": 0.2})
    status = checked(tree)
    assert status["floor", SASREC] == "amber"
    assert status["floor", HYDRA_UNI] == "green"
    said = {gate.run: gate.sentence for gate in read_gates(tree.results) if gate.name == "floor"}
    assert re.fullmatch(r"Its NDCG@10 of 0\.\d{4} is below ItemKNN \(0\.\d{4}\)\.", said[SASREC])
    assert said[HYDRA_UNI] == "Its NDCG@10 is not below ItemKNN and Popularity."


def test_training_that_was_cut_off_is_amber(small):
    tree = small()
    path = tree.folder(SASREC) / "timing.json"
    write_json(path, read_json(path) | {"converged": False})
    assert checked(tree)["converged", SASREC] == "amber"


@pytest.mark.parametrize("change", [{"git_dirty": True}, {"git_commit": "f" * 40}])
def test_mixed_or_uncommitted_code_is_amber(small, change):
    tree = small()
    path = tree.folder(SASREC) / "manifest.json"
    write_json(path, read_json(path) | change)
    assert checked(tree)["code", ""] == "amber"


def record_sources(tree, run, seed, **sources):
    path = tree.folder(run, seed) / "manifest.json"
    write_json(
        path, read_json(path) | {"sources": {name.replace("__", "/"): digest for name, digest in sources.items()}}
    )


def test_files_that_were_edited_between_runs_are_amber_and_between_seeds_of_a_run_red(small):
    tree = small(seeds=2)
    for seed in (0, 1):
        record_sources(tree, SASREC, seed, losses__mine="1", models__sasrec="1")
        record_sources(tree, HYDRA_UNI, seed, losses__mine="1", models__bert4rec="1")
    assert checked(tree)["sources", ""] == "green"
    for seed in (0, 1):
        record_sources(tree, HYDRA_UNI, seed, losses__mine="2", models__bert4rec="1")
    assert checked(tree)["sources", ""] == "amber"
    assert [g.sentence for g in read_gates(tree.results) if g.name == "sources"] == [
        "Some files were edited between one run and another: losses/mine."
    ]
    record_sources(tree, HYDRA_UNI, 1, losses__mine="1", models__bert4rec="1")
    found = checked(tree)
    assert found["sources", HYDRA_UNI] == "red"
    assert ("sources", "") not in found
    assert ("sources", SASREC) not in found


def test_a_training_that_went_on_with_edited_code_is_not_of_one_code(small):
    tree = small(seeds=2)
    for seed in (0, 1):
        record_sources(tree, SASREC, seed, losses__mine="1")
    path = tree.folder(SASREC, 1) / "manifest.json"
    write_json(path, read_json(path) | {"earlier_sources": {"losses/mine": "0"}})
    assert checked(tree)["sources", SASREC] == "red"


def test_code_without_a_commit_is_amber_wherever_it_came_from(small):
    tree = small()
    for path in tree.results.rglob("runs/**/*.json"):
        if "git_commit" in (found := read_json(path)):
            write_json(path, found | {"git_commit": None, "git_dirty": None})
    assert checked(tree)["code", ""] == "amber"
    [gate] = [gate for gate in read_gates(tree.results) if gate.name == "code"]
    assert re.match(r"All runs come from \S+ \(no commit known\), and nobody can tell whether the code", gate.sentence)


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"load": 20.0}, "amber", "seed 0 (a load of 20.0 on 8 cores)"),
        ({"threads": 1, "train_cpu_s": 0.01}, "amber", "the process ran 0 % of its time"),
        # Results of before these were recorded.
        ({"load": None, "train_cpu_s": None}, "amber", "was not recorded: seed 0"),
        ({"load": 8.0}, "green", "load 8.0 at most"),
    ],
)
def test_a_machine_that_was_shared_is_said(small, changed, status, said):
    tree = small()
    path = tree.folder(SASREC) / "timing.json"
    write_json(path, read_json(path) | {"load": 2.0} | changed)
    found = checked(tree)
    assert (found["machine", SASREC], found["machine", HYDRA_UNI]) == (status, "green")
    [gate] = [g for g in read_gates(tree.results) if (g.name, g.run) == ("machine", SASREC)]
    assert said in gate.sentence
