"""The compiler takes less than the interpreter that runs the kernels where there is no GPU, and registers are few."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

pytest.importorskip("triton")

FEW_BYTES = 16
"""That a thread may keep in memory; it would read and write more for every tile."""


def test_kernels_compile_for_an_h200_and_keep_their_tiles_in_registers(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    finished = subprocess.run(
        [sys.executable, "-m", "tests.unit.compiled_kernels", "90-bf16"],
        cwd=ROOT,
        env=environment | {"TRITON_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    spilled = json.loads(finished.stdout)
    assert len(spilled) == 6
    assert not [kernel for kernel in spilled if kernel[-1] > FEW_BYTES]
