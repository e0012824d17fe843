"""A run is repeated from its manifest: the same comes out, or it is said where results part and under what."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from hydrarec.audit.differences import _history, differences
from hydrarec.audit.reproduce import _resumptions, reproduce
from hydrarec.cli import app
from hydrarec.columns import HISTORY, RANKS, RECOMMENDATIONS, SAMPLED, TRAIN
from hydrarec.data.sampled_candidates import sample_candidates
from hydrarec.files import read_json, write_json
from hydrarec.tables import read_table, write_table
from hydrarec.training.inference import rank_test
from tests.unit.training.ring import run


def call_command(folder, *options):
    outcome = CliRunner().invoke(app, ["reproduce", str(folder), *options], catch_exceptions=False)
    return outcome.exit_code, outcome.output


def contents(folder):
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def rewrite(folder, **changes):
    write_json(folder / "manifest.json", read_json(folder / "manifest.json") | changes)


@pytest.mark.parametrize("kind", ["trained", "baseline"])
def test_a_run_is_repeated_to_the_byte_and_left_alone(request, results, kind, tmp_path):
    folder = request.getfixturevalue(kind)
    before = contents(results)
    (tmp_path / "scratch").mkdir()
    assert call_command(folder, "--scratch", str(tmp_path / "scratch")) == (0, "identical\n")
    assert before == {
        path: (path.read_bytes(), path.stat().st_mtime_ns) for path in results.rglob("*") if path.is_file()
    }
    assert list((tmp_path / "scratch").iterdir()) == []


def test_counts_among_sampled_candidates_are_repeated_too(results, trained):
    data = results / "data" / "drawn"
    sampled, model = trained / "sampled.parquet", trained / "model.safetensors"
    # Not in alphabetical order, in which the manifest names them.
    paths = [data / "loo" / f"candidates-{kind}.parquet" for kind in ("uniform-100", "popularity-100")]
    for path in paths:
        sample_candidates(data, "loo", path.stem.removeprefix("candidates-"), path)
    rank_test(model, data=data, protocol="loo", threads=1, output=trained, candidates=paths)
    candidates = paths[0]
    assert call_command(trained) == (0, "identical\n")
    counts = read_table(sampled, SAMPLED)
    counts.loc[3, "greater"] += 1
    write_table(counts, sampled, SAMPLED)
    code, text = call_command(trained)
    assert code == 3
    assert f"sampled.parquet: 1 of {len(counts)} cases differ" in text
    candidates.unlink()
    with pytest.raises(ValueError, match=re.escape(f"{candidates}: absent, or not the candidates")):
        call_command(trained)


def test_another_seed_is_different_from_the_first_epoch_on(trained):
    rewrite(trained, seed=1)
    code, text = call_command(trained, "--tolerance", "0")
    assert code == 4
    assert text.startswith("different\n")
    assert "history.parquet: first apart in epoch 1: loss " in text
    assert "model.safetensors: the weights are not the same bytes" in text
    assert "ranks.parquet: " in text
    assert "recommendations.parquet: " in text


def test_a_few_other_ranks_are_within_tolerance_and_the_first_is_named(baseline):
    path = baseline / "ranks.parquet"
    ranks = read_table(path, RANKS).sort_values("user", ignore_index=True)
    # A place beyond the first ten moves no NDCG@10.
    row = ranks.index[ranks["warm"] & (ranks["greater"] > 15)][0]
    ranks.loc[row, "greater"] += 1
    write_table(ranks, path, RANKS)
    code, text = call_command(baseline)
    assert code == 3
    assert text.startswith("within tolerance\n")
    assert f"1 of {len(ranks)} cases differ, the first of user {ranks.loc[row, 'user']}, step 0: greater" in text
    assert "(+0.000 %)" in text
    assert f"not as it was: the run itself: {path}: expected" in text


def test_versions_that_are_not_as_they_were_are_said(baseline):
    packages = read_json(baseline / "manifest.json")["packages"]
    rewrite(baseline, package_version="0.0.1", packages=packages | {"numpy": "1.0.0"})
    reproduction = reproduce(baseline, tolerance=0)
    assert reproduction.verdict == "identical"
    assert any(line.startswith("package_version was 0.0.1, is ") for line in reproduction.conditions)
    assert any(line.startswith("numpy was 1.0.0, is ") for line in reproduction.conditions)
    assert len(reproduction.conditions) == 2


A = {"package_version": "0.1.0", "git_commit": "aaaa", "git_dirty": False}


@pytest.mark.parametrize(
    ("earlier", "now", "said"),
    [
        ([], A, []),
        ([A | {"git_commit": "bbbb"}], A, ["it was begun with commit bbbb and resumed with another"]),
        (
            [A | {"git_commit": "bbbb"}, A | {"git_commit": "bbbb", "git_dirty": True}, A | {"git_commit": "cccc"}],
            A,
            ["it was begun with commit bbbb, then cccc and resumed with another"],
        ),
        ([A | {"git_dirty": True}], A, ["it was begun with uncommitted changes and resumed without"]),
        ([A], A | {"git_dirty": True}, ["it was begun without uncommitted changes and resumed with"]),
        (
            [A | {"package_version": "0.0.1", "git_commit": None, "git_dirty": None}],
            A | {"git_commit": None, "git_dirty": None},
            ["it was begun with version 0.0.1 and resumed with another"],
        ),
    ],
)
def test_in_what_the_code_of_a_resumed_training_changed_is_said_once(earlier, now, said):
    assert _resumptions({**now, "earlier_code": earlier}) == said


def test_other_data_are_refused(results, trained):
    path = results / "data" / "drawn" / "loo" / "train.parquet"
    write_table(read_table(path, TRAIN).iloc[1:], path, TRAIN)
    with pytest.raises(ValueError, match=r"train\.parquet: not the data that .*expected [0-9a-f]{16}, found"):
        reproduce(trained, tolerance=0)
    path.unlink()
    with pytest.raises(ValueError, match=r"no such file.*--data"):
        reproduce(trained, tolerance=0)


def test_a_program_outside_this_package_is_refused_with_the_reason(baseline):
    rewrite(baseline, run={"id": "items", "baseline": "recbole", "options": {}})
    with pytest.raises(ValueError, match="'recbole' was computed by a program outside this package"):
        reproduce(baseline, tolerance=0)


def test_settings_of_another_version_are_refused(trained):
    settings = read_json(trained / "manifest.json")["settings"]
    rewrite(trained, settings=settings | {"encoder": {"width": 16}}, package_version="0.0.1")
    with pytest.raises(ValueError, match=r"settings are those of hydrarec 0\.0\.1.*\n.*encoder"):
        reproduce(trained, tolerance=0)


def test_differences_are_found_where_they_are(trained, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for path in trained.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    assert differences(trained, other) == []
    history = read_table(other / "history.parquet", HISTORY)
    write_table(history.assign(train_s=history["train_s"] + 1), other / "history.parquet", HISTORY)
    assert differences(trained, other) == []
    write_table(history.iloc[:2], other / "history.parquet", HISTORY)
    assert [one.what for one in differences(trained, other)] == ["3 and 2 epochs, the first 2 the same"]
    history.loc[1, "loss"] = np.nextafter(history.loc[1, "loss"], 9)
    write_table(history, other / "history.parquet", HISTORY)
    (found,) = differences(trained, other)
    assert found.what.startswith("first apart in epoch 2: loss ")
    ranks = read_table(other / "ranks.parquet", RANKS)
    write_table(ranks.iloc[1:], other / "ranks.parquet", RANKS)
    lists = read_table(other / "recommendations.parquet", RECOMMENDATIONS)
    swapped = pd.concat([lists.iloc[:1].assign(item=lists["item"].iloc[1]), lists.iloc[1:]])
    write_table(swapped, other / "recommendations.parquet", RECOMMENDATIONS)
    assert [one.what for one in differences(trained, other)][1:] == [
        "not the same cases or candidates",
        f"1 of {len(lists)} places hold another item; scores differ by 0 at most",
    ]


def test_a_number_that_is_lost_is_a_difference_and_so_is_one_that_appears():
    known = pd.DataFrame({"epoch": [1, 2], "validation_ndcg10": [0.1, 0.2]})
    lost = known.assign(validation_ndcg10=[0.1, np.nan])
    assert _history(lost, lost.copy()) is None
    for pair, told in (((known, lost), "0.2 and nan"), ((lost, known), "nan and 0.2")):
        assert _history(*pair).what == f"first apart in epoch 2: validation_ndcg10 {told}"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu_a_repetition_begins_alike(results, trained):
    """Sums have no fixed order there; what an epoch of it comes to must stay far below what a method could."""
    run(results / "data" / "drawn", trained, device="cuda")
    before = read_table(trained / "history.parquet", HISTORY)
    assert reproduce(trained, tolerance=1).verdict != "different"
    run(results / "data" / "drawn", trained, device="cuda")
    after = read_table(trained / "history.parquet", HISTORY)
    assert after["loss"].iloc[0] == pytest.approx(before["loss"].iloc[0], rel=1e-3)
