"""Lists from outside: ranks as from scores, and a refusal for everything that can be wrong with them."""

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch

from hydrarec.columns import RANKS, RECOMMENDATIONS, USERS
from hydrarec.files import read_json, write_json
from hydrarec.ranking.external import import_lists
from hydrarec.ranking.full import rank
from hydrarec.ranking.lists import rank_lists
from hydrarec.tables import read_table, write_table
from tests.conftest import ROOT
from tests.unit.ranking.worlds import TableScorer, world, write_world

N_ITEMS = 150
STREAM = np.random.default_rng(3)
# User 1 has met 80 of 150 items, so there are fewer than 100 candidates for it; user 20 has a cold target.
SEQUENCES = [(STREAM.permutation(149)[:n] + 1).tolist() for n in (81, *([12] * 18))] + [[1, 2, 3, 150]]


@pytest.fixture
def cases_and_catalogue():
    return world(SEQUENCES, N_ITEMS)


@pytest.fixture
def ranking(cases_and_catalogue):
    table = np.random.default_rng(4).random((len(SEQUENCES), N_ITEMS + 1), dtype=np.float32)
    return rank(TableScorer(torch.from_numpy(table)), *cases_and_catalogue, batch_size=8, top_k=100)


def test_ranks_are_those_of_the_scores_the_lists_came_from(ranking, cases_and_catalogue, tmp_path):
    shuffled = ranking.recommendations.sample(frac=1, random_state=0)
    found = rank_lists(shuffled, *cases_and_catalogue)
    write_table(found, tmp_path / "ranks.parquet", RANKS)
    same = ["user", "step", "target", "n_candidates", "warm"]
    pd.testing.assert_frame_equal(found[same], ranking.ranks[same])
    inside = ranking.ranks["greater"] < 100
    assert 0 < inside.sum() < len(inside)
    assert found.loc[inside, "greater"].tolist() == ranking.ranks.loc[inside, "greater"].tolist()
    # A target outside its list is the last candidate; a cold one is none.
    outside = ranking.ranks[~inside]
    assert set(outside["warm"]) == {True, False}
    assert found.loc[~inside, "greater"].tolist() == (outside["n_candidates"] - outside["warm"]).tolist()
    assert found["greater_unfiltered"].tolist() == found["greater"].tolist()
    assert not found[["equal", "equal_unfiltered"]].any(axis=None)


def replaced(column, value, rows=(0,)):
    def spoil(lists):
        lists.loc[list(rows), column] = value
        return lists

    return spoil


def doubled(lists):
    return pd.concat([lists, lists.iloc[[3]]])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda lists: lists[lists["user"] != 7], r"1 of 20 held-out targets have no list; the first:\n.*\n +7 "),
        (lambda lists: lists.drop(lists.index[lists["user"] == 7][50:]), "1 of 20 .*have a list that is too short"),
        (lambda lists: lists.head(0), r"20 of 20 held-out targets have no list"),
        (replaced("user", 99), r"1 of \d+ rows have a user and step that is no held-out target"),
        (replaced("step", 1, (0, 1)), r"2 of \d+ rows have a user and step that is no held-out target"),
        (lambda lists: lists.assign(item=lists["item"] + 0.5), "have a user, .* or item that is no whole number"),
        (replaced("item", np.nan, (2, 6)), "2 of .* is no whole number up to 2147483647; the first:\n.*\n.*NaN"),
        (lambda lists: lists.assign(user=lists["user"] + 2.0**40), "have a user, .* that is no whole number up to"),
        (replaced("item", 151), r"1 of \d+ rows have an item outside 1\.\.150"),
        (replaced("item", 0), r"1 of \d+ rows have an item outside 1\.\.150"),
        (replaced("item", 150), "1 of .* an item that never occurs in the training data"),
        (replaced("item", SEQUENCES[0][0]), "1 of .* an item of the user's known history"),
        (replaced("item", SEQUENCES[0][-2]), "1 of .* (known history|never occurs)"),
        (
            lambda lists: lists.assign(item=lists["item"].where(lists.index != 1, lists["item"][0])),
            "stands in its list",
        ),
        (doubled, "1 of .* an item that stands in its list already"),
        (replaced("position", 2), "1 of .* a position that its list has already"),
        (lambda lists: lists.assign(position=lists["position"] - 1), "have a gap before it"),
        (lambda lists: lists.drop(index=4), "have a gap before it"),
        (replaced("score", np.nan, (0, 5, 9)), "3 of .* a score that is no finite"),
        (replaced("score", np.inf), "1 of .* a score that is no finite"),
        (lambda lists: lists.assign(score=lists["score"] * 1e300), "a score that is no finite 32-bit number"),
        (replaced("score", 2.0, (4,)), "1 of .* a score above that of the position before it"),
        (lambda lists: lists.drop(columns="score"), "expected"),
    ],
)
def test_what_is_wrong_is_refused_with_its_number_and_the_first_rows(spoil, message, ranking, cases_and_catalogue):
    with pytest.raises(ValueError, match=message):
        rank_lists(spoil(ranking.recommendations.copy()), *cases_and_catalogue)


@pytest.fixture
def stranger(tmp_path, ranking):
    """Return the arguments for a run folder as a program in another language would leave it."""
    data, output = write_world(tmp_path / "made", SEQUENCES, N_ITEMS), tmp_path / "run"
    output.mkdir()
    # Other languages have 64-bit numbers and other column orders.
    lists = ranking.recommendations.astype({"user": np.int64, "item": np.int64, "score": np.float64})
    lists[["score", "item", "position", "step", "user"]].to_parquet(output / "recommendations.parquet")
    write_json(output / "costs.json", {"train_s": 2.0, "test_s": 0.5, "peak_memory_mib": 100.0})
    return {
        "data": data,
        "protocol": "loo",
        "run": "mine",
        "baseline": "mine",
        "options": {},
        "seed": 0,
        "output": output,
    }


def test_a_strangers_run_becomes_a_complete_one(stranger, ranking):
    import_lists(**stranger)
    output = stranger["output"]
    lists = read_table(output / "recommendations.parquet", RECOMMENDATIONS)
    pd.testing.assert_frame_equal(lists, ranking.recommendations)
    assert len(read_table(output / "ranks.parquet", RANKS)) == len(SEQUENCES)
    timing, inference = read_json(output / "timing.json"), read_json(output / "inference.json")
    assert (timing["train_s"], timing["train_to_best_s"], timing["peak_memory_mib"]) == (2.0, 2.0, 100.0)
    assert inference["infer_ms_per_user"] == 1000 * 0.5 / len(SEQUENCES)
    assert read_json(output / "manifest.json")["run"] == {"id": "mine", "baseline": "mine", "options": {}}


@pytest.mark.parametrize("types", [{"user": np.uint64, "step": np.int8, "score": np.int64}, {"item": np.float64}])
def test_other_number_types_do_where_nothing_is_lost(stranger, types):
    path = stranger["output"] / "recommendations.parquet"
    # Seconds since 1970, of which float32 keeps those of two minutes.
    lists = pd.read_parquet(path).assign(comment="further columns are left out", score=1_600_000_001)
    lists.astype(types).to_parquet(path)
    import_lists(**stranger)
    assert read_table(path, RECOMMENDATIONS)["score"].eq(np.float32(1_600_000_001)).all()


def twice_the_items(path):
    table = pq.read_table(path)
    pq.write_table(table.add_column(0, "item", table["item"]), path)


def parquet_of(spoil):
    def write(path):
        spoil(pd.read_parquet(path)).to_parquet(path)

    return write


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "no such file; expected the columns user int32, step int32"),
        (lambda path: path.write_text("user,item"), "not a readable Parquet file: .*; expected the columns"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "not a readable Parquet file"),
        (
            parquet_of(lambda t: t.drop(columns=["step", "user"])),
            r"has no column user, step but \['score', 'item'",
        ),
        (twice_the_items, "not a readable Parquet file: Multiple matches .*item"),
        # An id as text is one of the source, even where it spells a number.
        (
            parquet_of(lambda t: t.astype({"item": str})),
            r"column item is (large_)?string; expected .*ids as in train.*\n  .*made/items.parquet has the item of",
        ),
        (parquet_of(lambda t: t.assign(user=t["user"] > 1, score="0.5")), "column user is bool, score is .*string"),
        # pandas writes NaN as null.
        (parquet_of(replaced("score", np.nan, (0, 5, 9))), "3 of .* rows have a score that is no finite"),
        (parquet_of(replaced("item", np.nan)), "1 of .* item that is no whole number"),
    ],
)
def test_a_table_of_no_use_is_refused_with_its_path_and_nothing_is_written(spoil, message, stranger):
    path = stranger["output"] / "recommendations.parquet"
    spoil(path)
    with pytest.raises(ValueError, match=rf"(?s)^{path}: .*{message}"):
        import_lists(**stranger)
    assert {file.name for file in stranger["output"].iterdir()} <= {"recommendations.parquet", "costs.json"}


def test_lists_with_ids_of_the_source_are_taken_in_as_the_page_says(stranger, ranking, tmp_path):
    page = (ROOT / "docs/how-to/add-baseline.md").read_text().partition("### Lists that exist already\n")[2]
    recipe, other_way = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[:2]
    script, data, output = tmp_path / "mine.py", stranger["data"], tmp_path / "elsewhere"
    script.write_text(recipe)
    # Ids that a number would lose.
    users = [f"{user:04}" for user in range(1, len(SEQUENCES) + 1)]
    n_interactions = list(map(len, SEQUENCES))
    rows = pd.DataFrame({"user": range(1, len(users) + 1), "raw_user": users, "n_interactions": n_interactions})
    write_table(rows, data / "users.parquet", USERS)
    lists = ranking.recommendations.sample(frac=1, random_state=0)
    lists = pd.DataFrame(
        {"customer": [users[user - 1] for user in lists["user"]], "product": lists["item"], "score": lists["score"]}
    )
    removed = pd.DataFrame({"customer": ["0001", "gone"], "product": ["gone", "1"], "score": [9.0, 9.0]})
    pd.concat([lists, removed]).to_csv(tmp_path / "lists.csv", index=False)
    subprocess.run([sys.executable, script, data / "loo", output, tmp_path / "lists.csv"], check=True)
    import_lists(**stranger | {"output": output})
    found = read_table(output / "recommendations.parquet", RECOMMENDATIONS)
    pd.testing.assert_frame_equal(found.reset_index(drop=True), ranking.recommendations.reset_index(drop=True))
    here = {"pd": pd, "split": data / "loo"}
    exec(other_way, here)
    assert set(here["train"]["raw_user"]) == set(users)
    assert (here["train"]["raw_item"].astype(int) == here["train"]["item"]).all()
