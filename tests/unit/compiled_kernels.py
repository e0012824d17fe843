"""Compile the Triton kernels for GPUs that need not be here, and print how much each spills, as JSON.

A program, because kernels of a process that tests them are those of Triton's interpreter.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from hydrarec.attention.parts import hydra_triton
from hydrarec.losses import softmax_triton

PTXAS = Path(triton.__file__).parent / "backends/nvidia/bin/ptxas"
WARP = 32
TYPES = {
    "mask": "*u8",
    "offsets": "*i64",
    "totals": "*fp32",
    "later": "*fp32",
    "targets": "*i64",
    "losses": "*fp32",
    "size": "i32",
    "stride": "i32",
    "n_items": "i32",
    "eps": "fp32",
}
"""Of the arguments that are not tensors of the precision asked for."""


def spilled(kernel, constants, capability, precision):
    """Return the bytes that a thread writes to memory because it has too few registers."""
    types = {
        name: "constexpr" if name in constants else TYPES.get(name, "i32" if "_stride" in name else f"*{precision}")
        for name in kernel.arg_names
    }
    # As from a tensor of PyTorch's own: where it begins, and a row of 64 features, are multiples of 16.
    aligned = {
        (i,): [["tt.divisibility", 16]]
        for i, (name, of) in enumerate(types.items())
        if of.startswith("*") or "_stride" in name
    }
    values = {(kernel.arg_names.index(name),): value for name, value in constants.items()}
    source = ASTSource(kernel, types, values, aligned)
    ptx = triton.compile(source, target=GPUTarget("cuda", capability, WARP), options={"num_warps": 4}).asm["ptx"]
    architecture = next(line.split()[1].rstrip(",") for line in ptx.splitlines() if line.startswith(".target"))
    with TemporaryDirectory() as folder:
        code = Path(folder) / "kernel.ptx"
        code.write_text(ptx)
        command = [PTXAS, "-v", f"--gpu-name={architecture}", "-o", "/dev/null", code]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return int(said.partition(" bytes spill stores")[0].split()[-1])


def kernels():
    """Yield each kernel with what it is specialised to: causal in parts, bidirectional in one piece with padding."""
    shape = {"width": 64, "n_columns": 64, "n_rows": hydra_triton.TILE // 64, "sum_type": tl.float32}
    parts = {**shape, "mask": None, "masked": False}
    for kernel in (hydra_triton.mix_forward, hydra_triton.mix_backward):
        whole = {**shape, "masked": True, "causal": False, "split": False, "totals": None, "later": None}
        yield kernel, {**parts, "causal": True, "split": True}
        yield kernel, {name: value for name, value in whole.items() if name in kernel.arg_names}
    yield hydra_triton.sum_parts, parts
    yield softmax_triton.softmax_less_one_hot, {"block": softmax_triton.BLOCK}


if __name__ == "__main__":
    targets = [(int(capability), precision) for capability, precision in (target.split("-") for target in sys.argv[1:])]
    found = [
        (kernel.__name__, target, spilled(kernel, constants, *target))
        for target in targets
        for kernel, constants in kernels()
    ]
    sys.stdout.write(json.dumps(found))
