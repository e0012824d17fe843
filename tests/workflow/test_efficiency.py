"""Measurements are planned where the configuration asks for them, alone on their machine, and never with test data."""

import re

import pytest
import yaml

from tests.conftest import ROOT
from tests.workflow.test_planning import jobs, plan


@pytest.fixture(scope="module")
def on_a_cluster(tmp_path_factory):
    code, text = plan("--profile", "slurm", directory=tmp_path_factory.mktemp("cluster"))
    assert code == 0, text[-3000:]
    return text


def planned(tmp_path, *arguments, **efficiency):
    raw = yaml.safe_load((ROOT / "examples/demo.yaml").read_text())
    raw["efficiency"] = raw["efficiency"] | efficiency if efficiency.get("parts", True) else None
    path = tmp_path / "measured.yaml"
    path.write_text(yaml.safe_dump(raw))
    code, text = plan("--cores", 2, *arguments, "--configfile", path, directory=tmp_path)
    assert code == 0, text[-3000:]
    return text


def test_every_part_is_a_job_alone_on_a_node_with_a_gpu(on_a_cluster):
    blocks = jobs(on_a_cluster, "efficiency")
    parts = {re.search(r"part=(\w+)", block).group(1) for block in blocks}
    assert parts == {"operators", "blocks", "steps", "inference"}
    for block in blocks:
        assert re.search(r"resources: .*\bslurm_partition=gpu\b.*\bgpu=1\b", block)
        assert "slurm_extra=--exclusive" in block
        assert "threads:" not in block


def test_what_is_measured_on_a_cpu_stays_off_the_gpu_partition(tmp_path):
    text = planned(tmp_path, "--profile", "slurm", devices=["cpu"])
    blocks = jobs(text, "efficiency")
    assert blocks
    assert all("slurm_partition=cpu" in block and "gpu=1" not in block for block in blocks)


def test_on_one_machine_a_job_takes_all_cores(tmp_path):
    blocks = jobs(planned(tmp_path), "efficiency")
    assert len(blocks) == 2
    assert all("threads: 2" in block for block in blocks)


def test_test_targets_are_never_an_input(on_a_cluster):
    for block in jobs(on_a_cluster, "efficiency"):
        assert "test.parquet" not in block


def test_the_report_waits_for_the_tables_of_every_device(tmp_path):
    text = planned(tmp_path, devices=["cpu", "cuda"])
    inputs = re.search(r"input: (.*)", jobs(text, "report")[0]).group(1)
    for device in ("cpu", "cuda"):
        assert f"results/efficiency/demo/{device}/speed.parquet" in inputs
        assert f"results/efficiency/demo/{device}/steps/machine.json" in inputs


def test_without_the_key_nothing_is_measured(tmp_path):
    assert "rule efficiency" not in planned(tmp_path, parts=None)


def test_adding_a_baseline_repeats_no_measurement(tmp_path):
    raw = yaml.safe_load((ROOT / "examples/demo.yaml").read_text())
    commands = []
    for runs in (raw["runs"], raw["runs"][:2]):
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(raw | {"runs": runs, "title": f"{len(runs)} baselines"}))
        _, text = plan("--cores", 2, "--printshellcmds", "--configfile", path, directory=tmp_path)
        commands.append(sorted(re.findall(r"hydrarec efficiency (?:operators|steps) .*", text)))
    assert commands[0] == commands[1] != []
