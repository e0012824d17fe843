"""Which settings runs share, in what they differ from the reference, and how their trainings ended."""

from copy import deepcopy
from dataclasses import replace

import pytest

from hydrarec.config import RunSettings
from hydrarec.models.blocks import FeedForward
from hydrarec.report.chapters.runs import effective_settings
from hydrarec.report.chapters.settings import settings
from hydrarec.report.inputs import read_inputs
from hydrarec.training.checkpoint import build
from tests.fabricate import HYDRA_UNI, SASREC


@pytest.fixture(scope="module")
def inputs(tree, tables):
    return read_inputs(tree.config, tree.results, tables)


def chapter(inputs):
    found = settings(inputs)
    assert found is not None
    tables = {table.name: table for table in found.tables()}
    return dict(texts(tables["settings-reference"])), tables


def texts(table):
    return [[cell.text for cell in row.cells] for body in table.bodies for row in body]


def changed(inputs, dataset, **training):
    """Say of HydraRecUni on a data set that it was trained with other settings."""
    manifests = deepcopy(inputs.manifests)
    for one, manifest in manifests:
        if (one.run, one.dataset) == (HYDRA_UNI, dataset):
            manifest["settings"]["training"] |= training
    return replace(inputs, manifests=manifests)


def test_what_runs_differ_in_besides_their_architecture_is_named_with_the_models_own_width(inputs):
    facts, tables = chapter(inputs)
    assert texts(tables["settings-differences"]) == [
        ["HydraRecUni", "bert4rec", "hydra", "the same", "encoder d_ff 256, not 64"]
    ]
    assert tables["settings-reference"].caption == "Settings of SASRec, the reference; none was searched"
    assert facts["training max_epochs"] == "200"
    assert facts["masking"] == "causal"
    # The CSV file has every run's.
    assert set(tables["settings-reference"].data["run"]) == {SASREC, HYDRA_UNI}


def test_what_a_manifest_says_otherwise_is_named(inputs):
    _, tables = chapter(changed(inputs, "made-1", max_epochs=300))
    assert texts(tables["settings-differences"])[0][-1].endswith("; training max_epochs 300, not 200 (made-1)")
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


@pytest.mark.parametrize("kind", ["sasrec", "bert4rec", "fmlp", "lru", "ssd", "gru4rec"])
def test_the_width_that_is_written_out_is_the_models(kind):
    model = {"kind": kind}
    run = {"id": "it", "model": model, "masking": {"kind": "causal"}}
    run |= {"attention": {"kind": "softmax"}} if kind in ("sasrec", "bert4rec") else {}
    configured = RunSettings.model_validate(
        {"run": run, "encoder": {"d_model": 32}, "loss": {"kind": "cross_entropy"}, "training": {}}
    )
    told = effective_settings(configured.model_dump(mode="json")).get("encoder d_ff")
    built, _ = build(configured, 20)
    widths = {part[0].out_features for part in built.modules() if isinstance(part, FeedForward)}
    assert widths == ({told} if told else set())
