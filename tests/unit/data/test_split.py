"""Splits lose nothing and never show the future."""

import shutil
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrarec.columns import HELD_OUT, INTERACTIONS, TRAIN
from hydrarec.data import chunked
from hydrarec.data.split import MAX_TARGETS, evenly_spaced, split
from hydrarec.files import read_json, sha256, write_json
from hydrarec.sequences.log import read_cases
from hydrarec.tables import content_hash, read_table, write_table

PARTS = ("train", "validation", "test")


def _write(sequences, folder: Path) -> pd.DataFrame:
    """Write users' (item, time) sequences as prepared interactions."""
    rows = [
        (user, item, position, time)
        for user, sequence in enumerate(sequences, 1)
        for position, (item, time) in enumerate(sequence)
    ]
    frame = pd.DataFrame(rows, columns=["user", "item", "position", "timestamp"])
    frame["timestamp"] = frame["timestamp"].astype("Int64")
    write_table(frame, folder / "interactions.parquet", INTERACTIONS)
    return frame


def _parts(folder: Path) -> dict[str, pd.DataFrame]:
    return {name: read_table(folder / f"{name}.parquet", TRAIN if name == "train" else HELD_OUT) for name in PARTS}


def _check_complete(frame: pd.DataFrame, parts: dict[str, pd.DataFrame]) -> None:
    together = pd.concat(parts.values())[list(frame.columns)].sort_values(["user", "position"], ignore_index=True)
    pd.testing.assert_frame_equal(together, frame, check_dtype=False)


def _check_order(parts: dict[str, pd.DataFrame]) -> None:
    """Within a user the parts follow each other, so together with completeness positions have no gap."""
    positions = {name: part.groupby("user")["position"] for name, part in parts.items()}
    for earlier, later in (("train", "validation"), ("train", "test"), ("validation", "test")):
        both = pd.concat(
            [positions[earlier].max(), positions[later].min()], axis=1, join="inner", keys=["last", "first"]
        )
        assert (both["last"] < both["first"]).all()


def _sorted_by_time(sequences):
    return [sorted(sequence, key=lambda event: event[1]) for sequence in sequences]


EVENT = st.tuples(st.integers(1, 9), st.integers(0, 60))
SEQUENCES = st.lists(st.lists(EVENT, min_size=1, max_size=60), min_size=1, max_size=8).map(_sorted_by_time)


@st.composite
def _lives(draw):
    """Users who come at different times, some of them late, and meet items at a steady pace."""
    users = draw(
        st.lists(st.tuples(st.integers(0, 200), st.integers(1, 60), st.integers(0, 3)), min_size=2, max_size=8)
    )
    return [[(item, start + pace * item) for item in range(1, n_events + 1)] for start, n_events, pace in users]


@settings(max_examples=30)
@given(SEQUENCES.filter(lambda sequences: max(map(len, sequences)) >= 3))
def test_leave_one_out(sequences):
    with tempfile.TemporaryDirectory() as name:
        frame = _write(sequences, Path(name))
        items = [[item for item, _ in sequence] for sequence in sequences]
        training = [whole[:-2] if len(whole) >= 3 else whole for whole in items]
        met = any(whole[at] in whole[:at] for whole in items if len(whole) >= 3 for at in (-2, -1))
        if met and all(len(set(whole)) == len(whole) for whole in training):
            with pytest.raises(ValueError, match="again as a target"):
                split(Path(name), "loo", Path(name) / "loo")
            return
        split(Path(name), "loo", Path(name) / "loo")
        parts = _parts(Path(name) / "loo")
        _check_complete(frame, parts)
        _check_order(parts)
        for user, sequence in enumerate(sequences, 1):
            items = {part: table.loc[table["user"] == user, "item"].tolist() for part, table in parts.items()}
            whole = [item for item, _ in sequence]
            if len(whole) < 3:
                assert items == {"train": whole, "validation": [], "test": []}
            else:
                assert items == {"train": whole[:-2], "validation": whole[-2:-1], "test": whole[-1:]}
        assert all((parts[part]["step"] == 0).all() for part in PARTS[1:])
        assert len(read_cases(Path(name) / "loo", "test")) == len(parts["test"])


@settings(max_examples=60)
@given(_lives())
def test_global_temporal(sequences):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "gts"
        frame = _write(sequences, Path(name))
        try:
            split(Path(name), "gts", folder)
        except ValueError as error:
            assert "of one second" in str(error) or "no targets" in str(error)
            assert not folder.exists()
            return
        parts, card = _parts(folder), read_json(folder / "split.json")
        _check_complete(frame, parts)
        _check_order(parts)
        cuts = card["cuts"]
        assert parts["train"]["timestamp"].max() <= cuts["validation"] < parts["validation"]["timestamp"].min()
        assert parts["validation"]["timestamp"].max() <= cuts["test"] < parts["test"]["timestamp"].min()
        assert (frame["timestamp"] <= cuts["test"]).mean() >= 0.9
        assert (frame["timestamp"] < cuts["test"]).mean() < 0.9
        before_test = frame.loc[frame["timestamp"] <= cuts["test"], "timestamp"]
        assert (before_test <= cuts["validation"]).mean() >= 0.9
        assert (before_test < cuts["validation"]).mean() < 0.9
        assert card["future_share"] == 0
        for part in PARTS[1:]:
            _check_targets(parts[part])
            assert len(read_cases(folder, part)) == (parts[part]["step"] >= 0).sum()


def _check_targets(part: pd.DataFrame) -> None:
    for _, events in part.groupby("user"):
        eligible = events[events["position"] > 0]
        targets = eligible[eligible["step"] >= 0]
        assert (events.loc[events["position"] == 0, "step"] == -1).all()
        assert len(targets) == min(len(eligible), MAX_TARGETS)
        assert targets["step"].tolist() == list(range(len(targets)))
        if len(targets):
            assert targets["position"].iloc[-1] == eligible["position"].iloc[-1]
            assert targets["position"].iloc[0] == eligible["position"].iloc[0]


def test_who_comes_after_the_cut_has_no_first_target(tmp_path):
    # 95 interactions: the 86th time is 86; of the 86 up to there, the 78th time is 78.
    early = [(item, item) for item in range(1, 86)]
    between, late = [(1, 86), (2, 87), (3, 88)], [(4, 91), (5, 92), (6, 93)]
    _write([early, between, late, [(7, 89), (8, 90), (9, 91)], [(7, 101)]], tmp_path)
    split(tmp_path, "gts", tmp_path / "gts")
    assert read_json(tmp_path / "gts/split.json")["cuts"] == {"validation": 78, "test": 86}
    parts = _parts(tmp_path / "gts")
    found = {
        name: list(zip(part["user"], part["step"], strict=True)) for name, part in parts.items() if name != "train"
    }
    assert found["validation"] == [(1, step) for step in range(7)] + [(2, -1)]
    assert found["test"] == [(2, 0), (2, 1), (3, -1), (3, 0), (3, 1), (4, -1), (4, 0), (4, 1), (5, -1)]


@given(st.lists(st.integers(0, 400), min_size=1, max_size=4))
def test_evenly_spaced(lengths):
    steps = evenly_spaced(np.repeat(np.arange(len(lengths)), lengths))
    for user_steps in np.split(steps, np.cumsum(lengths)[:-1]):
        chosen = np.flatnonzero(user_steps >= 0)
        assert user_steps[chosen].tolist() == list(range(min(len(user_steps), MAX_TARGETS)))
        if len(chosen) > 1:
            gaps = np.diff(chosen)
            assert gaps.max() - gaps.min() <= 1
            assert (chosen[0], chosen[-1]) == (0, len(user_steps) - 1)


def test_split_card(tmp_path):
    _write([[(1, 1), (2, 2), (3, 3)], [(1, 5), (2, 6), (4, 7), (5, 8)], [(6, 2)]], tmp_path)
    split(tmp_path, "loo", tmp_path / "loo")
    card = read_json(tmp_path / "loo/split.json")
    assert card["parts"]["train"] == {"interactions": 4, "users": 3, "items": 3}
    # Items 1, 2 and 6 are known: of the validation targets 2 and 4 one is cold, of the test targets 3 and 5 both.
    assert card["parts"]["validation"]["cold_target_share"] == 0.5
    assert card["parts"]["test"] == {
        "interactions": 2,
        "users": 2,
        "targets": 2,
        "target_users": 2,
        "cold_targets": 2,
        "cold_target_share": 1.0,
    }
    # Training times are 1, 2, 5, 6: two are later than the first test target (3), none later than the second (8).
    assert card["future_share"] == 0.25
    for name in PARTS:
        assert card["content_hashes"][name] == content_hash(tmp_path / f"loo/{name}.parquet")
    assert card["interactions_hash"] == content_hash(tmp_path / "interactions.parquet")


def test_without_times(tmp_path):
    _write([[(1, None), (2, None), (3, None)], [(2, None), (1, None), (3, None)]], tmp_path)
    split(tmp_path, "loo", tmp_path / "loo")
    assert read_json(tmp_path / "loo/split.json")["future_share"] is None
    assert _parts(tmp_path / "loo")["test"]["timestamp"].isna().all()
    with pytest.raises(ValueError, match="gts needs times"):
        split(tmp_path, "gts", tmp_path / "gts")
    assert not (tmp_path / "gts").exists()


def test_what_cannot_be_split(tmp_path):
    _write([[(1, 5), (2, 5)], [(1, 5)]], tmp_path)
    with pytest.raises(ValueError, match="the validation part would have no targets: no user has 3 interactions or"):
        split(tmp_path, "loo", tmp_path / "loo")
    with pytest.raises(ValueError, match="too few interactions, or too many of one second"):
        split(tmp_path, "gts", tmp_path / "gts")
    with pytest.raises(FileNotFoundError):
        split(tmp_path / "nowhere", "loo", tmp_path / "loo")


@pytest.mark.parametrize("rows", [1, 2, 3, 6, 7])
def test_the_first_row_out_of_order_is_named_wherever_it_stands_in_a_stretch(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(chunked, "ROWS", rows)
    for wrong in range(6):
        frame = _write([[(1, 5), (2, 6), (3, 7)], [(1, 5), (2, 6), (3, 7)]], tmp_path)
        frame.loc[wrong, "position"] = 9
        write_table(frame, tmp_path / "interactions.parquet", INTERACTIONS)
        with pytest.raises(ValueError, match=rf"row {wrong + 1} has user {1 + wrong // 3} at position 9; rows must"):
            split(tmp_path, "loo", tmp_path / "loo")


@pytest.mark.parametrize("rows", [1, 20, chunked.ROWS])
@pytest.mark.parametrize("protocol", ["loo", "gts"])
def test_targets_that_nobody_could_hit_are_refused_before_anything_is_trained(protocol, rows, tmp_path, monkeypatch):
    """Where training has no repeats, what a user has met is filtered; where it has, nothing is."""
    monkeypatch.setattr(chunked, "ROWS", rows)
    for again, repeat, refused in ((False, False, False), (True, False, True), (True, True, False)):
        users = [[(item, 10 * item + user) for item in range(1, 30)] for user in range(4)]
        if again:
            users[2][-1] = (1, users[2][-1][1])
        if repeat:
            users[3][1] = (1, users[3][1][1])
        _write(users, tmp_path)
        # Of other interactions, and so not believed.
        write_json(tmp_path / "card.json", {"content_hash": "0" * 64, "repeats": 0})
        if refused:
            with pytest.raises(ValueError, match=r"user 3 meets item 1 again as a target, one of 1 such; .*first"):
                split(tmp_path, protocol, tmp_path / protocol)
            assert not (tmp_path / protocol / "split.json").exists()
        else:
            split(tmp_path, protocol, tmp_path / protocol)
        shutil.rmtree(tmp_path / protocol, ignore_errors=True)


def test_nothing_is_looked_for_where_preparing_found_no_repeats(tmp_path, monkeypatch):
    _write([[(item, item) for item in range(1, 30)]], tmp_path)
    told = {"content_hash": content_hash(tmp_path / "interactions.parquet"), "repeats": 0}
    looked_for = []
    monkeypatch.setattr("hydrarec.data.split._refuse_met_targets", lambda *_: looked_for.append(True))
    for card, looks in ((told, False), (told | {"repeats": 1}, True)):
        write_json(tmp_path / "card.json", card)
        split(tmp_path, "loo", tmp_path / "loo")
        assert bool(looked_for) is looks


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    """The one that fails is done while others still write."""
    slow = threading.Event()

    def write(table, path, schema):
        if path.stem == "validation":
            slow.set()
            raise OSError("no space left on device")
        slow.wait(10)
        time.sleep(0.2)
        write_table(table, path, schema)

    monkeypatch.setattr("hydrarec.data.split.write_table", write)
    _write([[(item, item) for item in range(1, 30)]], tmp_path)
    with pytest.raises(OSError, match="no space left"):
        split(tmp_path, "loo", tmp_path / "loo")
    assert not list((tmp_path / "loo").rglob("*.parquet"))


def test_twice_is_the_same_bytes(tmp_path):
    _write([[(item, item + user) for item in range(1, 30)] for user in range(9)], tmp_path)
    for protocol in ("loo", "gts"):
        for folder in ("one", "two"):
            split(tmp_path, protocol, tmp_path / folder)
        names = [f"{part}.parquet" for part in PARTS] + ["split.json"]
        one, two = ([sha256(tmp_path / folder / name) for name in names] for folder in ("one", "two"))
        assert one == two
