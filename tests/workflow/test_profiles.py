"""Profiles for schedulers that we do not have: parsed and planned, each training asks for a GPU in their words."""

import importlib.util
import re

import pytest
import yaml

from tests.conftest import ROOT
from tests.workflow.test_planning import jobs, plan


@pytest.mark.parametrize(
    ("profile", "words", "gpu"),
    [
        ("lsf", "lsf_extra=-gpu num=1", "-gpu num=1"),
        ("htcondor", "request_gpus=1", "request_gpus=1"),
        ("cluster-generic", "queue=gpu", "queue=gpu"),
    ],
)
def test_other_schedulers_are_planned_for(profile, words, gpu, tmp_path):
    plugin = f"snakemake_executor_plugin_{profile.replace('-', '_')}"
    if importlib.util.find_spec(plugin) is None:
        pytest.skip(f"{plugin} is not installed")
    raw = yaml.safe_load((ROOT / "examples/demo.yaml").read_text())
    raw["training"]["device"] = "auto"
    raw["efficiency"]["devices"] = ["cpu", "cuda"]
    raw["runs"].append({"id": "rectools", "baseline": "rectools_sasrec", "options": {}})
    config = tmp_path / "gpu.yaml"
    config.write_text(yaml.safe_dump(raw))
    code, text = plan("--profile", ROOT / "profiles" / profile, "--configfile", config, directory=tmp_path)
    assert code == 0, text[-3000:]
    trainings, libraries = jobs(text, "train"), jobs(text, "rectools_sasrec")
    assert len(trainings) == 8 * 2
    assert len(libraries) == 2
    assert all(words in resources(block) for block in [*trainings, *libraries, *jobs(text, "rank")])
    for block in jobs(text, "popularity"):
        assert words not in block
    for block in jobs(text, "efficiency"):
        assert ("device=cuda" in block) == (gpu in resources(block))


def resources(block):
    return re.search(r"resources: (.*)", block).group(1)
