"""Which processor work runs on, and how many threads it may use."""

import functools
import importlib
import importlib.util
import itertools
import os
from collections.abc import Callable
from types import ModuleType

import torch
from torch import Tensor, nn

KEPT_PRIMITIVES = "16"
"""Compiled operations that oneDNN keeps."""
MOST_GRAPHS = 64
"""Graphs that a compiled model may have."""
_COMPILED = itertools.count(1)


def select_device(wanted: str) -> torch.device:
    """Return the device for `auto`, `cpu` or `cuda`.

    Raises
    ------
    ValueError
        If there is no such device, or `cuda` is wanted and there is none.
    """
    if wanted not in ("auto", "cpu", "cuda"):
        raise ValueError(f"no device {wanted!r}; allowed: auto, cpu, cuda")
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            "device: cuda is wanted (`training.device`, or --device), but this machine has no CUDA device; allowed "
            "here: auto, cpu"
        )
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")


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


def peak_gpu_mib(device: torch.device) -> float | None:
    """Return the largest GPU memory allocated by this process in MiB; None on a CPU."""
    return torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else None


@functools.cache
def triton_kernels(module: str) -> ModuleType | None:
    """Import a module of this package that holds Triton kernels; None where Triton is not installed."""
    return importlib.import_module(module) if importlib.util.find_spec("triton") else None
