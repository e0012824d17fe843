"""Every file is held to its recorded hash; what is damaged, absent, moved or unrecorded is told."""

import hashlib
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from hydrarec.audit.verify import format_audit, verify
from hydrarec.baselines.run import run_baseline
from hydrarec.cli import app
from hydrarec.columns import CANDIDATES, RANKS, RECOMMENDATIONS, TRAIN, USERS
from hydrarec.data.sampled_candidates import sample_candidates
from hydrarec.files import names_in, read_json, write_json
from hydrarec.layout import REQUIRED, TRAINING_FILES, efficiency_folder
from hydrarec.provenance import data_hashes, file_hashes
from hydrarec.tables import read_table, table_hash, write_table
from hydrarec.training.inference import rank_test
from hydrarec.training.run import train
from tests.unit.training.ring import settings


def test_sound_results_have_every_file_hashed_and_no_problem(results):
    audit = verify(results)
    assert audit.problems == []
    assert audit.unrecorded == []
    every = {path for path in results.rglob("*") if path.suffix in (".parquet", ".safetensors")}
    assert every <= set(audit.checked)
    assert sum(audit.checked.values()) == sum(path.stat().st_size for path in audit.checked)
    outcome = CliRunner().invoke(app, ["verify", str(results)])
    assert outcome.exit_code == 0
    assert "no problems. Runs: 2 by hydrarec" in outcome.output


def changed_ranks(folder):
    path = folder / "ranks.parquet"
    table = read_table(path, RANKS)
    table.loc[3, "greater"] += 1
    write_table(table, path, RANKS)


def changed_weights(folder):
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def changed_scores(folder):
    path = folder / "recommendations.parquet"
    table = read_table(path, RECOMMENDATIONS)
    table.loc[0, "score"] = np.nextafter(table.loc[0, "score"], np.float32(np.inf), dtype="float32")
    write_table(table, path, RECOMMENDATIONS)


def half_written(folder):
    path = folder / "ranks.parquet"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("spoil", "name", "found"),
    [
        (changed_ranks, "ranks.parquet", r"found [0-9a-f]{16}"),
        (changed_weights, "model.safetensors", r"found [0-9a-f]{16}"),
        (changed_scores, "recommendations.parquet", r"found [0-9a-f]{16}"),
        (half_written, "ranks.parquet", "found what cannot be read: "),
        (lambda folder: (folder / "history.parquet").unlink(), "history.parquet", "found no such file"),
        (lambda folder: (folder / "timing.json").write_text("{}"), "timing.json", r"found [0-9a-f]{16}"),
    ],
)
def test_a_file_that_is_not_what_was_written_is_named_with_both_hashes(results, trained, spoil, name, found):
    spoil(trained)
    outcome = CliRunner().invoke(app, ["verify", str(results)])
    assert outcome.exit_code == 1
    problems = verify(results).problems
    assert problems
    assert all(problem.startswith(f"{trained / name}: expected ") for problem in problems)
    assert all(re.search(found, problem) for problem in problems)
    assert "Delete the folder of each damaged file" in outcome.output


def test_the_same_rows_written_otherwise_are_the_same(results, trained):
    table = read_table(trained / "ranks.parquet", RANKS)
    table.to_parquet(trained / "ranks.parquet", compression="zstd", index=False)
    assert verify(results).problems == []


@pytest.mark.parametrize("where", ["results", "run", "data", "split"])
def test_data_that_changed_after_the_runs_are_found(results, trained, where):
    data = results / "data" / "drawn"
    path = data / "loo" / "train.parquet"
    write_table(read_table(path, TRAIN).iloc[1:], path, TRAIN)
    folder = {"results": results, "run": trained, "data": data, "split": data / "loo"}[where]
    recorded_in = {"results": "", "run": "manifest.json", "data": "split.json", "split": "split.json"}[where]
    problems = verify(folder).problems
    assert len(problems) == (3 if where == "results" else 1)
    assert all(problem.startswith(f"{path}: expected") and recorded_in in problem for problem in problems)


def test_ids_of_users_are_covered(results):
    path = results / "data" / "drawn" / "users.parquet"
    users = read_table(path, USERS)
    write_table(users.assign(raw_user=users["raw_user"].to_numpy()[::-1]), path, USERS)
    assert [problem.partition(":")[0] for problem in verify(results).problems] == [str(path)]


def test_null_texts_are_part_of_a_hash():
    texts = (["a", None], [None, "a"], ["a", ""], ["a", "b"])
    assert len({table_hash(pa.table({"text": pa.array(text)})) for text in texts}) == 4


def test_hash_tells_null_from_zero_in_numbers_and_leaves_other_tables_as_they_were():
    numbers = ([None, 0.0], [0.0, None], [0.0, 0.0], [None, None])
    assert len({table_hash(pa.table({"n": pa.array(values, pa.float64())})) for values in numbers}) == 4
    # The same values in other chunks are the same table.
    chunks = pa.chunked_array([pa.array([None], pa.int64()), pa.array([0], pa.int64())])
    assert table_hash(pa.table({"n": chunks})) == table_hash(pa.table({"n": pa.array([None, 0], pa.int64())}))
    # Results that lie on people's disks: columns without nulls, or with nothing else, keep the hash they have.
    kept = {"whole": [1, 2, 3], "none": pa.nulls(3, pa.int64())}
    digest = hashlib.sha256(b"whole:int64:3:0;" + np.array([1, 2, 3]).tobytes() + b"none:int64:3:3;" + bytes(24))
    assert table_hash(pa.table(kept)) == digest.hexdigest()


def test_measurements_of_efficiency_are_covered(results):
    folder = efficiency_folder(results, "mine", "cpu") / "operators"
    folder.mkdir(parents=True)
    for name in ("work.parquet", "times.parquet"):
        shutil.copy(results / "data" / "drawn" / "items.parquet", folder / name)
    write_json(folder / "machine.json", {"files": file_hashes(folder, ("work.parquet", "times.parquet"))})
    assert verify(results).problems == []
    shutil.copy(results / "data" / "drawn" / "users.parquet", folder / "times.parquet")
    assert [problem.partition(":")[0] for problem in verify(results).problems] == [str(folder / "times.parquet")]


@pytest.mark.parametrize(
    "name", ["data/drawn/card.json", "data/drawn/loo/split.json", "runs/drawn/loo/x/seed-0/inference.json"]
)
def test_a_file_of_hashes_that_is_cut_off_is_a_problem(results, name):
    path = results / name
    path.write_text(path.read_text()[:40])
    (problem,) = verify(results).problems
    assert problem.startswith(f"{path}:")
    assert "not valid JSON" in problem


def test_ranks_of_other_weights_are_found(results, trained):
    inference = read_json(trained / "inference.json")
    inference["files"]["model.safetensors"] = "0" * 64
    write_json(trained / "inference.json", inference)
    (problem,) = verify(trained).problems
    assert "expected 0000000000000000 by" in problem
    assert "inference.json" in problem


def test_a_folder_that_was_copied_to_another_name_is_found(results, trained):
    shutil.copytree(trained, trained.parent / "seed-1")
    (problem,) = verify(trained.parent / "seed-1").problems
    assert problem.endswith("expected the manifest of this folder, found that of drawn/loo/x/seed-0")


def test_of_older_results_it_is_said_that_no_hashes_are_there(results, trained):
    for name in ("manifest.json", "inference.json"):
        content = read_json(trained / name)
        del content["files"]
        write_json(trained / name, content)
    audit = verify(trained)
    assert audit.problems == []
    assert {path.name for path in audit.unrecorded} == {
        "model.safetensors", "history.parquet", "timing.json", "inference.json", "ranks.parquet",
        "recommendations.parquet",
    }  # fmt: skip
    assert "6 files have no hashes recorded, so nothing is known of them" in format_audit(audit)


def test_a_manifest_that_lacks_what_every_version_wrote_is_a_problem(results, trained):
    write_json(trained / "manifest.json", {"dataset": "drawn", "seed": 0})
    (problem,) = verify(results).problems
    assert "lacks data, git_commit" in problem
    assert "Delete the run's folder and start Snakemake again" in problem


def test_an_unfinished_run_is_no_problem_and_is_counted(results, trained):
    (trained / "manifest.json").unlink()
    audit = verify(results)
    assert audit.problems == []
    assert audit.unfinished == [trained]


def test_a_run_that_was_trained_and_never_ranked_is_counted(results, trained):
    for name in ("ranks.parquet", "inference.json", "recommendations.parquet"):
        (trained / name).unlink()
    audit = verify(results)
    assert (audit.problems, audit.unfinished) == ([], [trained])
    assert trained / "model.safetensors" in audit.checked


@pytest.mark.parametrize("place", ["run", "run's", "runs", "up and down", "data", "split"])
def test_results_can_be_checked_from_within(place, results, trained, monkeypatch):
    data = results / "data" / trained.parents[2].name
    within, folder = {
        "run": (trained, "."),
        "run's": (trained.parent, trained.name),
        "runs": (results / "runs", trained.relative_to(results / "runs")),
        "up and down": (results / "data", Path("../data/..") / trained.relative_to(results)),
        "data": (data, "."),
        "split": (data / trained.parents[1].name, "."),
    }[place]
    monkeypatch.chdir(within)
    audit = verify(Path(folder))
    assert audit.problems == []
    assert audit.checked


def test_tables_over_all_runs_are_counted_as_unrecorded(results):
    names = (
        "comparison/demo/gates.json",
        "comparison/demo/incomplete/pairs.parquet",
        "efficiency/demo/cpu/speed.parquet",
    )
    for name in names:
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).write_text("{}")
    audit = verify(results)
    assert audit.problems == []
    assert audit.unrecorded == [results / name for name in names]
    assert (
        f"3 files have no hashes recorded, so nothing is known of them; the first: {results / names[0]}."
        in format_audit(audit)
    )


def test_what_is_no_folder_of_results_is_refused(tmp_path):
    with pytest.raises(ValueError, match="nothing to verify; allowed: a results folder"):
        verify(tmp_path)


def test_a_run_of_another_kind_leaves_nothing_of_the_one_before(results, trained, baseline):
    """A run that gets other settings is computed in the same place: what is left over would be taken for its own."""
    data = results / "data" / "drawn"
    (trained / "costs.json").write_text("{}")
    run_baseline("popularity", data=data, protocol="loo", run="x", seed=0, options={}, threads=1, output=trained)
    assert set(names_in(trained)) == set(REQUIRED)
    train(settings(), data=data, protocol="loo", seed=0, threads=1, output=baseline)
    assert set(names_in(baseline)) == set(TRAINING_FILES)


def test_sampled_candidates_are_covered_by_the_runs_that_were_counted_among_them(results, trained):
    data = results / "data" / "drawn"
    path = data / "loo" / "candidates-uniform-100.parquet"
    sample_candidates(data, "loo", "uniform-100", path)
    rank_test(trained / "model.safetensors", data=data, protocol="loo", threads=1, output=trained, candidates=[path])
    counted = verify(results)
    assert counted.problems == []
    assert {path, trained / "sampled.parquet"} <= set(counted.checked)
    assert set(data_hashes(data / "loo")) == {"train.parquet", "validation.parquet", "test.parquet"}
    write_table(read_table(path, CANDIDATES).iloc[1:], path, CANDIDATES)
    (problem,) = verify(results).problems
    assert problem.startswith(f"{path}: expected")
    assert "inference.json" in problem
