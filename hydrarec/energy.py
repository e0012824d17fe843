"""Joules that a GPU takes, from the counter its driver keeps (NVML: since the driver was loaded, Volta and later).

The counter is the whole GPU's. Nothing is said where it would not be one process's own (a MIG slice, a GPU shared by
several trainings), where the driver has no counter, or without a GPU. What processors, memory and the rest of a machine
take is not measured: processors count their packages, whoever uses them, and models of them are guesses.
"""

import logging
from typing import Any

log = logging.getLogger(__name__)


class EnergyCounter:
    """The counter of one GPU.

    Parameters
    ----------
    nvml
        The module `pynvml`, or one with its functions.
    handle
        What the module knows the GPU by.
    """

    def __init__(self, nvml: Any, handle: Any) -> None:
        self._nvml = nvml
        self._handle = handle

    def joules(self) -> float | None:
        """Return the joules so far; only differences mean something. None if the driver does not answer."""
        try:
            return self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle) / 1000
        except self._nvml.NVMLError:
            return None


def energy_counter(uuid: str | None, nvml: Any = None) -> EnergyCounter | None:
    """Return the counter of a GPU; None where there is none that is its own.

    Parameters
    ----------
    uuid
        The GPU's UUID as CUDA gives it. Numbers would not do: CUDA counts the visible GPUs, NVML all of them. None: no
        GPU.
    nvml
        The module to ask; None: `pynvml`.
    """
    if uuid is None:
        return None
    if nvml is None:
        import pynvml as nvml  # noqa: PLC0415 - only where there is a GPU
    try:
        nvml.nvmlInit()
        handle = nvml_handle(uuid, nvml)
        counter = None if _is_sliced(handle, nvml) else EnergyCounter(nvml, handle)
    except nvml.NVMLError as error:
        log.info("energy is not measured: %s", error)
        return None
    if counter is None or counter.joules() is None:
        log.info("energy is not measured: the driver has no counter for this GPU, or the GPU is divided")
        return None
    return counter


def nvml_handle(uuid: str, nvml: Any) -> Any:
    """Return what NVML knows a GPU by, given the UUID that CUDA gives it, with or without its prefix.

    Raises
    ------
    pynvml.NVMLError
        If NVML knows no such GPU.
    """
    return nvml.nvmlDeviceGetHandleByUUID(uuid if uuid.startswith(("GPU-", "MIG-")) else f"GPU-{uuid}")


def _is_sliced(handle: Any, nvml: Any) -> bool:
    """Tell whether others may have a part of the GPU: MIG is on."""
    try:
        current, _ = nvml.nvmlDeviceGetMigMode(handle)
    except nvml.NVMLError:
        # Not supported: a GPU that cannot be divided.
        return False
    return bool(current == nvml.NVML_DEVICE_MIG_ENABLE)
