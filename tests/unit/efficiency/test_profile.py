"""Where a step's time goes: what counts as an operation, how times are added up, and the command."""

import json
from types import SimpleNamespace

import pytest
from torch.autograd import DeviceType
from typer.testing import CliRunner

from hydrarec.cli import app
from hydrarec.data.prepare import prepare
from hydrarec.data.split import split
from hydrarec.efficiency.profile import Operation, by_name, operations
from hydrarec.layout import data_folder, split_folder
from hydrarec.terminal.profile import format_profile
from tests.unit.efficiency.conftest import comparison


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    results = tmp_path_factory.mktemp("profile") / "results"
    prepare(comparison().datasets[0], None, data_folder(results, "made"))
    split(data_folder(results, "made"), "loo", split_folder(results, "made", "loo"))
    return results


def run(results, *arguments):
    return CliRunner().invoke(
        app, ["profile", *arguments, "--config", comparison().model_dump_json(), "--folder", str(results.parent)]
    )


def event(name, start, end, *, gpu=False, own=0.0, annotation=False):
    """Make what PyTorch's profiler returns; microseconds."""
    return SimpleNamespace(
        name=name,
        time_range=SimpleNamespace(start=start, end=end),
        device_type=DeviceType.CUDA if gpu else DeviceType.CPU,
        self_cpu_time_total=own,
        is_user_annotation=annotation,
    )


def test_on_a_gpu_kernels_are_operations_and_calls_and_regions_are_not():
    events = [
        event("aten::mm", 0, 5, own=5),
        event("gemm", 2, 8, gpu=True),
        event("Optimizer.step", 0, 100, gpu=True, annotation=True),
    ]
    assert list(operations(events, on_gpu=True)) == [Operation("gemm", 2e-6, 8e-6, pytest.approx(6e-6))]


def test_on_a_cpu_operators_count_without_those_they_call_and_bookkeeping_does_not():
    events = [
        event("autograd::engine::evaluate_function: AddmmBackward0", 0, 90, own=10),
        event("aten::linear", 0, 50, own=2),
        event("aten::addmm", 1, 49, own=48),
        event("AddmmBackward0", 0, 90, own=7),
    ]
    assert [(call.name, round(1e6 * call.own)) for call in operations(events, on_gpu=False)] == [
        ("aten::linear", 2),
        ("aten::addmm", 48),
    ]


def test_times_and_calls_are_those_of_a_step():
    table = by_name([Operation("a", 0, 1, 1), Operation("b", 1, 7, 6), Operation("a", 7, 8, 1)], steps=2)
    assert list(table.index) == ["b", "a"]
    assert table.loc["a"].to_dict() == {"share": 0.25, "calls": 1.0, "call_s": 1.0}


def test_waiting_is_told_on_a_gpu():
    table = by_name([Operation("k" * 100, 0, 1, 1)], steps=1)
    text = format_profile(device="NVIDIA H200", threads=1, steps=1, step_s=0.008, busy=0.625, operations=table)
    assert "NVIDIA H200, 1 step" in text
    assert "62.5 % of it kernels" in text
    assert "the rest waiting" in text
    assert max(map(len, text.splitlines())) <= 100


def test_command_watches_a_run(results, tmp_path):
    trace = tmp_path / "traces" / "trace.json"
    finished = run(results, "sasrec+hydra+causal", "--dataset", "made", "--steps", "2", "--trace", str(trace))
    assert finished.exit_code == 0, finished.exception
    assert "2 steps" in finished.output
    assert "aten::mm" in finished.output
    assert json.loads(trace.read_text())["traceEvents"]


def test_a_profiler_that_sees_nothing_is_said(results, monkeypatch):
    monkeypatch.setattr("hydrarec.efficiency.profile.operations", lambda events, on_gpu: [])
    finished = run(results, "sasrec+hydra+causal", "--dataset", "made", "--steps", "1")
    assert isinstance(finished.exception, RuntimeError)
    assert "saw no kernel" in str(finished.exception)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("random", "--dataset", "made"), "random is a baseline"),
        (("sasrec+hydra+causal", "--dataset", "other"), "allowed: made"),
        (("other", "--dataset", "made"), "allowed: sasrec+hydra+causal"),
    ],
)
def test_what_cannot_be_watched_is_refused(results, arguments, said):
    finished = run(results, *arguments)
    assert finished.exit_code != 0
    assert said in str(finished.exception)


def test_what_is_not_prepared_is_said_with_what_prepares_it(tmp_path):
    finished = run(tmp_path / "results", "sasrec+hydra+causal", "--dataset", "made")
    assert isinstance(finished.exception, FileNotFoundError)
    assert f"snakemake --profile local {tmp_path}/results/data/made/loo/split.json" in str(finished.exception)
