"""How far a comparison is, from what its runs have left."""

import json
import os
import socket
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from safetensors.numpy import save_file

from hydrarec.data.card import describe
from hydrarec.files import write_json
from hydrarec.layout import (
    COLLECTED,
    REQUIRED,
    comparison_folder,
    data_folder,
    environment_file,
    run_folder,
    split_folder,
)
from hydrarec.provenance import MANIFEST_KEYS
from hydrarec.sources import source_hashes
from hydrarec.status import format_preparation, format_status, format_unmissed, progress
from hydrarec.unfinished import this_process
from tests.unit.test_estimate import CONFIG, SOFTMAX

HYDRA = "sasrec+hydra+causal"


@pytest.fixture
def folder(tmp_path):
    def leave(run, seed, *names, log="", rule="train"):
        place = run_folder(tmp_path / "results", "ml-1m", "loo", run, seed)
        place.mkdir(parents=True, exist_ok=True)
        for name in names:
            (place / name).touch()
        said = tmp_path / "logs" / rule / "ml-1m/loo" / run / f"seed-{seed}.log"
        said.parent.mkdir(parents=True, exist_ok=True)
        said.write_text(log)
        return place

    left = ("model.safetensors", "ranks.parquet", "recommendations.parquet", "timing.json")
    done = leave(SOFTMAX, 0, *left, log="epoch 9\n")
    for name in ("manifest.json", "inference.json"):
        (done / name).write_text(json.dumps(manifest(SOFTMAX, "same")))
    leave(SOFTMAX, 1, "model.safetensors", log="epoch 9\n")
    leave(SOFTMAX, 1, log="hydrarec: no space left\n\n", rule="rank")
    leave(SOFTMAX, 2, log="")
    state = leave(HYDRA, 0, log="epoch 1\nepoch 2\n") / "state"
    state.mkdir()
    metadata = {"hydrarec": json.dumps({"history": [{}, {}]})}
    save_file({"w": np.zeros(1)}, state / "latest.safetensors", metadata)
    state = leave(HYDRA, 1, log="epoch 1") / "state"
    state.mkdir()
    (state / "latest.safetensors").write_bytes(b"half")
    write_json(state / "process.json", this_process())
    leave("popularity", 2, log="hydrarec: train.parquet: no such file", rule="popularity")
    return tmp_path


def test_epochs_that_are_not_gone_on_with_are_told(folder):
    settings = CONFIG.settings(HYDRA, "ml-1m").model_dump(mode="json")
    state = run_folder(folder / "results", "ml-1m", "loo", HYDRA, 0) / "state/latest.safetensors"

    def report(width):
        saved = settings | {"encoder": settings["encoder"] | {"d_model": width}}
        metadata = {"hydrarec": json.dumps({"history": [{}, {}], "identity": {"settings": saved}})}
        save_file({"w": np.zeros(1)}, state, metadata)
        one = next(one for one in progress(CONFIG, folder / "results") if (one.run, one.seed) == (HYDRA, 0))
        return one.stage, one.epochs, one.last_words

    width = settings["encoder"]["d_model"]
    assert report(width) == ("interrupted", 2, "epoch 2")
    other = f"they are of a training with encoder.d_model = {width + 8}, the configuration has {width}"
    assert report(width + 8) == ("interrupted", 2, f"{other}; the next start begins anew")


def test_every_stage_is_told_from_the_files(folder):
    found = {(one.run, one.seed): one for one in progress(CONFIG, folder / "results") if one.dataset == "ml-1m"}
    stages = {key: (one.stage, one.epochs, one.last_words) for key, one in found.items()}
    assert stages == {
        (SOFTMAX, 0): ("finished", 0, ""),
        (SOFTMAX, 1): ("trained", 0, "hydrarec: no space left"),
        (SOFTMAX, 2): ("stopped", 0, ""),
        (HYDRA, 0): ("interrupted", 2, "epoch 2"),
        (HYDRA, 1): ("in training", 0, "epoch 1"),
        (HYDRA, 2): ("not begun", 0, ""),
        ("popularity", 0): ("not begun", 0, ""),
        ("popularity", 1): ("not begun", 0, ""),
        ("popularity", 2): ("stopped", 0, "hydrarec: train.parquet: no such file"),
    }


def test_a_training_is_at_work_while_its_process_runs_and_interrupted_when_it_ended(folder):
    state = run_folder(folder / "results", "ml-1m", "loo", HYDRA, 0) / "state"

    def stage():
        return next(o.stage for o in progress(CONFIG, folder / "results") if (o.run, o.seed) == (HYDRA, 0))

    this = this_process()
    write_json(state / "process.json", this)
    assert stage() == "in training"
    # The clock was set while it ran.
    write_json(state / "process.json", this | {"started": this["started"] + 2})
    assert stage() == "in training"
    write_json(state / "process.json", this | {"started": this["started"] - 3600})
    assert stage() == "interrupted"
    # Of another machine nobody can tell.
    write_json(state / "process.json", this | {"host": "node7", "pid": 1})
    assert stage() == "in training"
    # Between two files while one is saved, and before the first epoch is.
    (state / "latest.safetensors").rename(state / "previous.safetensors")
    assert stage() == "in training"
    (state / "previous.safetensors").unlink()
    assert stage() == "in training"


def test_a_process_that_ended_and_was_never_waited_for_is_not_at_work(folder):
    """As in a container whose first process looks after no others."""
    state = run_folder(folder / "results", "ml-1m", "loo", HYDRA, 0) / "state"
    process = subprocess.Popen([sys.executable, "-c", ""])
    try:
        note = {"host": socket.gethostname(), "pid": process.pid, "started": psutil.Process(process.pid).create_time()}
        write_json(state / "process.json", note)
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        assert next(o.stage for o in progress(CONFIG, folder / "results") if o.run == HYDRA) == "interrupted"
    finally:
        process.wait()


def test_a_log_of_ranking_earlier_weights_says_nothing_of_a_run_that_was_trained_anew(folder):
    weights = run_folder(folder / "results", "ml-1m", "loo", SOFTMAX, 1) / "model.safetensors"

    def words():
        found = progress(CONFIG, folder / "results")
        return next((o.stage, o.last_words) for o in found if (o.run, o.seed) == (SOFTMAX, 1))

    assert words() == ("trained", "hydrarec: no space left")
    os.utime(weights, (time.time() + 60,) * 2)
    assert words() == ("trained", "epoch 9")


def test_what_was_computed_on_other_data_is_outdated(folder):
    card = data_folder(folder / "results", "ml-1m") / "card.json"
    dataset = CONFIG.dataset("ml-1m")
    said = describe(dataset, dataset.source.sha256)
    write_json(card, said)
    assert "1 finished" in format_status(progress(CONFIG, folder / "results"))
    write_json(card, said | {"filter": {**said["filter"], "min_item_interactions": 77}})
    text = format_status(progress(CONFIG, folder / "results"))
    assert "finished" not in text
    assert f"{card}: was prepared with filter.min_item_interactions = 77, the configuration has" in text
    card.write_text("{")
    assert f"{card}:1: not valid JSON" in format_status(progress(CONFIG, folder / "results"))


@pytest.mark.parametrize("name", ["manifest.json", "inference.json"])
def test_a_damaged_record_of_a_run_is_told_with_a_remedy(folder, name):
    path = run_folder(folder / "results", "ml-1m", "loo", SOFTMAX, 0) / name
    path.write_text('{"x": 1')
    text = format_status(progress(CONFIG, folder / "results"))
    assert f"{SOFTMAX} seed 0: outdated" in text
    assert f"{path}:1: not valid JSON" in text
    assert "Delete the run's folder" in text


def test_a_run_that_lost_a_file_is_not_finished(folder):
    place = run_folder(folder / "results", "ml-1m", "loo", SOFTMAX, 0)
    (place / "timing.json").unlink()
    text = format_status(progress(CONFIG, folder / "results"))
    assert f"{SOFTMAX} seed 0: incomplete\n    timing.json: not there any more; delete {place} and start" in text


def test_while_a_snakemake_works_here_a_silent_job_is_not_said_to_be_killed(folder):
    assert stage(folder, SOFTMAX, 2) == "stopped"
    lock = folder / ".snakemake" / "locks" / "0.input.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    assert stage(folder, SOFTMAX, 2) == "begun"
    text = format_status(progress(CONFIG, folder / "results"))
    assert f"{SOFTMAX} seed 2: begun\n    it has said nothing yet" in text
    assert "killed" not in text
    # One that said why it failed has failed, whoever works here.
    assert stage(folder, "popularity", 2) == "stopped"


def test_a_finished_run_whose_weights_were_deleted_is_finished_as_it_is_for_a_comparison(folder):
    left = run_folder(folder / "results", "ml-1m", "loo", SOFTMAX, 0)
    (left / "model.safetensors").unlink()
    assert stage(folder, SOFTMAX, 0) == "finished"


def test_ranks_of_earlier_weights_do_not_make_a_run_finished(folder):
    place = run_folder(folder / "results", "ml-1m", "loo", SOFTMAX, 0)

    def found():
        one = next(one for one in progress(CONFIG, folder / "results") if (one.run, one.seed) == (SOFTMAX, 0))
        return one.stage, one.last_words

    for name, weights in (("manifest.json", "new"), ("inference.json", "new")):
        (place / name).write_text(json.dumps(manifest(SOFTMAX, weights)))
    assert found() == ("finished", "")
    # Trained anew, and not ranked since.
    (place / "inference.json").write_text(json.dumps(manifest(SOFTMAX, "old")))
    assert found() == ("trained", "epoch 9")
    # To be trained anew, which fails.
    (place / "model.safetensors").unlink()
    (folder / "logs/train/ml-1m/loo" / SOFTMAX / "seed-0.log").write_text("hydrarec: no space left\n")
    assert found() == ("stopped", "hydrarec: no space left")


def manifest(run, weights):
    """Return what is needed of a manifest."""
    settings = CONFIG.settings(run, "ml-1m").model_dump(mode="json")
    return dict.fromkeys(MANIFEST_KEYS, "any") | {"files": {"model.safetensors": weights}, "settings": settings}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda settings: settings["training"].update(batch_size=77),
            "training.batch_size = 77, the configuration has",
        ),
        (lambda settings: settings.clear(), "cannot be read"),
    ],
)
def test_a_result_of_other_settings_is_told_from_a_finished_one(folder, change, words):
    place, found = run_folder(folder / "results", "ml-1m", "loo", SOFTMAX, 0), manifest(SOFTMAX, "same")
    change(found["settings"])
    for name in ("manifest.json", "inference.json"):
        (place / name).write_text(json.dumps(found))
    text = format_status(progress(CONFIG, folder / "results"))
    assert "1 outdated" in text
    assert f"{SOFTMAX} seed 0: outdated" in text
    assert words in text


def test_runs_of_code_that_was_edited_since_are_told_with_how_to_repeat_them(folder):
    linear, now = "attention/linear.py", source_hashes()
    recorded = {"attention/base.py": now["attention/base.py"], linear: now[linear]}

    def leave(run, seed, **changed):
        place = run_folder(folder / "results", "ml-1m", "loo", run, seed)
        place.mkdir(parents=True, exist_ok=True)
        for name in ("model.safetensors", *REQUIRED):
            (place / name).touch()
        for name, sources in (("manifest.json", recorded), ("inference.json", recorded | changed)):
            (place / name).write_text(json.dumps(manifest(run, "same") | {"sources": sources}))

    for seed in (0, 1, 2):
        leave(SOFTMAX, seed)
    leave(HYDRA, 0)
    text = format_status(progress(CONFIG, folder / "results"))
    assert "other code" not in text
    leave(SOFTMAX, 1, **{linear: "0" * 64})
    for seed in (0, 1, 2):
        leave(HYDRA, seed, **{linear: "0" * 64, "attention/gone.py": "0" * 64, "attention/also.py": "0" * 64})
    lines = format_status(progress(CONFIG, folder / "results")).splitlines()[-4:]
    assert lines[0] == (
        "4 finished with other code than is here now; edited since: hydrarec/attention/also.py and 2 other files."
    )
    assert lines[1].endswith("add --forcerun to its command, and behind it:")
    runs = folder / "results/runs/ml-1m/loo"
    found = {line.strip() for line in lines[2:]}
    assert found == {f"{runs / HYDRA}/seed-*/manifest.json", f"{runs / SOFTMAX}/seed-1/manifest.json"}


def test_a_training_of_other_settings_is_outdated_before_it_is_ranked_too(folder):
    place, found = run_folder(folder / "results", "ml-1m", "loo", SOFTMAX, 1), manifest(SOFTMAX, "same")

    def report():
        one = next(one for one in progress(CONFIG, folder / "results") if (one.run, one.seed) == (SOFTMAX, 1))
        return one.stage, one.last_words

    (place / "manifest.json").write_text(json.dumps(found))
    assert report() == ("trained", "hydrarec: no space left")
    found["settings"]["training"]["batch_size"] = 77
    (place / "manifest.json").write_text(json.dumps(found))
    stage, said = report()
    assert stage == "outdated"
    assert "was computed with training.batch_size = 77" in said
    # Ranks of weights from before these.
    (place / "ranks.parquet").touch()
    (place / "inference.json").write_text(json.dumps(manifest(SOFTMAX, "old")))
    assert report() == (stage, said)
    # Trained anew already.
    (place / "state").mkdir()
    (place / "state/latest.safetensors").write_bytes(b"half")
    assert report()[0] == "interrupted"


def test_a_message_of_several_lines_is_told_by_its_first(folder):
    log = folder / "logs/popularity/ml-1m/loo/popularity/seed-2.log"
    log.write_text("12:00:00 reading\nhydrarec: row 3: no such item: 77\n  3 9 77 0.5\n")
    found = {(one.run, one.seed): one for one in progress(CONFIG, folder / "results") if one.dataset == "ml-1m"}
    assert found["popularity", 2].last_words == "hydrarec: row 3: no such item: 77"
    assert found["popularity", 2].has_reported_failure


# As Slurm 22.05 wrote them.
KILLED = "slurmstepd-cpu1: error: StepId=1.0 exceeded memory limit (509648896 > 209715200), being killed"
AFTER = """srun: Job step aborted: Waiting up to 12 seconds for job step to finish.
slurmstepd-cpu1: error: Exceeded job memory limit
slurmstepd-cpu1: error: *** STEP 1.0 ON cpu1 CANCELLED AT 2026-11-28T08:17:07 ***
srun: error: cpu1: task 0: Killed
"""


def slurm_log(folder, rule, run, seed, job, text, later):
    path = folder / f".snakemake/slurm_logs/rule_{rule}/ml-1m_loo_{run}_{seed}/{job}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    log = folder / "logs" / rule / "ml-1m/loo" / run / f"seed-{seed}.log"
    moment = (log.stat().st_mtime if log.exists() else 1e9) + later
    os.utime(path, (moment, moment))


def test_slurm_says_why_a_job_was_killed_that_said_nothing(folder):
    killed = f"srun: cluster configuration lacks support for cpu binding\n{KILLED}\n{AFTER}"
    slurm_log(folder, "train", SOFTMAX, 2, 7, killed, later=1)
    slurm_log(folder, "train", HYDRA, 0, 8, killed, later=-60)
    slurm_log(folder, "train", HYDRA, 2, 9, killed, later=1)
    slurm_log(folder, "popularity", "popularity", 2, 10, killed, later=1)
    slurm_log(folder, "popularity", "popularity", 2, 11, "Building DAG of jobs...\n", later=2)
    found = {(one.run, one.seed): one for one in progress(CONFIG, folder / "results") if one.dataset == "ml-1m"}
    assert (found[SOFTMAX, 2].stage, found[SOFTMAX, 2].said) == ("stopped", KILLED)
    assert found[SOFTMAX, 2].has_reported_failure
    # Begun again since, by whatever.
    assert found[HYDRA, 0].said == "epoch 1\nepoch 2"
    # Killed before it could begin a log.
    assert (found[HYDRA, 2].stage, found[HYDRA, 2].said) == ("stopped", KILLED)
    # The next job of that run was not killed.
    assert found["popularity", 2].last_words == "hydrarec: train.parquet: no such file"


def test_slurm_says_why_a_group_was_killed(folder):
    log = folder / "logs/train/ml-1m/loo" / SOFTMAX / "seed-2.log"
    path = folder / ".snakemake/slurm_logs/group_runs-of-ml-1m_train/7.log"
    path.parent.mkdir(parents=True)
    path.write_text(f"rule train:\n    log: logs/train/ml-1m/loo/{SOFTMAX}/seed-2.log\n{KILLED}\n{AFTER}")

    def said():
        runs = progress(CONFIG, folder / "results")
        return {(one.run, one.seed): one.said for one in runs if one.dataset == "ml-1m"}

    moment = log.stat().st_mtime
    os.utime(path, (moment + 1, moment + 1))
    assert said()[SOFTMAX, 2] == KILLED
    # It was not in that group.
    assert said()[HYDRA, 0] == "epoch 1\nepoch 2"
    os.utime(path, (moment - 60, moment - 60))
    assert said()[SOFTMAX, 2] == ""


def test_a_log_of_ranking_says_nothing_of_a_training_that_was_begun_again(folder):
    run_folder(folder / "results", "ml-1m", "loo", SOFTMAX, 1).joinpath("model.safetensors").unlink()
    found = {(one.run, one.seed): one for one in progress(CONFIG, folder / "results") if one.dataset == "ml-1m"}
    assert found[SOFTMAX, 1].said == "epoch 9"


def test_what_stopped_is_listed_with_why_and_the_rest_is_counted(folder):
    text = format_status(progress(CONFIG, folder / "results"))
    assert text.startswith("6 runs with their seeds, 18 in all: 12 not begun, 2 stopped, 1 finished, 1 trained, ")
    assert "1 interrupted, 1 in training." in text
    assert "ml-1m loo sasrec+hydra+causal seed 0: interrupted, epochs saved: 2\n    epoch 2" in text
    assert "seed 2: stopped\n    its log is empty" in text
    assert "seed 0: finished" not in text
    assert format_status(progress(CONFIG, folder / "results"), limit=2).endswith("and 3 more")


def test_runs_that_are_gone_while_tables_are_there_are_told_with_how_snakemake_misses_them(folder):
    results = folder / "results"
    runs = progress(CONFIG, results)
    gone = sum(run.stage in ("not begun", "stopped", "trained") for run in runs)
    assert format_unmissed(CONFIG, results, runs) == ""
    write_json(comparison_folder(results, CONFIG.report) / COLLECTED, {})
    said = format_unmissed(CONFIG, results, runs)
    assert f"{gone} runs were deleted or added since" in said
    assert "--forcerun collect" in said
    done = [run for run in runs if run.stage == "finished"]
    assert format_unmissed(CONFIG, results, done) == ""
    # A Snakemake at work misses them already.
    lock = folder / ".snakemake/locks/0.input.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    assert format_unmissed(CONFIG, results, runs) == ""


def test_data_and_environments_that_are_not_there_are_told_with_what_was_said_last(folder):
    results, logs = folder / "results", folder / "logs"
    assert format_preparation(CONFIG, results) == ""
    source = CONFIG.dataset("ml-1m").source
    failed = {
        logs
        / "download"
        / source.sha256[:16]
        / f"{source.file}.log": "12 %\nhydrarec: no address has it:\n  http://a/\n",
        logs / "split/ml-1m/loo.log": "hydrarec: no room left\n",
        # At work, or killed.
        logs / "prepare/ml-1m.log": "",
        logs / "environment/rectools.log": "ERROR: no matching distribution\n",
    }
    for log, said in failed.items():
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(said)
    assert format_preparation(CONFIG, results).splitlines() == [
        "Not there, and runs cannot begin without:",
        f"  the file {source.file}",
        "    hydrarec: no address has it:",
        "  ml-1m split by loo",
        "    hydrarec: no room left",
        "  the environment rectools",
        "    ERROR: no matching distribution",
    ]
    for output in (split_folder(results, "ml-1m", "loo") / "split.json", environment_file(results, "rectools")):
        output.parent.mkdir(parents=True, exist_ok=True)
        output.touch()
    assert len(format_preparation(CONFIG, results).splitlines()) == 3


def test_a_run_whose_results_were_removed_is_not_begun(folder):
    """As the audit advises where a file is damaged: the log it left is that of a job that was finished."""
    took = folder / "benchmarks/train/ml-1m/loo" / SOFTMAX / "seed-2.jsonl"
    took.parent.mkdir(parents=True)
    took.write_text("{}")
    assert stage(folder, SOFTMAX, 2) == "not begun"
    # Begun once more and killed.
    os.utime(took, (0, 0))
    assert stage(folder, SOFTMAX, 2) == "stopped"


def stage(folder, run, seed):
    found = progress(CONFIG, folder / "results")
    return next(one.stage for one in found if (one.dataset, one.run, one.seed) == ("ml-1m", run, seed))
