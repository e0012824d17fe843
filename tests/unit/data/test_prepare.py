"""Prepared tables: order, ids, what is removed, and what the card says."""

import random

import pandas as pd
import pytest

from hydrarec.columns import INTERACTIONS, ITEMS, USERS
from hydrarec.config.built_in import BUILT_IN
from hydrarec.config.datasets import (
    FilterConfig,
    PairsReaderConfig,
    SequencesReaderConfig,
    SourceConfig,
    SyntheticReaderConfig,
)
from hydrarec.data.prepare import prepare
from hydrarec.files import read_json, sha256
from hydrarec.tables import content_hash, read_table

from .conftest import EVERYTHING, dataset, write_zip


def _prepared(config, raw, output):
    """Prepare and return the rows as raw values: user, item, position, timestamp."""
    prepare(config, raw, output)
    events = read_table(output / "interactions.parquet", INTERACTIONS)
    items = read_table(output / "items.parquet", ITEMS)
    users = read_table(output / "users.parquet", USERS)
    assert items["item"].tolist() == list(range(1, len(items) + 1))
    assert users["user"].tolist() == list(range(1, len(users) + 1))
    assert events["item"].value_counts().sort_index().tolist() == items["n_interactions"].tolist()
    assert events["user"].value_counts().sort_index().tolist() == users["n_interactions"].tolist()
    raw_user, raw_item = users.set_index("user")["raw_user"], items.set_index("item")["raw_item"]
    return list(
        zip(
            events["user"].map(raw_user),
            events["item"].map(raw_item),
            events["position"],
            [None if pd.isna(time) else int(time) for time in events["timestamp"]],
            strict=True,
        )
    )


def test_order_is_user_time_then_row_of_the_file(ratings_file, tmp_path):
    rows = [("b", "z", 5), ("a", "y", 9), ("b", "x", 5), ("b", "w", 1), ("a", "v", 2), ("b", "u", 5)]
    path = ratings_file(rows)
    assert _prepared(dataset(path), path, tmp_path / "out") == [
        ("b", "w", 0, 1),
        ("b", "z", 1, 5),
        ("b", "x", 2, 5),
        ("b", "u", 3, 5),
        ("a", "v", 0, 2),
        ("a", "y", 1, 9),
    ]
    ids = read_table(tmp_path / "out/items.parquet", ITEMS)["raw_item"].tolist()
    assert ids == ["z", "y", "x", "w", "v", "u"], "numbered by first appearance in the file"


def test_ties_keep_the_order_of_the_file_at_any_size(ratings_file, tmp_path):
    stream = random.Random(0)
    rows = [(f"u{stream.randrange(20)}", f"i{n}", stream.randrange(3)) for n in range(5000)]
    path = ratings_file(rows)
    found = _prepared(dataset(path), path, tmp_path / "out")
    by_user = {}
    for user, item, time in sorted(rows, key=lambda row: row[2]):
        by_user.setdefault(user, []).append((item, time))
    for user, sequence in by_user.items():
        assert [(item, time) for name, item, _, time in found if name == user] == sequence


def test_exact_duplicates_go_and_later_visits_stay(ratings_file, tmp_path):
    path = ratings_file([("a", "x", 1), ("a", "x", 1), ("a", "x", 2), ("b", "x", 1)])
    assert _prepared(dataset(path), path, tmp_path / "out") == [("a", "x", 0, 1), ("a", "x", 1, 2), ("b", "x", 0, 1)]
    card = read_json(tmp_path / "out/card.json")
    assert [stage["interactions"] for stage in card["stages"]] == [4, 3]
    assert card["repeats"] == 1


def test_first_visit_is_the_earliest_not_the_first_row(ratings_file, tmp_path):
    path = ratings_file([("a", "x", 7), ("a", "y", 5), ("a", "x", 3)])
    config = dataset(path, settings=EVERYTHING.model_copy(update={"repeats": "first"}))
    assert _prepared(config, path, tmp_path / "out") == [("a", "x", 0, 3), ("a", "y", 1, 5)]


def test_repeats_are_removed_before_the_minimum_counts(ratings_file, tmp_path):
    path = ratings_file([("a", "x", 1), ("a", "x", 2), ("b", "y", 1), ("b", "z", 2), ("c", "y", 1), ("c", "z", 2)])
    settings = FilterConfig(min_user_interactions=2, min_item_interactions=2, repeats="first")
    rows = _prepared(dataset(path, settings=settings), path, tmp_path / "out")
    assert [(user, item) for user, item, _, _ in rows] == [("b", "y"), ("b", "z"), ("c", "y"), ("c", "z")]


def test_without_times_rows_stay_in_file_order_and_nothing_counts_as_duplicate(tmp_path):
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("2 9\n1 5\n2 9\n1 4\n")
    expected = [("2", "9", 0, None), ("2", "9", 1, None), ("1", "5", 0, None), ("1", "4", 1, None)]
    assert _prepared(dataset(pairs, PairsReaderConfig()), pairs, tmp_path / "pairs") == expected
    lines = tmp_path / "lines.txt"
    lines.write_text("2 9 9\n1 5 4\n")
    assert _prepared(dataset(lines, SequencesReaderConfig()), lines, tmp_path / "lines") == expected
    card = read_json(tmp_path / "pairs/card.json")
    assert card["times"] is None
    assert [stage["stage"] for stage in card["stages"]] == ["raw"]


def test_ids_of_the_text_files_stay_as_they_are(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text("1 1\n1 2\n2 1\n2 3\n")
    prepare(dataset(path, PairsReaderConfig()), path, tmp_path / "out")
    events = read_table(tmp_path / "out/interactions.parquet", INTERACTIONS)
    assert events[["user", "item"]].to_numpy().tolist() == [[1, 1], [1, 2], [2, 1], [2, 3]]


def test_card(ratings_file, tmp_path):
    rows = [("a", "x", 86400), ("a", "y", 86400), ("a", "z", 90000), ("b", "x", 1), ("b", "y", 2), ("b", "z", 2)]
    path = ratings_file([*rows, ("c", "w", 5)])
    settings = FilterConfig(min_user_interactions=2, min_item_interactions=2)
    config = dataset(path, settings=settings)
    prepare(config, path, tmp_path / "out")
    card = read_json(tmp_path / "out/card.json")
    assert card["source"] == {"file": "ratings.csv", "urls": [], "sha256": sha256(path)}
    assert card["filter"] == settings.model_dump()
    assert [tuple(stage.values()) for stage in card["stages"]] == [
        (7, 4, "raw", 3),
        (7, 4, "exact duplicates removed", 3),
        (6, 3, "users with 2 or more, items with 2 or more, repeated until nothing changes", 2),
    ]
    assert (card["users"], card["items"], card["interactions"], card["repeats"]) == (2, 3, 6, 0)
    assert card["density"] == 1
    assert card["lengths"] == {"min": 3, "p5": 3, "p25": 3, "p50": 3, "p75": 3, "p95": 3, "max": 3, "mean": 3}
    assert card["popularity"]["mean"] == 2
    assert card["popularity"]["top_1_percent_share"] == pytest.approx(1 / 3)
    assert card["times"] == {
        "first": 1,
        "last": 90000,
        "first_day": "1970-01-01",
        "last_day": "1970-01-02",
        "tie_share": pytest.approx(4 / 6),
        "last_two_tie_share": 0.5,
    }
    assert card["content_hash"] == content_hash(tmp_path / "out/interactions.parquet")


def test_filter_that_leaves_nothing(ratings_file, tmp_path):
    path = ratings_file([("a", "x", 1), ("b", "y", 1)])
    config = dataset(path, settings=FilterConfig())
    with pytest.raises(
        ValueError, match=r"tiny: the filter \(min_user_interactions: \d+, .*\) removes all 2 interactions"
    ):
        prepare(config, path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_twice_is_the_same_bytes(tmp_path):
    config = BUILT_IN["synthetic"].model_copy(update={"reader": SyntheticReaderConfig(n_users=60, n_items=80)})
    names = ("interactions.parquet", "items.parquet", "users.parquet", "card.json")
    for folder in ("one", "two"):
        prepare(config, None, tmp_path / folder)
    assert [sha256(tmp_path / "one" / name) for name in names] == [sha256(tmp_path / "two" / name) for name in names]


def test_layout_of_ml_20m(tmp_path):
    stream = random.Random(1)
    rows = [
        (user, movie, 789652009 + stream.randrange(10**6))
        for user in range(1, 61)
        for movie in stream.sample(range(1, 900), 40)
    ]
    lines = "".join(f"{user},{movie},{stream.randrange(1, 11) / 2},{time}\n" for user, movie, time in rows)
    path = write_zip(tmp_path / "ml-20m.zip", "ml-20m/ratings.csv", f"userId,movieId,rating,timestamp\n{lines}")
    source = SourceConfig(file=path.name, sha256=sha256(path))
    found = _prepared(BUILT_IN["ml-20m"].model_copy(update={"source": source}), path, tmp_path / "out")
    expected = sorted(rows, key=lambda row: (row[0], row[2]))
    assert [(int(user), int(item), time) for user, item, _, time in found] == expected
