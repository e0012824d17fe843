"""The compiler takes less than the interpreter that runs the kernels where there is no GPU, and registers are few."""

import ast
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


def compiled_functions():
    """Return the functions of the package that Triton compiles, as syntax trees."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "hydrarec").rglob("*_triton.py")]
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return [one for one in functions if any("triton.jit" in ast.unparse(of) for of in one.decorator_list)]


def test_no_kernel_has_a_python_number_in_a_tuple():
    """Triton 3.3 cannot compile `a, b = float("-inf"), 0.0`, and its neighbours on either side can."""
    functions = compiled_functions()
    assert {"softmax_less_one_hot", "mix_forward", "mix_backward", "sum_parts"} <= {one.name for one in functions}
    tuples = [node for one in functions for node in ast.walk(one) if isinstance(node, ast.Tuple)]
    made = [part for node in tuples for part in node.elts if isinstance(part, ast.Call)]
    assert not [ast.unparse(part) for part in made if ast.unparse(part.func) in ("float", "int")]
