"""What measurements depend on: enough to make them, and nothing that would repeat them for no reason."""

import copy

import pytest
import yaml

from hydrarec.config import load
from hydrarec.config.efficiency import ON_DATA
from hydrarec.config.measured import measured_settings, summarised_settings
from tests.conftest import ROOT

PARTS = ("operators", "blocks", "steps", "inference")
SEQUENCE_PARTS = ("operators", "blocks")


def shipped(name):
    return yaml.safe_load((ROOT / name).read_text())


def changed(raw, path, to):
    raw = copy.deepcopy(raw)
    inner = raw
    *keys, last = path.split(".")
    for key in keys:
        inner = inner[int(key)] if isinstance(inner, list) else inner.setdefault(key, {})
    inner[last] = to
    return raw


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", ["config.yaml", "examples/reference.yaml", "examples/reproduction.yaml"])
def test_it_is_a_configuration_that_measures_the_same(name, part):
    config = load(shipped(name) | {"efficiency": {"rounds": 7}})
    found = measured_settings(config, part)
    again = load(found)
    assert measured_settings(again, part) == found
    trained = [run.id for run in config.all_runs if hasattr(run, "masking")]
    assert again.run_ids == trained
    if part in ON_DATA:
        for dataset in config.datasets:
            for run in trained:
                before, after = (one.settings(run, dataset.id).model_dump() for one in (config, again))
                for settings in (before, after):
                    del settings["training"]["max_epochs"], settings["training"]["patience"]
                assert after == before


@pytest.mark.parametrize(
    ("path", "to", "again"),
    [
        ("title", "Another", ()),
        ("report", "another", ()),
        ("mirror", "/somewhere/else", ()),
        ("hypotheses", None, ()),
        ("seeds", [0, 1, 2], ()),
        ("seeds", [7], ON_DATA),
        ("grid.labels", {}, ()),
        ("efficiency.parts", ["steps"], ()),
        ("efficiency.devices", ["cpu", "cuda"], ()),
        ("efficiency.fit_from", 128, ()),
        ("efficiency.rounds", 9, PARTS),
        ("efficiency.lengths", [64, 128], SEQUENCE_PARTS),
        ("evaluation.reference", "bert4rec+hydra+causal", ()),
        ("evaluation.flips", 5000, ()),
        ("training.max_epochs", 3, ()),
        ("training.batch_size", 8, ON_DATA),
        ("training.precision", "bfloat16", PARTS),
        ("encoder.n_heads", 4, PARTS),
        ("grid.attention", [{"kind": "hydra"}, {"kind": "softmax"}, {"kind": "linear"}], PARTS),
        ("grid.per_masking", {"bidirectional": {"training": {"max_epochs": 3}}}, ()),
        ("grid.per_masking", {"bidirectional": {"training": {"batch_size": 3}}}, ON_DATA),
        ("per_dataset", {"synthetic": {"encoder": {"max_length": 20}}}, ON_DATA),
        ("per_dataset", {"ml-1m": {"encoder": {"max_length": 20}}}, ()),
        ("datasets", [{"like": "synthetic", "id": "synthetic-2"}], ON_DATA),
    ],
)
def test_what_repeats_a_measurement(path, to, again):
    raw = shipped("examples/demo.yaml")
    before, after = load(raw), load(changed(raw, path, to))
    assert tuple(part for part in PARTS if measured_settings(before, part) != measured_settings(after, part)) == again


def test_a_baseline_repeats_none_even_as_the_reference_of_a_comparison_without_models():
    raw = shipped("examples/demo.yaml")
    del raw["grid"]
    raw["evaluation"]["reference"] = "popularity"
    before, after = load(raw), load(raw | {"runs": raw["runs"][:4]})
    assert measured_settings(before, "operators") == measured_settings(after, "operators")
    assert load(measured_settings(before, "operators")).run_ids


def test_a_summary_is_made_again_for_what_it_is_made_by():
    raw = shipped("examples/demo.yaml")
    before = summarised_settings(load(raw))
    for path, to in (("efficiency.parts", ["steps"]), ("efficiency.fit_from", 128), ("efficiency.threads", 2)):
        assert summarised_settings(load(changed(raw, path, to))) != before
    assert summarised_settings(load(changed(raw, "efficiency.rounds", 9))) == before
    assert load(before).efficiency.parts == raw["efficiency"]["parts"]
