"""Coverage, Gini, novelty and popularity of lists: numbers by hand, plain loops, standard errors by simulation."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse, stats

from hydrarec.analyses.beyond import beyond, coverage, gini, leave_out, measure
from hydrarec.analyses.lists import Known, read_exposure, read_known
from hydrarec.columns import BEYOND, HELD_OUT, RECOMMENDATIONS, TRAIN
from hydrarec.comparison.cases import read_evaluation_cases
from hydrarec.comparison.runs import find_finished
from hydrarec.layout import split_folder
from hydrarec.tables import read_table, write_table
from tests.fabricate import HYDRA_UNI, SASREC


def test_gini_of_a_textbook():
    # Sen 1997: the mean difference over twice the mean. Incomes 1, 2, 3, 4: (6 pairs, differences 10) / 6 = 5 / 3 over
    # twice 2.5 is 1 / 3, which is also n / (n - 1) times the 0.25 of the Lorenz curve.
    assert gini(np.array([[4.0], [1.0], [3.0], [2.0]]))[0] == pytest.approx(1 / 3)


@given(st.lists(st.integers(0, 20), min_size=2, max_size=12).filter(any))
def test_gini_is_the_mean_difference_over_twice_the_mean(exposure):
    n = len(exposure)
    differences = [abs(a - b) for i, a in enumerate(exposure) for b in exposure[:i]]
    expected = sum(differences) / (n * (n - 1) / 2) / (2 * sum(exposure) / n)
    assert gini(np.array(exposure, dtype=float)[:, None])[0] == pytest.approx(expected)


def test_measures_worked_out_by_hand():
    """Two users, four items in the catalogue (item 3 is cold), met by 8, 4, 2 and 1 of 8 training users."""
    known = Known(np.array([0, 8, 4, 0, 2, 1]), 8, np.array([4.0, 2.0]))
    exposure = sparse.csr_matrix([[0, 0.5, 0.5, 0, 0, 0], [0, 0.5, 0, 0, 0.5, 0]])
    found = measure(exposure, known, np.array([[1, 1], [1, 0]], dtype=np.float32))
    assert {name: values.tolist() for name, values in found.items()} == {
        # Items 1, 2 and 4 of four; without the second user 1 and 2.
        "coverage": [0.75, 0.5],
        # Exposures 0, 1/2, 1/2, 1: (-3 * 0 - 1/2 + 1/2 + 3) / 2 / 3; without the second 0, 0, 1/2, 1/2: 2 / 1 / 3.
        "gini": [0.5, pytest.approx(2 / 3)],
        # log2 of 8/8, 8/4, 8/2: user one (0 + 1) / 2, user two (0 + 2) / 2.
        "novelty": [0.75, 0.5],
        # User one (8 + 4) / 2, user two (8 + 2) / 2.
        "popularity": [5.5, 6.0],
        "popularity_lift": [pytest.approx(5.5 / 3 - 1), 0.5],
    }


def loops(tree, run: str, seed: int, protocol: str, k: int) -> dict[str, float]:
    """Compute all measures one user at a time."""
    split = split_folder(tree.results, "made-0", protocol)
    train = read_table(split / "train.parquet", TRAIN)
    users_of = train.groupby("item")["user"].agg(set).to_dict()
    test = read_table(split / "test.parquet", HELD_OUT)
    events = pd.concat([train, read_table(split / "validation.parquet", HELD_OUT), test])
    lists = read_table(tree.folder(run, seed, protocol=protocol) / "recommendations.parquet", RECOMMENDATIONS)
    exposure = dict.fromkeys(users_of, 0.0)
    novelty, popularity, history = [], [], []
    for user, of_user in lists[lists["position"] <= k].groupby("user"):
        steps = [of_step["item"].tolist() for _, of_step in of_user.groupby("step")]
        for items in steps:
            for item in items:
                exposure[item] += 1 / len(items) / len(steps)
        bits = [[math.log2(train["user"].nunique() / len(users_of[i])) for i in items] for items in steps]
        novelty.append(np.mean([np.mean(values) for values in bits]))
        popularity.append(np.mean([np.mean([len(users_of[i]) for i in items]) for items in steps]))
        first = test[(test["user"] == user) & (test["step"] == 0)]["position"].item()
        known = events[(events["user"] == user) & (events["position"] < first)]["item"]
        history.append(np.mean([len(users_of.get(item, ())) for item in known]))
    shares = sorted(exposure.values())
    n = len(shares)
    weighted = sum((2 * j - n - 1) * share for j, share in enumerate(shares, 1))
    return {
        f"coverage@{k}": sum(share > 0 for share in shares) / n,
        f"gini@{k}": weighted / sum(shares) / (n - 1),
        f"novelty@{k}": np.mean(novelty),
        f"popularity@{k}": np.mean(popularity),
        f"popularity_lift@{k}": np.mean(popularity) / np.mean(history) - 1,
        "popularity": np.mean(history),
    }


@pytest.fixture(scope="module")
def table(tables) -> pd.DataFrame:
    return read_table(tables / "beyond.parquet", BEYOND).set_index(["protocol", "run", "measure"]).sort_index()


@pytest.mark.parametrize("protocol", ["loo", "gts"])
def test_the_table_is_what_loops_count(tree, table, protocol):
    by_seed = [loops(tree, HYDRA_UNI, seed, protocol, 10) for seed in (0, 1)]
    for name in by_seed[0]:
        found = table.loc[(protocol, HYDRA_UNI if "@" in name else "", name)]
        values = [values[name] for values in by_seed]
        assert found["value"] == pytest.approx(np.mean(values)), name
        assert found["low"] < found["value"] < found["high"]
        if "@" in name:
            assert (found["seeds_low"], found["seeds_high"]) == pytest.approx((min(values), max(values)))


def test_one_list_for_everybody_covers_its_items_and_is_as_unequal_as_can_be(tree, table):
    of_popularity = table.loc[("loo", "popularity")]["value"]
    n = int(read_known(tree.results, "made-0", "loo").warm.sum())
    assert of_popularity["coverage@10"] == pytest.approx(10 / n)
    # Ten items with equal shares, the others nothing.
    assert of_popularity["gini@10"] == pytest.approx((n - 10) / (n - 1))
    assert table.loc[("loo", "popularity", "coverage@10"), "low"] == pytest.approx(10 / n)
    assert of_popularity["coverage@10"] < table.loc[("loo", SASREC, "coverage@10"), "value"]


def test_intervals_of_means_are_those_of_means(tree, table):
    """With as many groups as users the jackknife's error of a mean is the usual one."""
    known = read_known(tree.results, "made-0", "loo")
    cases = read_evaluation_cases(find_finished(tree.config, tree.results)[0])
    by_seed = [
        read_exposure(tree.folder(SASREC, seed) / "recommendations.parquet", cases, 10, known.warm) @ known.popularity
        for seed in (0, 1)
    ]
    by_user = np.mean(by_seed, axis=0)
    found = table.loc[("loo", SASREC, "popularity@10")]
    reach = stats.t.isf(0.025, tree.n_users - 1) * by_user.std(ddof=1) / math.sqrt(tree.n_users)
    # Weights are in single precision.
    assert found["high"] - found["value"] == pytest.approx(reach, rel=1e-3)


def test_groups_are_left_out_in_turn():
    weights = leave_out(1003, 200)
    assert weights.shape == (1003, 201)
    assert (weights[:, 0] == 1).all()
    left = (weights[:, 1:] == 0).sum(axis=0)
    assert (left.min(), left.max()) == (5, 6)
    assert ((weights == 0).sum(axis=1) == 1).all()
    assert leave_out(7, 200).shape == (7, 8)


def test_standard_errors_are_about_the_spread_over_other_users():
    """Lists of other users from the same population: the jackknife's error is near their spread, and not below it."""
    stream, n_users, n_items = np.random.default_rng(5), 200, 300
    appeal = 1 / np.arange(1, n_items + 1)
    known = Known(np.r_[0, 1 + (200 * appeal).astype(int)], 1000, np.ones(n_users))
    weights, found, errors = leave_out(n_users), [], []
    for _ in range(80):
        order = np.argsort(stream.exponential(size=(n_users, n_items)) / appeal, axis=1)[:, :10] + 1
        rows = np.repeat(np.arange(n_users), 10)
        lists = sparse.csr_matrix((np.full(rows.shape, 0.1), (rows, order.ravel())), shape=(n_users, n_items + 1))
        if len(errors) < 10:
            values = measure(lists, known, weights)
            errors.append([np.sqrt(199 * values[name][1:].var()) for name in ("coverage", "gini", "novelty")])
        else:
            values = measure(lists, known, weights[:, :1])
        found.append([values[name][0] for name in ("coverage", "gini", "novelty")])
    ratio = np.mean(errors, axis=0) / np.std(found, axis=0, ddof=1)
    assert (ratio > 0.8).all(), ratio
    assert (ratio < [1.9, 1.4, 1.25]).all(), ratio


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lists: lists[lists["user"] > 1], "1 targets without a list"),
        (lambda lists: lists.assign(step=lists["step"] + (lists["user"] == 2)), "10 rows about no test target, 1 targ"),
        (lambda lists: lists.assign(item=lists["item"].where(lists["user"] > 1, 151)), "10 items that are not in"),
    ],
)
def test_lists_that_cannot_be_are_refused(small, change, words):
    path = small.folder(SASREC) / "recommendations.parquet"
    write_table(change(read_table(path, RECOMMENDATIONS)), path, RECOMMENDATIONS)
    with pytest.raises(ValueError, match=rf"recommendations\.parquet: {words}"):
        beyond(small.config, find_finished(small.config, small.results))


def test_whoever_has_met_every_item_needs_no_list(small):
    path = small.folder(SASREC) / "recommendations.parquet"
    lists = read_table(path, RECOMMENDATIONS)
    write_table(lists[lists["user"] > 1], path, RECOMMENDATIONS)
    cases = read_evaluation_cases(find_finished(small.config, small.results)[0])
    cases.frame.loc[cases.frame["user"] == 1, "n_candidates"] = 0
    exposure = read_exposure(path, cases, 10, np.ones(lists["item"].max() + 1, dtype=bool))
    assert pytest.approx([0.0] + [1.0] * (len(cases.frame) - 1)) == exposure.sum(axis=1).A1


def test_nothing_shown_is_no_coverage():
    assert coverage(np.zeros((4, 2))).tolist() == [0, 0]
