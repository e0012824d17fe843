"""Which settings runs share, in what they differ from the reference, and how their trainings ended."""

from copy import deepcopy
from dataclasses import replace

import pytest

from hydrarec.report.chapters.settings import settings
from hydrarec.report.inputs import read_inputs
from hydrarec.report.style import run_styles
from tests.fabricate import HYDRA_UNI


@pytest.fixture(scope="module")
def inputs(tree, tables):
    return read_inputs(tree.config, tree.results, tables)


def chapter(inputs):
    found = settings(inputs, run_styles(inputs.config))
    assert found is not None
    facts = dict(found.parts[0].blocks[1].pairs)
    return facts, {table.name: table for table in found.tables()}


def texts(table):
    return [[cell.text for cell in row.cells] for body in table.bodies for row in body]


def changed(inputs, dataset, **training):
    """Say of HydraRecUni on a data set that it was trained with other settings."""
    manifests = deepcopy(inputs.manifests)
    for one, manifest in manifests:
        if (one.run, one.dataset) == (HYDRA_UNI, dataset):
            manifest["settings"]["training"] |= training
    return replace(inputs, manifests=manifests)


def test_runs_that_differ_in_architecture_only_differ_in_nothing_else(inputs):
    facts, tables = chapter(inputs)
    assert texts(tables["settings-differences"]) == [["HydraRecUni", "bert4rec", "hydra", "the same", "nothing"]]
    assert facts["Searched"] == "nothing"
    assert facts["training max_epochs"] == "200"
    assert "model" not in facts
    assert facts["masking"] == "causal"


def test_what_a_manifest_says_otherwise_is_named_and_no_longer_shared(inputs):
    facts, tables = chapter(changed(inputs, "made-1", max_epochs=300))
    assert texts(tables["settings-differences"])[0][-1] == "training max_epochs 300, not 200 (made-1)"
    assert "training max_epochs" not in facts
    data = tables["settings-differences"].data
    row = data[data["setting"] == "training max_epochs"].iloc[0]
    assert row.tolist() == [HYDRA_UNI, "made-1", "training max_epochs", "300", "200"]


def test_trainings_that_used_all_their_epochs_are_counted(inputs):
    times = inputs.times.copy()
    mine = (times["run"] == HYDRA_UNI) & (times["dataset"] == "made-0")
    times.loc[mine & (times["seed"] == 1), "converged"] = False
    times.loc[mine, "epochs"] = 20
    times.loc[mine & (times["seed"] == 1), "epochs"] = 200
    _, tables = chapter(replace(inputs, times=times))
    found = {(row[0], row[1]): row[2:] for row in texts(tables["settings-stopping"])}
    assert found["HydraRecUni", "Made-up data 0"] == ["200", "10", "20\u2013200", "2 of 3"]
    assert found["HydraRecUni", "Made-up data 1"][-1] == "3 of 3"
    # Baselines have no epochs.
    assert {name for name, _ in found} == {"SASRec", "HydraRecUni"}
