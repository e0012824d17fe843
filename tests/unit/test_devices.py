"""What a process is set up with."""

import os
import subprocess
import sys

import pytest

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
