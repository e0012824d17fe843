"""Costs: what is written, and what a method outside this package can get wrong in `costs.json`."""

import pytest

from hydrarec.costs import Inference, Timing, read_costs, write_inference, write_timing
from hydrarec.files import read_json

GOOD = '"train_s": 2.0, "test_s": 1, "peak_memory_mib": 100.0'


def test_a_method_without_epochs_need_not_say_so(tmp_path):
    (tmp_path / "costs.json").write_text(f"{{{GOOD}}}")
    write_timing(tmp_path, read_costs(tmp_path / "costs.json"))
    assert read_json(tmp_path / "timing.json") == {
        "device": "cpu",
        "threads": 1,
        "epochs": 0,
        "best_epoch": 0,
        "converged": True,
        "parameters": 0,
        "setup_s": None,
        "train_s": 2.0,
        "epoch_s": 0.0,
        "train_to_best_s": 2.0,
        "validation_s": 0.0,
        "peak_memory_mib": 100.0,
        "peak_gpu_mib": None,
        "runs_per_gpu": 1,
        "train_cpu_s": None,
        "epoch_cpu_s": None,
        "train_to_best_cpu_s": None,
        "validation_cpu_s": None,
        "load": None,
        "train_j": None,
        "validation_j": None,
    }


def test_the_best_epoch_may_come_before_the_last(tmp_path):
    write_timing(tmp_path, Timing(train_s=9.0, train_to_best_s=4.0, peak_memory_mib=1.0))
    assert read_json(tmp_path / "timing.json")["train_to_best_s"] == 4.0


def test_inference_is_also_told_by_the_user(tmp_path):
    cost = Inference(device="cpu", test_s=0.5, n_cases=20, peak_memory_mib=3.0, threads=2, test_cpu_s=0.9)
    write_inference(tmp_path, cost)
    assert read_json(tmp_path / "inference.json") == {
        "device": "cpu",
        "test_s": 0.5,
        "infer_ms_per_user": 25.0,
        "n_cases": 20,
        "peak_memory_mib": 3.0,
        "threads": 2,
        "test_cpu_s": 0.9,
        "load": None,
        "test_j": None,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r":1: not valid JSON"),
        ("[1]", r"must be a mapping.*found \[1\]"),
        ('{"train_s": 2.0, "tset_s": 1.0}', "3 mistake.*peak_memory_mib: must be given.*tset_s: no such key"),
        (GOOD.join("{}").replace("2.0", "-2.0"), "train_s: input should be greater than or equal to 0; found -2.0"),
        (GOOD.join("{}").replace("2.0", "NaN"), "train_s: input should be a finite number; found nan"),
        (GOOD.join("{}").replace("2.0", "Infinity"), "train_s: input should be a finite number; found inf"),
        (GOOD.join("{}").replace("2.0", "null"), "train_s: input should be a valid number; found None"),
        (GOOD.join("{}").replace("2.0", '"2 s"'), "train_s: input should be a valid number; found '2 s'"),
        (f'{{{GOOD}, "threads": 0}}', "threads: input should be greater than or equal to 1; found 0"),
        (f'{{{GOOD}, "epochs": 1.5}}', "epochs: input should be a valid integer"),
    ],
)
def test_what_is_wrong_is_named_with_the_file(text, message, tmp_path):
    path = tmp_path / "costs.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"(?s)^{path}.*{message}"):
        read_costs(path)


def test_mistakes_come_with_the_keys(tmp_path):
    for path in (tmp_path / "costs.json", tmp_path / "absent.json"):
        (tmp_path / "costs.json").write_text("{}")
        with pytest.raises(ValueError, match=r"(?s)keys.* train_s \(needed\), .*, device, .* test_s \(needed\)"):
            read_costs(path)
