"""A GPU that computes on the CPU, for processes in which nothing else is tested: code for a GPU runs, and is watched.

Its tensors say that they are on `cuda`. An operation that meets tensors of both devices fails, as on a GPU, and each
for which the CPU would wait is noted with the function that asked for it. Numbers are the CPU's, times mean nothing.

Underneath, the tensors are of PyTorch's device for backends written in Python, since `cuda` itself cannot be had in a
build without it.
"""

import importlib.util
import sys
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace

import torch
import torch._dynamo  # What it imports may not be imported while the modes are on.
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_any, tree_leaves, tree_map

import hydrarec

CUDA = torch.device("cuda:0")
PACKAGE = str(Path(hydrarec.__file__).parent)
WAITS = {"_local_scalar_dense", "nonzero", "masked_select", "equal", "is_nonzero", "bincount", "_unique2"}
"""Operations whose result the CPU must know before it can go on."""


class OnGpu(torch.Tensor):
    """A tensor on the emulated GPU."""

    held: torch.Tensor
    """The same on the CPU."""

    @staticmethod
    def __new__(cls, held):
        layout = held.shape, held.stride(), held.storage_offset()
        # Views of what is made under it cannot be made.
        with torch.inference_mode(False):
            tensor = torch.Tensor._make_wrapper_subclass(
                cls, *layout, dtype=held.dtype, device=torch.device("emulated:0")
            )
        tensor.held = held
        return tensor

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        """Compute; also in backward passes, which run in threads that modes do not reach."""
        return compute(operation, args, kwargs or {})


WAITED = Counter()
"""How often each function of the package waited for the emulated GPU."""


def note_wait():
    frame = sys._getframe()
    while frame and not frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    WAITED[f"{Path(frame.f_code.co_filename).name}: {frame.f_code.co_name}" if frame else "elsewhere"] += 1


def compute(operation, args, kwargs):
    """Do an operation on the CPU, and say of what it returns that it is on the GPU."""
    name, arguments = operation._schema.name.removeprefix("aten::"), (args, kwargs)
    if name == "_to_copy":
        return copied(operation, args, kwargs)
    if name == "copy_":
        return copied_into(operation, args, kwargs)
    # Numbers that PyTorch has made into tensors are sent along.
    if tree_any(lambda a: isinstance(a, torch.Tensor) and not isinstance(a, OnGpu) and a.dim() > 0, arguments):
        raise RuntimeError(f"{name}: tensors of both devices")
    if name in WAITS or (name.startswith("index") and tree_any(is_mask, args[1:])):
        note_wait()
    changed = {id(a.held): a for a in tree_leaves(arguments) if isinstance(a, OnGpu)}

    def returned(value):
        if not isinstance(value, torch.Tensor):
            return value
        # What is changed in place stays the same tensor.
        # Conjugates are computed at once: PyTorch has passed the place where it would see to those it has put off.
        return changed[id(value)] if id(value) in changed else OnGpu(value.resolve_conj())

    return tree_map(returned, on_cpu(operation, args, kwargs))


def copied(operation, args, kwargs):
    """Copy to a device, the same or the other; waits for the other unless it is told not to."""
    source, to = args[0], kwargs.get("device")
    to_gpu = isinstance(source, OnGpu) if to is None else is_emulated(to)
    if to_gpu != isinstance(source, OnGpu) and not kwargs.get("non_blocking"):
        note_wait()
    found = on_cpu(operation, args, kwargs)
    return OnGpu(found) if to_gpu else found


def copied_into(operation, args, kwargs):
    """Copy into a tensor; waits for the other device unless it is told not to."""
    target, source, *non_blocking = args
    if isinstance(target, OnGpu) != isinstance(source, OnGpu) and not any(non_blocking):
        note_wait()
    on_cpu(operation, args, kwargs)
    return target


def on_cpu(operation, args, kwargs):
    return operation(*tree_map(outward, args), **tree_map(outward, kwargs))


def is_emulated(device):
    return device is not None and torch.device(device).type == "emulated"


def is_mask(value):
    return isinstance(value, OnGpu) and value.dtype == torch.bool


def outward(value):
    if isinstance(value, torch.device):
        return torch.device("cpu")
    return value.held if isinstance(value, OnGpu) else value


class _Operations(TorchDispatchMode):
    """Brings operations that make tensors on the emulated GPU, or have some, to it."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if torch.is_inference_mode_enabled() and torch._C._dispatch_has_kernel_for_dispatch_key(
            operation.name(), "CompositeImplicitAutograd"
        ):
            # Under it PyTorch does not take such operations apart by itself.
            with self:
                return operation.decompose(*args, **kwargs)
        if is_emulated(kwargs.get("device")) or any(issubclass(kind, OnGpu) for kind in types):
            return compute(operation, args, kwargs)
        return operation(*args, **kwargs)


class _Names(TorchFunctionMode):
    """Translates `cuda` into the emulated device, and back."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        found = function(*tree_map(inward, args), **tree_map(inward, kwargs or {}))
        return CUDA if isinstance(found, torch.device) and found.type == "emulated" else found


def inward(value):
    return torch.device("emulated:0") if isinstance(value, torch.device) and value.type == "cuda" else value


class _Generator(torch.Generator):
    def __new__(cls, device="cpu"):
        return super().__new__(cls)


@contextmanager
def emulated_gpu(monkeypatch):
    """Let `cuda` be the emulated GPU; not to be undone wholly, so only in a process of its own."""
    torch.utils.backend_registration._setup_privateuseone_for_python_backend("emulated")
    monkeypatch.setattr(torch.emulated, "get_amp_supported_dtype", lambda: [torch.bfloat16], raising=False)
    stream = torch.Generator()
    for name, value in {
        "is_available": lambda: True,
        "get_device_name": lambda device: "emulated",
        "get_device_properties": lambda device: SimpleNamespace(uuid="no driver knows it"),
        "synchronize": lambda device=None: None,
        "max_memory_allocated": lambda device: 0,
        "memory_allocated": lambda device: 0,
        "reset_peak_memory_stats": lambda device: None,
        "empty_cache": lambda: None,
        "get_rng_state": lambda device: stream.get_state(),
        "set_rng_state": lambda state, device: stream.set_state(state),
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(torch, "Generator", _Generator)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)
    # Kernels of Triton are for a real GPU, and have tests of their own; here it is as if it were not installed.
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *of: None if name == "triton" else find_spec(name, *of)
    )
    with ExitStack() as modes:
        modes.enter_context(_Names())
        modes.enter_context(_Operations())
        yield WAITED
