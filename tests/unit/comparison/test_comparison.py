"""Tables from fabricated ranks: right numbers, right groups, and a refusal of everything that must not be mixed."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hydrarec.columns import COMPARISON, HELD_OUT, LEADERBOARD, METRICS, PAIRS, RANKS, TIMES, TRAIN
from hydrarec.comparison import collect, contrast
from hydrarec.comparison.contrasts import compare_values, compared_runs, contrast_row
from hydrarec.config import BenchmarkConfig
from hydrarec.files import read_json, write_json
from hydrarec.layout import split_folder
from hydrarec.metrics import ndcg
from hydrarec.significance.corrections import holm
from hydrarec.significance.crossed import crossed_mean, independent_parts, paired_difference
from hydrarec.significance.equivalence import equivalence
from hydrarec.significance.seed_spread import seed_spread
from hydrarec.tables import read_table, write_table
from tests.fabricate import HYDRA_UNI, SASREC, config


def rows(table: pd.DataFrame, **wanted) -> pd.DataFrame:
    for column, value in wanted.items():
        table = table[table[column] == value]
    return table


def ndcg_by_user(tree, run, seed, protocol):
    ranks = read_table(tree.folder(run, seed, protocol=protocol) / "ranks.parquet", RANKS)
    ranks["value"] = ndcg(ranks["greater"], ranks["equal"], 10) * ranks["warm"]
    return ranks.groupby("user")["value"].mean().to_numpy()


@pytest.mark.parametrize("protocol", ["loo", "gts"])
def test_values_are_means_over_users_of_their_targets(tree, tables, protocol):
    metrics = read_table(tables / "metrics.parquet", METRICS)
    for run, seed in ((SASREC, 2), ("popularity", 0)):
        found = rows(metrics, dataset="made-0", protocol=protocol, run=run, seed=seed, group="all", metric="ndcg@10")
        assert found["value"].item() == pytest.approx(ndcg_by_user(tree, run, seed, protocol).mean(), abs=1e-12)
        assert found["pessimistic"].item() <= found["value"].item() <= found["optimistic"].item()
        assert found["n_users"].item() == tree.n_users


def test_groups_divide_the_users(tables):
    metrics = read_table(tables / "metrics.parquet", METRICS)
    here = rows(metrics, dataset="made-0", protocol="loo", run=SASREC, seed=0, metric="hr@10").set_index("group")
    whole = here.loc["all"]
    for kind in ("history", "popularity"):
        parts = here[here.index.str.startswith(f"{kind}:")]
        assert 4 <= len(parts) <= 5
        assert parts["n_users"].sum() == whole["n_users"]
        assert np.average(parts["value"], weights=parts["n_users"]) == pytest.approx(whole["value"])
    assert here.loc["popularity:cold", "value"] == 0
    assert here.loc["warm", "n_users"] + here.loc["popularity:cold", "n_users"] == whole["n_users"]
    assert here.loc["warm", "value"] > whole["value"]


def test_leaderboard_has_every_run_and_says_what_its_interval_rests_on(tree, tables):
    leaders = read_table(tables / "leaderboard.parquet", LEADERBOARD)
    here = rows(leaders, dataset="made-1", protocol="gts", group="all", metric="ndcg@10").set_index("run")
    assert list(here.index) == tree.config.run_ids
    assert here.loc[SASREC, "n_seeds"] == 3
    assert here.loc["popularity", "n_seeds"] == 1
    assert here["deterministic"].to_dict() == {
        SASREC: False, HYDRA_UNI: False, "itemknn": True, "popularity": True, "random": False, "oracle": True,
    }  # fmt: skip
    assert (here["low"] <= here["mean"]).all()
    assert (here["mean"] <= here["high"]).all()


def test_intervals_of_means_take_seeds_to_change_as_much_as_in_all_runs_together(tree, tables):
    leaders = read_table(tables / "leaderboard.parquet", LEADERBOARD)
    here = rows(leaders, dataset="made-0", protocol="loo", group="all", metric="ndcg@10").set_index("run")
    values = {
        run: np.stack([ndcg_by_user(tree, run, seed, "loo") for seed in range(3)], axis=1)
        for run in (SASREC, HYDRA_UNI)
    }
    spread = seed_spread(np.stack([one.mean(axis=0) for one in values.values()]))
    for run, one in values.items():
        expected = crossed_mean(one).with_seeds_at_least(spread, 1, 0.05)
        assert (here.loc[run, "low"], here.loc[run, "high"]) == pytest.approx((expected.low, expected.high))
    # Random draws are controls: they say nothing about methods, nor methods about them.
    drawn = crossed_mean(np.stack([ndcg_by_user(tree, "random", seed, "loo") for seed in range(3)], axis=1))
    assert (here.loc["random", "low"], here.loc["random", "high"]) == pytest.approx((drawn.low, drawn.high))
    # What does not change with the seed has users alone.
    fixed = crossed_mean(ndcg_by_user(tree, "itemknn", 0, "loo")[:, None])
    assert here.loc["itemknn", "low"] == pytest.approx(fixed.low)


@pytest.mark.parametrize("protocol", ["loo", "gts"])
def test_comparison_is_paired_by_user_and_seed(tree, tables, protocol):
    table = read_table(tables / "comparison.parquet", COMPARISON)
    here = rows(table, dataset="made-0", protocol=protocol, metric="ndcg@10").set_index("run")
    reference = np.stack([ndcg_by_user(tree, SASREC, seed, protocol) for seed in range(3)], axis=1)
    others = np.stack(
        [[ndcg_by_user(tree, run, seed, protocol).mean() for seed in range(3)] for run in (SASREC, HYDRA_UNI)]
    )
    for run in (HYDRA_UNI, "popularity"):
        seeds = tree.config.seeds_of(run)
        values = np.stack([ndcg_by_user(tree, run, seed, protocol) for seed in seeds], axis=1)
        expected = held_to(paired_difference(values, reference), others, both=run == HYDRA_UNI)
        found = here.loc[run]
        assert found["difference"] == pytest.approx(expected.difference.mean)
        assert (found["low"], found["high"]) == pytest.approx((expected.difference.low, expected.difference.high))
        assert found["percent"] == pytest.approx(expected.percent)
        bounds = expected.percent_interval(0.05)
        assert (found["percent_low"], found["percent_high"]) == pytest.approx(bounds)
        equal = equivalence(expected.log_ratio)
        assert found["p_equivalent"] == pytest.approx(equal.p_equivalent)
        assert (found["equivalence_low"], found["equivalence_high"]) == pytest.approx(
            (100 * equal.low, 100 * equal.high)
        )
        assert bounds[0] < found["equivalence_low"] < found["equivalence_high"] < bounds[1]
        assert (found["n_seeds"], found["reference"]) == (3, SASREC)
    np.testing.assert_allclose(here["p_holm"], holm(here["p"]))


def held_to(found, others, *, both):
    """Return a comparison whose seeds' part is no smaller than that of all runs with seeds."""
    relative = others / others.mean(axis=1, keepdims=True)
    difference, log_ratio = (
        one.with_seeds_at_least(seed_spread(means), 2 if both else 1, 0.05)
        for one, means in ((found.difference, others), (found.log_ratio, relative))
    )
    return replace(found, difference=difference, log_ratio=log_ratio)


def test_every_pair_says_what_makes_its_difference_uncertain(tree, tables):
    table = read_table(tables / "pairs.parquet", PAIRS)
    here = rows(table, dataset="made-0", protocol="loo", metric="ndcg@10").set_index(["run", "other"])
    one = np.stack([ndcg_by_user(tree, HYDRA_UNI, seed, "loo") for seed in range(3)], axis=1)
    other = ndcg_by_user(tree, "itemknn", 0, "loo")[:, None]
    others = np.stack([[ndcg_by_user(tree, run, s, "loo").mean() for s in range(3)] for run in (SASREC, HYDRA_UNI)])
    compared, found = held_to(paired_difference(one, other), others, both=False), here.loc[HYDRA_UNI, "itemknn"]
    expected = compared.difference
    assert found["standard_error"] == pytest.approx(expected.standard_error)
    for part in ("variance_users", "variance_residual", "variance_seeds", "variance_seed_means"):
        assert found[part] == pytest.approx(getattr(expected, part))
    users, residual = found["ratio_variance_users"], found["ratio_variance_residual"]
    seeds = [(found["ratio_counted_by_seeds"], 2), (found["ratio_counted_by_runs"], found["ratio_runs_df"])]
    parts = independent_parts(users, residual, seeds, found["n_users"])
    assert [float(part) for part, _ in parts] == pytest.approx([part for part, _ in compared.log_ratio.parts])


def test_the_planted_order_is_found(tables):
    table = rows(read_table(tables / "comparison.parquet", COMPARISON), metric="ndcg@10", protocol="gts")
    assert (rows(table, run=HYDRA_UNI)["difference"] > 0).all()
    # Three seeds leave no more than this; users alone would leave p far below.
    assert (rows(table, run="popularity")["p_holm"] < 0.05).all()


def test_controls_are_measured_but_not_compared(tree):
    assert compared_runs(tree.config) == [SASREC, HYDRA_UNI, "itemknn", "popularity"]


def test_times_come_from_the_runs_files(tree, tables):
    times = read_table(tables / "times.parquet", TIMES)
    row = rows(times, dataset="made-0", protocol="loo", run=SASREC, seed=1)
    timing = read_json(tree.folder(SASREC, 1) / "timing.json")
    assert row["epoch_s"].item() == timing["epoch_s"]
    assert row["host"].item() == "node-1"
    assert row["peak_gpu_mib"].isna().all()


def test_one_seed_leaves_its_variance_open(small):
    tree = small(seeds=1)
    contrast(tree.config, tree.results, tree.results)
    table = read_table(tree.results / "comparison.parquet", COMPARISON)
    assert set(table["n_seeds"]) == {1}
    assert rows(table, run=HYDRA_UNI)["variance_seeds"].isna().all()
    pairs = read_table(tree.results / "pairs.parquet", PAIRS)
    assert pairs["variance_users"].gt(0).all()
    assert pairs[["variance_residual", "variance_seeds"]].isna().all(axis=None)


def test_two_methods_without_chance_are_one_result_and_not_one_for_every_seed(small):
    tree = small(seeds=2)
    against_itemknn = config(datasets=1, seeds=2, more={"evaluation": {"reference": "itemknn", "cutoffs": [1, 10]}})
    contrast(against_itemknn, tree.results, tree.results)
    table = rows(read_table(tree.results / "comparison.parquet", COMPARISON), metric="ndcg@10", protocol="loo")
    both, one = rows(table, run="popularity"), rows(table, run=HYDRA_UNI)
    assert set(both["n_seeds"]) == {1}
    assert both[["seed_wins", "seed_wins_low", "seed_wins_high", "variance_seeds"]].isna().all(axis=None)
    assert set(one["n_seeds"]) == {2}
    assert one["seed_wins"].notna().all()


def test_runs_that_never_hit_are_not_taken_for_runs_without_chance(small):
    never, evaluation = np.zeros((50, 5)), small(seeds=1).config.evaluation

    def n_seeds(values, *, stochastic):
        return contrast_row(compare_values(values, never, evaluation, stochastic=stochastic), evaluation)["n_seeds"]

    assert n_seeds(never, stochastic=True) == 5
    assert n_seeds(never, stochastic=False) == 1
    # Whoever forgot to say so: no seed would give the same fifty values by chance.
    assert n_seeds(never + 0.5, stochastic=True) == 1


def test_a_reference_that_never_hits_has_no_percentages(small):
    tree = small(skills={SASREC: -9.0})
    contrast(tree.config, tree.results, tree.results)
    table = rows(read_table(tree.results / "comparison.parquet", COMPARISON), metric="hr@1")
    assert table["percent"].isna().all()
    assert np.isfinite(table["difference"]).all()


def test_reciprocal_ranks_of_lists_are_compared_with_nothing(small):
    """Beyond its end a list has no places: a method would lose against itself."""
    tree = small()
    for protocol in tree.config.protocols:
        write_json(tree.folder(HYDRA_UNI, protocol=protocol) / "costs.json", {})
    contrast(tree.config, tree.results, tree.results)
    table = read_table(tree.results / "comparison.parquet", COMPARISON)
    metrics = {run: set(rows(table, run=run)["metric"]) for run in (HYDRA_UNI, "popularity")}
    assert metrics["popularity"] - metrics[HYDRA_UNI] == {"mrr"}
    # Nor is anything with a reference that was handed in.
    raw = tree.config.model_dump(mode="json", exclude_unset=True)
    raw["evaluation"]["reference"] = HYDRA_UNI
    contrast(BenchmarkConfig.model_validate(raw), tree.results, tree.results)
    assert "mrr" not in set(read_table(tree.results / "comparison.parquet", COMPARISON)["metric"])


def test_absent_files_are_named(small):
    tree = small()
    gone = [tree.folder(SASREC) / "ranks.parquet", tree.folder("random") / "timing.json"]
    for path in gone:
        path.unlink()
    with pytest.raises(FileNotFoundError) as error:
        collect(tree.config, tree.results, tree.results)
    assert "2 file(s)" in str(error.value)
    assert all(str(path) in str(error.value) for path in gone)


def test_runs_on_different_data_are_refused(small):
    tree = small()
    path = tree.folder("itemknn") / "manifest.json"
    manifest = read_json(path)
    write_json(path, manifest | {"data": manifest["data"] | {"train.parquet": "f" * 64}})
    with pytest.raises(ValueError, match=r"saw different data.*train\.parquet was .* for .*itemknn"):
        contrast(tree.config, tree.results, tree.results)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.assign(n_candidates=r["n_candidates"] + 1), "n_candidates 131, but 130"),
        (lambda r: r.iloc[:-1], "59 cases, but .* has 60"),
        (
            lambda r: r.assign(target=r["target"].where(r["user"] != 7, 3 - r["target"] % 2)),
            "user 7, step 0 has target",
        ),
        (lambda r: r.assign(user=r["user"] + 1), "has user 2, but 1|user 2, step 0 has user"),
        (lambda r: r.assign(equal=r["n_candidates"]), "greater \\+ equal"),
        (lambda r: r.assign(warm=True), "has warm True, but False"),
    ],
)
def test_runs_with_other_cases_or_candidates_are_refused(small, change, message):
    tree = small()
    path = tree.folder("itemknn") / "ranks.parquet"
    changed = change(read_table(path, RANKS).sort_values("user"))
    write_table(changed.astype({"user": "int32", "target": "int32"}), path, RANKS)
    with pytest.raises(ValueError, match=message):
        collect(tree.config, tree.results, tree.results)


def test_cases_must_be_the_splits_targets(small):
    tree = small()
    for run in tree.config.run_ids:
        path = tree.folder(run) / "ranks.parquet"
        write_table(read_table(path, RANKS).assign(target=np.int32(1)), path, RANKS)
    with pytest.raises(ValueError, match=r"are not the 60 targets of .*test\.parquet"):
        collect(tree.config, tree.results, tree.results)


def test_a_time_that_is_not_there_is_named(small):
    tree = small()
    path = tree.folder(SASREC) / "timing.json"
    timing = read_json(path)
    del timing["epoch_s"]
    write_json(path, timing)
    with pytest.raises(ValueError, match="lacks 'epoch_s'"):
        collect(tree.config, tree.results, tree.results)


def test_the_same_results_give_the_same_bytes(tree, tables, tmp_path):
    collect(tree.config, tree.results, tmp_path)
    contrast(tree.config, tree.results, tmp_path)
    for name in ("metrics", "leaderboard", "times", "comparison"):
        assert (tmp_path / f"{name}.parquet").read_bytes() == (tables / f"{name}.parquet").read_bytes()


def test_groups_of_users_with_several_targets_are_what_loops_count(tree, tables):
    """A user is in one history group with all its targets; a target is in the group of its own popularity."""
    metrics = read_table(tables / "metrics.parquet", METRICS)
    here = rows(metrics, dataset="made-0", protocol="gts", run=HYDRA_UNI, seed=1, metric="ndcg@10").set_index("group")
    ranks = read_table(tree.folder(HYDRA_UNI, 1, protocol="gts") / "ranks.parquet", RANKS)
    split = split_folder(tree.results, "made-0", "gts")
    test = read_table(split / "test.parquet", HELD_OUT).set_index(["user", "step"])
    popularity = read_table(split / "train.parquet", TRAIN)["item"].value_counts()
    users: dict[str, dict[int, list[float]]] = {}
    for row in ranks.itertuples():
        met = {"history": test.loc[(row.user, 0), "position"], "popularity": popularity.get(row.target, 0)}
        groups = ["all", "warm" if row.warm else "popularity:cold"]
        for kind in ("history", "popularity") if row.warm else ("history",):
            for group in (name for name in here.index if name.startswith(kind) and not name.endswith("cold")):
                low, _, high = group.partition(":")[2].partition("-")
                groups += [group] if int(low) <= met[kind] <= int(high or low) else []
        for group in groups:
            value = float(ndcg(row.greater, row.equal, 10)) if row.warm else 0.0
            users.setdefault(group, {}).setdefault(row.user, []).append(value)
    assert ranks["user"].duplicated().any()
    for group, of_group in users.items():
        means = [sum(values) / len(values) for values in of_group.values()]
        assert here.loc[group, "n_users"] == len(means), group
        assert here.loc[group, "value"] == pytest.approx(sum(means) / len(means), abs=1e-12), group
    assert sum(len(users[group]) for group in users if group.startswith("history:")) == tree.n_users
    assert set(users) == set(here.index)
