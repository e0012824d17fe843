"""Stopwatches that add up only what they are meant to: seconds by the clock, processor seconds, joules of the GPU."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from hydrarec.devices import synchronise
from hydrarec.energy import EnergyCounter


class Stopwatch:
    """What is spent inside `running()` blocks, with the device's queue emptied at both ends.

    Parameters
    ----------
    device
        Device whose work is timed.
    energy
        Counter of the GPU's energy; None: it is not measured.
    """

    def __init__(self, device: torch.device, energy: EnergyCounter | None = None) -> None:
        self.device = device
        self.seconds = 0.0
        """By the clock."""
        self.cpu_s: float | None = 0.0
        """Processor seconds of all threads of the process; None: not known of a part."""
        self.joules: float | None = None if energy is None else 0.0
        """Energy of the GPU; None: not known of a part."""
        self._energy = energy
        self._start: tuple[float, float, float | None] | None = None
        """What the clocks said when it began to run; None while it does not."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the watch run for a block; blocks that raise are not counted."""
        self._go()
        yield
        self._stop()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the watch for a block inside a `running()` block; elsewhere nothing is to be stopped."""
        was_running = self._start is not None
        if was_running:
            self._stop()
        yield
        if was_running:
            self._go()

    def _go(self) -> None:
        synchronise(self.device)
        self._start = self._read()

    def _stop(self) -> None:
        assert self._start is not None
        synchronise(self.device)
        (wall, cpu, joules), (wall_before, cpu_before, joules_before) = self._read(), self._start
        self._start = None
        self.seconds += wall - wall_before
        self.cpu_s = None if self.cpu_s is None else self.cpu_s + cpu - cpu_before
        if self.joules is None or joules is None or joules_before is None:
            # A sum with a part left out would pass for the whole.
            self.joules = None
        else:
            self.joules += joules - joules_before

    def _read(self) -> tuple[float, float, float | None]:
        return time.perf_counter(), time.process_time(), None if self._energy is None else self._energy.joules()
