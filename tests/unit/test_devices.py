"""What a process is set up with."""

import os
import socket
import subprocess
import sys

import pytest
import torch

from hydrarec.devices import select_device

GROWTH = """
import psutil, torch
from hydrarec.devices import prepare_process

def resident():
    return psutil.Process().memory_info().rss / 2**20

def train(rows):
    torch.nn.functional.gelu(torch.ones(rows, 64, requires_grad=True)).sum().backward()

prepare_process(1, torch.device("cpu"))
for rows in range(1, 30):
    train(rows)
before = resident()
for rows in range(100, 400):
    train(rows)
print(resident() - before)
"""


SETTINGS = """
import sys, torch
from hydrarec.devices import compiled, prepare_process

prepare_process(1, torch.device("cpu"))
print(torch.are_deterministic_algorithms_enabled(), "torch._inductor" in sys.modules)
print(torch.backends.cudnn.allow_tf32, torch.backends.cuda.cudnn_sdp_enabled())
compiled(torch.nn.Linear(1, 1))
print(sys.modules["torch._inductor.config"].deterministic, torch._dynamo.config.recompile_limit)
"""


def test_a_process_is_deterministic_rounds_nothing_and_does_not_wait_for_a_compiler_it_has_no_use_for():
    done = subprocess.run([sys.executable, "-c", SETTINGS], check=True, capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines() == ["True False", "False False", "True 64"]


@pytest.mark.parametrize(
    ("kept", "fewest", "most"), [({}, -20, 10), ({"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "1024"}, 15, 200)]
)
def test_batches_of_ever_new_shapes_leave_nothing_behind(kept, fewest, most):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ONEDNN_")} | kept
    done = subprocess.run(
        [sys.executable, "-c", GROWTH], env=environment, check=True, capture_output=True, text=True, timeout=120
    )
    assert fewest < float(done.stdout) < most, "MiB"


def without_a_gpu(monkeypatch, cuda, given):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", cuda)
    for name in ("JOB_GPUS", "STEP_GPUS", "GPUS_ON_NODE"):
        monkeypatch.delenv(f"SLURM_{name}", raising=False)
    for name in ("CUDA", "NVIDIA"):
        monkeypatch.delenv(f"{name}_VISIBLE_DEVICES", raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("cuda", "given", "sign"),
    [
        ("12.8", {"SLURM_JOB_GPUS": "0", "CUDA_VISIBLE_DEVICES": "0"}, "SLURM_JOB_GPUS=0"),
        ("12.8", {"SLURM_STEP_GPUS": "2,3"}, "SLURM_STEP_GPUS=2,3"),
        ("12.8", {"SLURM_GPUS_ON_NODE": "1"}, "SLURM_GPUS_ON_NODE=1"),
        # Slurm says so of a step that the job's GPU was kept from.
        ("12.8", {"SLURM_JOB_GPUS": "1", "CUDA_VISIBLE_DEVICES": "NoDevFiles"}, "SLURM_JOB_GPUS=1"),
        ("12.8", {"CUDA_VISIBLE_DEVICES": "1"}, "CUDA_VISIBLE_DEVICES=1"),
        ("12.8", {"CUDA_VISIBLE_DEVICES": "GPU-8932f937"}, "CUDA_VISIBLE_DEVICES=GPU-8932f937"),
        ("12.8", {"NVIDIA_VISIBLE_DEVICES": "MIG-41b36416"}, "NVIDIA_VISIBLE_DEVICES=MIG-41b36416"),
        (None, {"NVIDIA_VISIBLE_DEVICES": "GPU-8932f937"}, "NVIDIA_VISIBLE_DEVICES=GPU-8932f937"),
        (None, {"SLURM_JOB_GPUS": "0"}, "SLURM_JOB_GPUS=0"),
    ],
)
def test_a_gpu_that_was_granted_and_is_not_found_is_no_reason_to_take_the_cpu(monkeypatch, cuda, given, sign):
    without_a_gpu(monkeypatch, cuda, given)
    with pytest.raises(ValueError, match=r"set `training\.device: cpu`") as refused:
        select_device("auto")
    said = str(refused.value)
    assert said.startswith(f"{socket.gethostname()}: a GPU was granted ({sign}), but PyTorch {torch.__version__} (")
    assert ("CUDA 12.8" if cuda else "a build for CPUs") in said
    # Whoever asks for a CPU gets one.
    assert select_device("cpu").type == "cpu"


@pytest.mark.parametrize(
    ("cuda", "given"),
    [
        ("12.8", {}),
        ("12.8", {"SLURM_GPUS_ON_NODE": "0", "CUDA_VISIBLE_DEVICES": "NoDevFiles"}),
        # Hidden on purpose, from a job that has one.
        ("12.8", {"SLURM_JOB_GPUS": "0", "CUDA_VISIBLE_DEVICES": ""}),
        ("12.8", {"SLURM_JOB_GPUS": "0", "CUDA_VISIBLE_DEVICES": "-1"}),
        # NVIDIA's images, and what is made from them, wherever they run.
        *(("12.8", {"NVIDIA_VISIBLE_DEVICES": value}) for value in ("all", "none", "void", "0", "")),
        (None, {"CUDA_VISIBLE_DEVICES": "0"}),
    ],
)
def test_where_no_gpu_was_granted_the_cpu_is_taken(monkeypatch, cuda, given):
    without_a_gpu(monkeypatch, cuda, given)
    assert select_device("auto").type == "cpu"
