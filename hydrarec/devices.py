"""Which processor work runs on, and how many threads it may use."""

import functools
import importlib
import importlib.util
import itertools
import os
import re
import socket
from collections.abc import Callable
from types import ModuleType

import torch
from torch import Tensor, nn

from hydrarec.config.training import Device

KEPT_PRIMITIVES = "16"
"""Compiled operations that oneDNN keeps."""
MOST_GRAPHS = 64
"""Graphs that a compiled model may have."""
_COMPILED = itertools.count(1)
_BY_UUID = "(GPU|MIG)-.*"
_OF_JOBS = {
    "SLURM_JOB_GPUS": ".+",
    "SLURM_STEP_GPUS": ".+",
    "SLURM_GPUS_ON_NODE": "[1-9].*",
    # Images set `all` or `void`, and run where there is no GPU; only who hands out a GPU knows its UUID.
    "NVIDIA_VISIBLE_DEVICES": _BY_UUID,
    "CUDA_VISIBLE_DEVICES": _BY_UUID,
}
"""Variables by which a scheduler says that a process was granted a GPU, and the values by which it does."""
_OF_SHELLS = {"CUDA_VISIBLE_DEVICES": "[0-9].*"}
"""Other schedulers set these, but an image or a shell may too, wherever it is started."""


def select_device(wanted: Device) -> torch.device:
    """Return the device for `auto`, `cpu` or `cuda`.

    Raises
    ------
    ValueError
        If `cuda` is wanted and there is none, or `auto` is and PyTorch does not find the GPU that this process was
        granted.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            "device: cuda is wanted (`training.device`, or --device), but this machine has no CUDA device; allowed "
            "here: auto, cpu"
        )
    found = "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"
    # On a CPU it would take days, and nobody would know before.
    if wanted == "auto" and found == "cpu" and (grant := _grant()):
        cuda = torch.version.cuda
        raise ValueError(
            f"{socket.gethostname()}: a GPU was granted ({grant}), but PyTorch {torch.__version__} "
            f"({f'CUDA {cuda}' if cuda else 'a build for CPUs'}) finds none.\n"
            f"{'Is the GPU broken, or its driver too old? Take another node' if cuda else 'Install one for CUDA'}, or "
            "set `training.device: cpu` (or --device cpu) if a CPU is wanted."
        )
    return torch.device(found)


def _grant() -> str | None:
    """Return the variable, with its value, that says that this process was granted a GPU; None if none does."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        # Whoever hides GPUs wants none.
        return None
    # What a shell says of every machine is no reason to stop a PyTorch that was installed for CPUs.
    signs = [*_OF_JOBS.items(), *(_OF_SHELLS.items() if torch.version.cuda else ())]
    said = [name for name, values in signs if re.fullmatch(values, os.environ.get(name, ""))]
    return f"{said[0]}={os.environ[said[0]]}" if said else None


def prepare_process(threads: int, device: torch.device) -> None:
    """Set this process up so that equal inputs give equal bytes on a CPU.

    Parameters
    ----------
    threads
        Threads of CPU operators. Sums are split by it, so results are only comparable bit by bit at the same number.
    device
        Where it will compute.
    """
    # Each is for one shape, and in training each batch has another. A thousand, oneDNN's own number, would be of no use
    # and lie scattered over the heap, so that it grew by gigabytes. Read when oneDNN is first used.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", KEPT_PRIMITIVES)
    torch.set_num_threads(threads)
    # On a GPU the operations that are deterministic are the slow ones. PyTorch's other switch for this imports its
    # compiler, which takes as long as all of PyTorch and which most processes have no use for.
    torch.set_deterministic_debug_mode("error" if device.type == "cpu" else "default")
    # Convolutions and recurrent layers would round their inputs to 10 bits, and matrix products round none.
    torch.backends.cudnn.allow_tf32 = False
    # cuDNN plans attention anew for every shape, and in training each batch has another.
    torch.backends.cuda.enable_cudnn_sdp(False)
    # The plain form of attention computes in the precision it is given, as every other operator does.
    torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(True)
    # Memory is written before it is read here; filling it first, to find out where it is not, costs a pass over it.
    torch.utils.deterministic.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue]


def compiled(model: nn.Module) -> Callable[..., Tensor]:
    """Compile a model for batches of any shape, as deterministically as this process is to compute."""
    # The compiler has a setting of its own.
    torch.use_deterministic_algorithms(torch.are_deterministic_algorithms_enabled())
    # Every batch has another shape, so one set of kernels must do for all; or, with operators that work in chunks, one
    # for each number of them. Whatever is beyond the limit would run uncompiled, without a word, and be compared.
    # Graphs are counted by the code they are of, which several models of a process share.
    dynamo, most = importlib.import_module("torch._dynamo.config"), next(_COMPILED) * MOST_GRAPHS
    # Names that PyTorch 2.6 knows too; later ones have others besides.
    dynamo.cache_size_limit, dynamo.fail_on_cache_limit_hit = most, True  # pyright: ignore[reportAttributeAccessIssue]
    dynamo.accumulated_cache_size_limit = max(256, most)  # pyright: ignore[reportAttributeAccessIssue]
    return torch.compile(model, dynamic=True)


def device_name(device: torch.device) -> str:
    """Return `cpu` or the GPU's product name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def gpu_uuid(device: torch.device) -> str | None:
    """Return a GPU's UUID, which is the same for every library; None on a CPU."""
    return str(torch.cuda.get_device_properties(device).uuid) if device.type == "cuda" else None


def synchronise(device: torch.device) -> None:
    """Wait until the device has done all it was given, so that a clock can be read."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy a tensor from the CPU to a device without waiting for what the device is doing."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def is_on_cpu(tensor: Tensor) -> bool:
    """Return whether a tensor is on the CPU; a function, so that tests there can take the other way."""
    return tensor.device.type == "cpu"


def peak_gpu_mib(device: torch.device) -> float | None:
    """Return the largest GPU memory allocated by this process in MiB; None on a CPU."""
    return torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else None


@functools.cache
def triton_kernels(module: str) -> ModuleType | None:
    """Import a module of this package that holds Triton kernels; None where Triton is not installed."""
    return importlib.import_module(module) if importlib.util.find_spec("triton") else None
