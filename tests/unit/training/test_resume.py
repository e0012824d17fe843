"""A training that is interrupted goes on as if it had not been."""

import functools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time

import pytest
from safetensors import safe_open

from hydrarec.audit.differences import CLOCKS
from hydrarec.columns import HISTORY
from hydrarec.config import RunSettings
from hydrarec.provenance import changed_sources, code_of
from hydrarec.ranking.full import count_ranks
from hydrarec.sequences.log import read_train
from hydrarec.sources import code_state, source_hashes
from hydrarec.tables import read_table
from hydrarec.training import state as state_file
from hydrarec.training.checkpoint import write_tensors
from hydrarec.training.engine import Trainer
from hydrarec.training.inference import rank_test
from hydrarec.unfinished import saved_state
from tests.conftest import ROOT
from tests.unit.training.ring import settings, train

RESULTS = ("ranks.parquet", "recommendations.parquet", "model.safetensors")
EPOCHS = 12


def run_training(data, output, **options):
    wanted = settings(**{"max_epochs": EPOCHS, **options})
    train(wanted, data=data, protocol="loo", seed=3, threads=1, output=output)


def start(data, output, **options):
    """Train in a child process; return its id."""
    child = os.fork()
    if child:
        return child
    try:
        # A slow batch, so that signals meet one and not only the start and the end.
        train(
            settings(**{"max_epochs": EPOCHS, **options}), data=data, protocol="loo", seed=3, threads=1, output=output
        )
        os._exit(0)
    except SystemExit as stop:
        os._exit(int(stop.code))
    finally:
        os._exit(99)


def exit_code(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def train_whole(data, output, **options):
    began = time.monotonic()
    assert exit_code(start(data, output, **options)) == 0
    return time.monotonic() - began


def results(data, output):
    rank_test(output / "model.safetensors", data=data, protocol="loo", threads=1, output=output)
    return [(output / name).read_bytes() for name in RESULTS]


def losses(output):
    return read_table(output / "history.parquet", HISTORY).drop(columns=CLOCKS)


@pytest.mark.parametrize(
    ("sent", "options"),
    [
        (signal.SIGKILL, {"masking": "causal"}),
        (signal.SIGTERM, {"masking": "bidirectional"}),
    ],
)
def test_twenty_interruptions_change_no_byte(data, tmp_path, sent, options):
    seconds = train_whole(data, tmp_path / "whole", **options)
    moments = random.Random(0)
    codes = []
    while len(codes) < 20 or codes[-1] != 0:
        child = start(data, tmp_path / "cut", **options)
        if len(codes) < 20:
            time.sleep(moments.uniform(0, seconds / 3))
            os.kill(child, sent)
        codes.append(exit_code(child))
        if codes[-1] == 0 and len(codes) < 20:
            # Finished before its twenty were full: compare, and go on with a new training.
            assert results(data, tmp_path / "cut") == results(data, tmp_path / "whole")
            (tmp_path / "cut").rename(tmp_path / f"cut-{len(codes)}")
    interrupted = sum(code != 0 for code in codes)
    assert interrupted >= 10, codes
    assert results(data, tmp_path / "cut") == results(data, tmp_path / "whole")
    assert losses(tmp_path / "cut").equals(losses(tmp_path / "whole"))
    assert not (tmp_path / "cut/state").exists()


CUTS = (3, 8, 12)
"""Batches after which a training of 2 epochs of 8 is stopped: an odd number, the end of an epoch, an even number."""


def test_negatives_and_redrawn_features_go_on_where_they_were(data, tmp_path, monkeypatch):
    """Hydra with cross-entropy, which the other tests train, draws neither."""
    raw = settings(max_epochs=2).model_dump()
    raw["run"]["attention"] = {"kind": "performer", "redraw_every": 2}
    chosen = RunSettings.model_validate(raw | {"loss": {"kind": "binary_cross_entropy"}})
    loss_of, n_batches, cuts = Trainer._loss_of, 0, ()

    def and_perhaps_be_stopped(trainer, view):
        nonlocal n_batches
        n_batches += 1
        if n_batches in cuts:
            os.kill(os.getpid(), signal.SIGTERM)
        return loss_of(trainer, view)

    monkeypatch.setattr(Trainer, "_loss_of", and_perhaps_be_stopped)
    goes_on = functools.partial(train, chosen, data=data, protocol="loo", seed=3, threads=1)
    goes_on(output=tmp_path / "whole")
    assert n_batches == 16
    n_batches, cuts = 0, CUTS
    for _ in CUTS:
        with pytest.raises(SystemExit):
            goes_on(output=tmp_path / "cut")
    goes_on(output=tmp_path / "cut")
    assert n_batches == 16
    assert results(data, tmp_path / "cut") == results(data, tmp_path / "whole")
    assert losses(tmp_path / "cut").equals(losses(tmp_path / "whole"))


def wait_for_epochs(output):
    """Wait until a training has saved its state twice; return where."""
    latest, previous = (output / "state" / name for name in (state_file.LATEST_STATE, state_file.PREVIOUS_STATE))
    while not latest.exists() or not previous.exists():
        time.sleep(0.01)
    return latest


def interrupted(data, output, **options):
    """Leave the state of a training that was stopped after some epochs."""
    child = start(data, output, **options)
    latest = wait_for_epochs(output)
    os.kill(child, signal.SIGTERM)
    assert exit_code(child) == 128 + signal.SIGTERM
    return latest


def started_anew(data, output, threads, runs_per_gpu=1):
    """Train in a process of its own: one that is forked from a process with threads would wait for them for ever."""
    code = (
        "import sys; from pathlib import Path; from tests.unit.training.ring import settings, train\n"
        "data, output, threads, sharing = sys.argv[1:]\n"
        f"train(settings(max_epochs={EPOCHS}), data=Path(data), protocol='loo', seed=3, threads=int(threads), "
        "output=Path(output), runs_per_gpu=int(sharing))"
    )
    words = [sys.executable, "-c", code, *map(str, (data, output, threads, runs_per_gpu))]
    return subprocess.Popen(words, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_what_was_shared_and_how_many_threads_there_were_is_not_forgotten(data, tmp_path):
    first = started_anew(data, tmp_path, threads=2, runs_per_gpu=5)
    wait_for_epochs(tmp_path)
    first.terminate()
    assert first.wait(120) != 0
    assert started_anew(data, tmp_path, threads=1).wait(120) == 0
    timing, manifest = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("timing", "manifest"))
    assert (timing["threads"], timing["runs_per_gpu"]) == (2, 5)
    assert (manifest["threads"], manifest["resumed"]) == (2, 1)
    assert started_anew(data, tmp_path / "whole", threads=2).wait(120) == 0
    assert (tmp_path / "model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()


def test_clocks_add_up_without_the_gap(data, tmp_path):
    interrupted(data, tmp_path)
    time.sleep(1.5)
    began = time.monotonic()
    train_whole(data, tmp_path)
    timing = json.loads((tmp_path / "timing.json").read_text())
    history = read_table(tmp_path / "history.parquet", HISTORY)
    assert history["train_s"].is_monotonic_increasing
    assert timing["train_s"] + timing["validation_s"] < time.monotonic() - began + 1.4
    assert json.loads((tmp_path / "manifest.json").read_text())["resumed"] == 1
    # One thread cannot be busy for longer than it takes, and each resumption adds to what was there.
    assert history["train_cpu_s"].is_monotonic_increasing
    assert 0 < timing["train_cpu_s"] == history["train_cpu_s"].iloc[-1] <= 1.05 * timing["train_s"] + 0.05
    assert 0 < timing["validation_cpu_s"] <= 1.05 * timing["validation_s"] + 0.05
    assert timing["load"] == pytest.approx(history["load"].mean())


def test_a_state_of_before_processor_seconds_goes_on_without_them(data, tmp_path):
    latest = interrupted(data, tmp_path)
    with safe_open(latest, framework="pt") as file:
        values = json.loads(file.metadata()["hydrarec"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary
    old = {key: value for key, value in values.items() if not key.endswith(("_cpu_s", "_j", "gpu_mib"))}
    added = ("train_cpu_s", "train_j", "load")
    old["history"] = [{key: value for key, value in e.items() if key not in added} for e in values["history"]]
    write_tensors(tensors, old, latest)
    run_training(data, tmp_path)
    timing, history = (
        json.loads((tmp_path / "timing.json").read_text()),
        read_table(tmp_path / "history.parquet", HISTORY),
    )
    assert json.loads((tmp_path / "manifest.json").read_text())["resumed"] == 1
    assert (timing["train_cpu_s"], timing["epoch_cpu_s"], timing["validation_cpu_s"]) == (None, None, None)
    assert history["train_cpu_s"].isna().all()
    assert timing["load"] > 0


def test_a_validation_does_not_keep_who_asks_to_stop_waiting(data, tmp_path, monkeypatch):
    def validate_and_be_asked(*arguments, **options):
        os.kill(os.getpid(), signal.SIGTERM)
        return count_ranks(*arguments, **options)

    monkeypatch.setattr("hydrarec.training.engine.count_ranks", validate_and_be_asked)
    with pytest.raises(SystemExit, match=str(128 + signal.SIGTERM)):
        run_training(data, tmp_path / "cut")
    saved = saved_state(tmp_path / "cut")
    # All batches of the first epoch are kept, and only its validation is done again.
    assert (saved["history"], saved["validation_s"]) == ([], 0)
    assert saved["batches"] > 1
    monkeypatch.undo()
    run_training(data, tmp_path / "cut")
    train_whole(data, tmp_path / "whole")
    assert results(data, tmp_path / "cut") == results(data, tmp_path / "whole")
    assert losses(tmp_path / "cut").equals(losses(tmp_path / "whole"))


def test_a_request_to_save_lets_training_go_on(data, tmp_path):
    child = start(data, tmp_path)
    wait_for_epochs(tmp_path)
    os.kill(child, signal.SIGUSR1)
    assert exit_code(child) == 0
    train_whole(data, tmp_path / "whole")
    assert results(data, tmp_path) == results(data, tmp_path / "whole")


def test_a_request_to_save_before_there_is_anything_to_save_does_no_harm(data, tmp_path, monkeypatch):
    def read_and_be_asked(*arguments, **options):
        os.kill(os.getpid(), signal.SIGUSR1)
        return read_train(*arguments, **options)

    monkeypatch.setattr("hydrarec.training.run.read_train", read_and_be_asked)
    train_whole(data, tmp_path)
    assert (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize("harm", ["cut", "emptied", "replaced"])
def test_a_state_that_cannot_be_read_gives_way_to_the_one_before(data, tmp_path, caplog, harm):
    latest = interrupted(data, tmp_path)
    content = latest.read_bytes()
    latest.write_bytes({"cut": content[: len(content) // 2], "emptied": b"", "replaced": b"\x80\x04pickle"}[harm])
    run_training(data, tmp_path)
    assert "latest.safetensors: cannot be read" in caplog.text
    train_whole(data, tmp_path / "whole")
    assert results(data, tmp_path) == results(data, tmp_path / "whole")


def test_what_a_killed_process_was_writing_is_removed(data, tmp_path):
    latest = interrupted(data, tmp_path)
    left_over = latest.with_name(".latest.safetensors.x1y2.part")
    left_over.write_bytes(b"half")
    run_training(data, tmp_path)
    assert not latest.parent.exists()


def test_a_state_of_another_training_is_not_taken_up(data, tmp_path, caplog):
    interrupted(data, tmp_path, learning_rate=1e-3)
    run_training(data, tmp_path)
    assert "other settings.training.learning_rate; starting anew" in caplog.text
    train_whole(data, tmp_path / "whole")
    assert results(data, tmp_path) == results(data, tmp_path / "whole")


def test_a_loss_that_is_not_finite_leaves_the_last_good_state(data, tmp_path):
    latest = interrupted(data, tmp_path)
    before = latest.read_bytes()
    with pytest.raises(FloatingPointError):
        train(
            settings(max_epochs=EPOCHS, learning_rate=1e30),
            data=data,
            protocol="loo",
            seed=3,
            threads=1,
            output=tmp_path,
        )
    assert latest.read_bytes() == before


def test_a_training_that_moves_says_where_it_has_been_and_with_which_code(data, tmp_path, monkeypatch):
    now = code_state()
    for host, epochs, peak in (("node-1", 2, 300.0), ("node-2", 3, 900.0), ("node-1", 4, 200.0)):
        code = now if epochs == 4 else now | {"git_commit": f"commit of {epochs}"}
        monkeypatch.setattr("hydrarec.training.run.code_state", lambda code=code: code)
        monkeypatch.setattr("socket.gethostname", lambda host=host: host)
        monkeypatch.setattr(state_file, "peak_gpu_mib", lambda device, peak=peak: peak)
        with monkeypatch.context() as patch:
            if epochs < 4:
                patch.setattr(Trainer, "done", property(lambda trainer, n=epochs: _stop_after(trainer, n)))
                with pytest.raises(KeyboardInterrupt):
                    run_training(data, tmp_path, max_epochs=4)
            else:
                run_training(data, tmp_path, max_epochs=4)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert (manifest["host"], manifest["resumed"]) == ("node-1 and node-2", 2)
    results(data, tmp_path)
    commits = [code["git_commit"] for code in code_of(tmp_path)]
    assert commits == ["commit of 2", "commit of 3", now["git_commit"], now["git_commit"]]
    # The most that it took anywhere.
    assert json.loads((tmp_path / "timing.json").read_text())["peak_gpu_mib"] == 900.0


def test_a_training_that_goes_on_with_edited_code_is_also_of_the_code_before(data, tmp_path, monkeypatch):
    results_of = functools.partial(run_training, data, tmp_path, max_epochs=2)
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "done", property(lambda trainer: _stop_after(trainer, 1)))
        patch.setitem(source_hashes(), "losses/cross_entropy.py", "before")
        with pytest.raises(KeyboardInterrupt):
            results_of()
    results_of()
    assert changed_sources(tmp_path) == ["losses/cross_entropy.py"]
    # Begun anew, it is of one code.
    results_of()
    assert changed_sources(tmp_path) == []


def _stop_after(trainer, epochs):
    if len(trainer.history) == epochs:
        raise KeyboardInterrupt
    return False


def test_a_state_of_a_gpu_is_kept_where_there_is_none(data, tmp_path):
    latest = interrupted(data, tmp_path)
    change_identity(latest, device="cuda")
    kept = latest.read_bytes()
    with pytest.raises(ValueError, match=r"was saved on a GPU, and .* has none for it") as refused:
        run_training(data, tmp_path)
    assert f"remove {latest.parent} to begin anew on a CPU" in str(refused.value)
    assert latest.read_bytes() == kept
    change_identity(latest, device="cpu")
    run_training(data, tmp_path)
    assert json.loads((tmp_path / "manifest.json").read_text())["resumed"] == 1


def test_a_state_of_another_training_is_not_taken_up_whatever_it_was_saved_on(data, tmp_path, caplog):
    latest = interrupted(data, tmp_path)
    change_identity(latest, device="cuda", seed=4)
    run_training(data, tmp_path)
    assert "a training with other device, seed; starting anew" in caplog.text
    assert json.loads((tmp_path / "manifest.json").read_text())["resumed"] == 0


def change_identity(latest, **changed):
    """Let a state be of another training."""
    with safe_open(latest, framework="pt") as file:
        values = json.loads(file.metadata()["hydrarec"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary
    assert set(changed) <= set(values["identity"])
    values["identity"] |= changed
    write_tensors(tensors, values, latest)


def test_the_log_begins_with_the_device(data, tmp_path, caplog):
    caplog.set_level("INFO", "hydrarec")
    run_training(data, tmp_path, max_epochs=1)
    assert caplog.messages[0] == f"training on {socket.gethostname()}: cpu"
