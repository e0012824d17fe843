"""Hours of a comparison: what was measured, what follows from it, and what is not known."""

import json
import re

import numpy as np
import pytest
from safetensors.numpy import save_file

from hydrarec.config import load
from hydrarec.estimate import estimate, format_estimate, seconds_of
from hydrarec.files import read_json, write_json
from hydrarec.layout import run_folder

CONFIG = load(
    {
        "report": "hours",
        "datasets": ["ml-1m", "beauty"],
        "seeds": [0, 1, 2],
        "training": {"max_epochs": 100},
        "grid": {
            "model": [{"kind": "sasrec"}],
            "attention": [{"kind": "softmax"}, {"kind": "hydra"}],
            "masking": [{"kind": "causal"}],
        },
        "runs": [{"id": "popularity", "baseline": "popularity"}],
        "evaluation": {"reference": "sasrec+softmax+causal"},
    }
)
SOFTMAX = "sasrec+softmax+causal"


@pytest.fixture
def results(tmp_path):
    """A hundred seconds of training and twenty of validation in ten epochs, with one seed of one run."""
    leave(tmp_path, seed=1, epochs=10, train_s=100.0, validation_s=20.0)
    return tmp_path


def leave(results, *, seed, device="H200", settings=None, **timing):
    folder = run_folder(results, "ml-1m", "loo", SOFTMAX, seed)
    settings = settings or CONFIG.settings(SOFTMAX, "ml-1m").model_dump(mode="json")
    write_json(folder / "manifest.json", {"settings": settings})
    write_json(folder / "timing.json", {"device": device, **timing})


def test_a_measured_run_stands_for_its_seeds_and_for_others_on_the_data_set(results):
    device, rows = estimate(CONFIG, results, given={})
    assert device == "H200"
    by_training = {(row.dataset, row.run): row for row in rows}
    measured, other = by_training["ml-1m", SOFTMAX], by_training["ml-1m", "sasrec+hydra+causal"]
    assert (measured.epoch_s, measured.epochs, measured.source) == (12.0, 10, "measured")
    assert measured.hours(measured.epochs) == pytest.approx(3 * 10 * 12 / 3600)
    assert measured.hours(measured.max_epochs) == pytest.approx(3 * 100 * 12 / 3600)
    assert (other.epoch_s, other.source) == (12.0, "extrapolated from other runs on the data set")
    assert {row.source for training, row in by_training.items() if training[0] == "beauty"} == {"unknown"}
    assert "6 unknown, 3 measured, 3 extrapolated" in format_estimate(device, rows)


def test_given_seconds_go_before_extrapolation_and_to_the_last_epoch(results):
    _, rows = estimate(CONFIG, results, given={"ml-1m": 5.0, "beauty": 2.0})
    assert [(row.epoch_s, row.epochs) for row in rows] == [(12.0, 10), (5.0, 100), (2.0, 100), (2.0, 100)]


def test_other_settings_and_other_devices_do_not_count(results):
    leave(results, seed=0, device="cpu", epochs=10, train_s=9000.0, validation_s=0.0)
    leave(results, seed=2, settings={"run": "another"}, epochs=10, train_s=9000.0, validation_s=0.0)
    _, rows = estimate(CONFIG, results, given={}, device="H200")
    assert rows[0].epoch_s == 12.0
    leave(results, seed=2, epochs=10, train_s=9000.0, validation_s=0.0, runs_per_gpu=3)
    _, rows = estimate(CONFIG, results, given={}, device="H200")
    assert rows[0].epoch_s == 12.0
    with pytest.raises(ValueError, match="there is: cpu, H200"):
        estimate(CONFIG, results, given={}, device="A100")


def test_a_label_and_a_key_of_before_are_no_other_settings(results):
    settings = CONFIG.settings(SOFTMAX, "ml-1m").model_dump(mode="json")
    settings["run"]["label"] = "Renamed"
    del settings["training"]["compile"]
    leave(results, seed=0, settings=settings, epochs=10, train_s=300.0, validation_s=0.0)
    _, rows = estimate(CONFIG, results, given={}, device="H200")
    assert rows[0].epoch_s == (12.0 + 30.0) / 2


def test_seconds_of_a_shared_machine_give_way_to_better_ones(tmp_path):
    def leave_on(seed, train_s, **timing):
        spent = {"epochs": 10, "validation_s": 0.0, "validation_cpu_s": 0.0, "threads": 1, "device": "cpu"}
        leave(tmp_path, seed=seed, train_s=train_s, **spent | timing)

    def found():
        row = estimate(CONFIG, tmp_path, given={})[1][0]
        return row.epoch_s, row.source

    # Waited two thirds of its time, and with two threads nobody knows how much of it.
    leave_on(0, 900.0, threads=2, train_cpu_s=300.0, load=35.0)
    path = run_folder(tmp_path, "ml-1m", "loo", SOFTMAX, 0) / "manifest.json"
    write_json(path, read_json(path) | {"cpu_cores": 2})
    assert found() == (90.0, "measured on a shared machine")
    leave_on(1, 600.0, train_cpu_s=210.0)
    assert found() == (21.0, "measured in processor seconds")
    leave_on(2, 200.0, train_cpu_s=195.0)
    assert found() == (20.0, "measured")


@pytest.mark.parametrize("entry", ["ml-1m", "ml-1m=", "ml-1m=fast", "ml-1m=-1", "ml-1m=nan", "ml-1m=inf"])
def test_seconds_must_be_seconds(entry):
    with pytest.raises(ValueError, match="is not <dataset>=<seconds of an epoch>"):
        seconds_of([entry])


def test_an_unknown_data_set_is_refused(results):
    with pytest.raises(ValueError, match="no data set ml-2m in the comparison; allowed: ml-1m, beauty"):
        estimate(CONFIG, results, given={"ml-2m": 1.0})


def test_epochs_of_trainings_at_work_and_of_other_lengths_are_epochs(tmp_path):
    settings = CONFIG.settings(SOFTMAX, "ml-1m").model_dump(mode="json")
    metadata = {
        "identity": {"device": "cuda", "settings": settings},
        "history": [{"train_s": 3.0, "validation_s": 1.0}, {"train_s": 6.0, "validation_s": 2.0}],
    }
    state = run_folder(tmp_path, "ml-1m", "loo", SOFTMAX, 0) / "state/latest.safetensors"
    state.parent.mkdir(parents=True)

    def found(history=metadata["history"]):
        save_file({"w": np.zeros(1)}, state, {"hydrarec": json.dumps(metadata | {"history": history})})
        device, rows = estimate(CONFIG, tmp_path, given={})
        return rows[0].epoch_s, rows[0].epochs, rows[0].source, device

    assert found([]) == (None, 100, "unknown", "")
    # How many there will be nobody knows, so all that are allowed are counted.
    assert found() == (4.0, 100, "measured of trainings at work", "cuda")
    settings["training"] |= {"max_epochs": 10, "patience": 1}
    assert found()[:2] == (4.0, 100)
    leave(tmp_path, seed=1, device="cuda", settings=settings, epochs=10, train_s=20.0, validation_s=10.0)
    assert found() == (3.0, 100, "measured with other max_epochs or patience", "cuda")
    settings["training"]["batch_size"] = 77
    assert found()[2] == "measured with other max_epochs or patience"
    state.write_bytes(b"half")
    assert estimate(CONFIG, tmp_path, given={})[1][0].epoch_s == 3.0


def test_small_times_are_told_in_small_units(tmp_path):
    leave(tmp_path, seed=1, epochs=10, train_s=0.03, validation_s=0.01)
    text = format_estimate(*estimate(CONFIG, tmp_path, given={"beauty": 0.5}))
    assert "0.00" not in text
    assert re.search(rf"{re.escape(SOFTMAX)} +3 +4.0.ms +10 +0.12.s +1.2.s  measured", text)
    assert "\n5.0\u202fmin, 5.0\u202fmin if every training goes to its last epoch; device: H200.\n" in text
