"""What tables over all runs depend on: all that changes a number in them, and no name."""

import pytest

from hydrarec.config import load
from hydrarec.config.built_in import BUILT_IN
from hydrarec.config.compared import compared_settings
from tests.unit.test_config_measured import changed, shipped

RAW = shipped("config.yaml")
DEMO = shipped("examples/demo.yaml")
DATA = BUILT_IN["synthetic"].model_dump(mode="json")


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("title", "Another"),
        ("report", "another"),
        ("mirror", "/somewhere/else"),
        ("grid.labels", {}),
        ("efficiency", None),
        ("evaluation.accepted_versions", ["0.1.0"]),
        ("datasets", [DATA | {"title": "Another", "licence": "CC0"}]),
        ("runs", [*reversed(DEMO["runs"])]),
        ("per_dataset", {"ml-1m": {"encoder": {"d_model": 8}}}),
    ],
)
def test_names_and_what_is_of_no_concern_change_nothing(path, to):
    assert compared_settings(load(changed(DEMO, path, to))) == compared_settings(load(DEMO))


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("seeds", [7]),
        ("encoder.d_model", 8),
        ("training.max_epochs", 1),
        ("loss", {"kind": "binary_cross_entropy"}),
        ("grid.per_masking", {"causal": {"training": {"patience": 1}}}),
        ("per_dataset", {"synthetic": {"encoder": {"d_model": 8}}}),
        ("datasets", [DATA | {"reader": DATA["reader"] | {"seed": 1}}]),
        ("protocols", ["gts"]),
        ("runs", DEMO["runs"][1:]),
        ("evaluation.alpha", 0.01),
        ("evaluation.flips", 999),
        ("evaluation.cutoffs", [10]),
        ("hypotheses", None),
    ],
)
def test_whatever_changes_a_number_changes_it(path, to):
    assert compared_settings(load(changed(DEMO, path, to))) != compared_settings(load(DEMO))


def test_runs_of_a_grid_are_those_that_are_written_out():
    grid = {"model": [{"kind": "sasrec"}], "attention": [{"kind": "hydra"}], "masking": [{"kind": "causal"}]}
    written = {"id": "sasrec+hydra+causal", **{room: parts[0] for room, parts in grid.items()}}
    rest = {key: value for key, value in RAW.items() if key not in ("grid", "runs")}
    rest["evaluation"] = {"reference": "sasrec+hydra+causal"}
    assert compared_settings(load(rest | {"grid": grid})) == compared_settings(load(rest | {"runs": [written]}))
