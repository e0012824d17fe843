"""What runs on a GPU only, on one that is emulated: nothing meets across devices, and nothing waits for each batch."""

import json
import subprocess
import sys
from typing import get_args

import pytest
import torch

from hydrarec.config.efficiency import Part
from tests.conftest import ROOT

if not hasattr(torch.utils.backend_registration, "_setup_privateuseone_for_python_backend"):
    pytest.skip("this PyTorch has no device for backends written in Python", allow_module_level=True)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    command = [sys.executable, "-m", "tests.contract.on_gpu", str(tmp_path_factory.mktemp("gpu"))]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr[-3000:]
    return json.loads(finished.stdout)


@pytest.mark.parametrize("masking", ["causal", "bidirectional"])
def test_a_training_computes_what_it_computes_on_a_cpu(found, masking):
    cpu, gpu = found["losses"][masking]
    assert gpu == pytest.approx(cpu, rel=1e-5)


@pytest.mark.parametrize("masking", ["causal", "bidirectional"])
def test_an_epoch_waits_once_for_its_loss_and_a_validation_for_its_counts(found, masking):
    few, many = found["waits"][masking]["60"], found["waits"][masking]["8"]
    assert few == many == {"epoch": {"engine.py: _train": 1}, "validation": {"full.py: _run": 2}}


@pytest.mark.parametrize("part", get_args(Part))
def test_every_part_of_a_comparison_is_measured(found, part):
    measured = found["efficiency"][part]
    assert measured["pieces"] > 0
    assert measured == {
        "pieces": measured["pieces"],
        "skipped": [],
        "times": 5 * measured["pieces"],
        "gpu": "emulated",
    }
