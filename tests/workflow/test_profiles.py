"""Profiles for schedulers that we do not have: parsed and planned, each training asks for a GPU in their words."""

import importlib.util
import re

import pytest

from tests.conftest import ROOT
from tests.workflow.test_planning import jobs, plan


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ("lsf", "lsf_extra=-gpu num=1"),
        ("htcondor", "request_gpus=1"),
        ("cluster-generic", "queue=gpu"),
    ],
)
def test_other_schedulers_are_planned_for(profile, words, tmp_path):
    plugin = f"snakemake_executor_plugin_{profile.replace('-', '_')}"
    if importlib.util.find_spec(plugin) is None:
        pytest.skip(f"{plugin} is not installed")
    demo = ROOT / "examples/demo.yaml"
    code, text = plan("--profile", ROOT / "profiles" / profile, "--configfile", demo, directory=tmp_path)
    assert code == 0, text[-3000:]
    trainings = jobs(text, "train")
    assert len(trainings) == 8 * 2
    assert all(words in re.search(r"resources: (.*)", block).group(1) for block in trainings)
    for block in jobs(text, "popularity"):
        assert words not in block
