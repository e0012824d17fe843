"""What the machine can do at best: the rates against which everything timed here is held.

A floor says how long work would take if nothing but its arithmetic, or nothing but its memory traffic, cost time.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from hydrarec.devices import gpu_uuid, synchronise
from hydrarec.energy import nvml_handle

GEMM_SIZE = {"cpu": 1024, "cuda": 8192}
"""Rows and columns of the matrices whose product is timed: as few as a device is at full speed with."""
COPY_BYTES = {"cpu": 2**28, "cuda": 2**30}
"""Bytes that are copied: far more than any cache, and than a device copies while a copy is begun, yet little enough to
lie twice on a GPU of a desktop."""
REPETITIONS = 9
"""Repetitions, of which the fastest counts: a floor is about the machine, not about who shares it."""


@dataclass(frozen=True)
class Rates:
    """A device's measured rates in float32."""

    flops_per_s: float
    """Floating point operations of a matrix product a second; a multiplication and an addition are two."""
    bytes_per_s: float
    """Bytes read and written by a copy a second."""

    def floor_s(self, *, flops: float = 0.0, nbytes: float = 0.0) -> float:
        """Return the seconds that arithmetic and memory traffic need at these rates, whichever is more."""
        return max(flops / self.flops_per_s, nbytes / self.bytes_per_s)


def measure_rates(device: torch.device) -> Rates:
    """Measure a device's rates with the threads this process has."""
    generator = torch.Generator(device).manual_seed(0)
    size = GEMM_SIZE[device.type]
    a, b = (torch.randn(size, size, device=device, generator=generator) for _ in range(2))
    product = torch.empty_like(a)
    n_bytes = COPY_BYTES[device.type]
    source = torch.ones(n_bytes // 4, device=device)
    target = torch.empty_like(source)
    return Rates(
        flops_per_s=2 * size**3 / _fastest(lambda: torch.mm(a, b, out=product), device),
        bytes_per_s=2 * n_bytes / _fastest(lambda: target.copy_(source), device),
    )


def _fastest(work: Callable[[], object], device: torch.device) -> float:
    seconds = []
    for _ in range(REPETITIONS):
        synchronise(device)
        start = time.perf_counter()
        work()
        synchronise(device)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def gpu_state(device: torch.device) -> dict[str, float] | None:
    """Return a GPU's clocks, temperature and use now; None on a CPU, or where the driver does not say."""
    if device.type != "cuda":
        return None
    import pynvml  # noqa: PLC0415 - only where there is a GPU

    try:
        pynvml.nvmlInit()
        handle = nvml_handle(str(gpu_uuid(device)), pynvml)
        known = {
            "clock_mhz": pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM),
            "memory_clock_mhz": pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_MEM),
            "temperature_c": pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU),
            "use_percent": pynvml.nvmlDeviceGetUtilizationRates(handle).gpu,
        }
        return {name: float(value) for name, value in known.items()}
    except pynvml.NVMLError:
        return None
