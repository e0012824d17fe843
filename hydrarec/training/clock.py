"""Stopwatches that add up only what they are meant to."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from hydrarec.devices import synchronise


class Stopwatch:
    """Seconds spent inside `running()` blocks, with the device's queue emptied at both ends.

    Parameters
    ----------
    device
        Device whose work is timed.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds = 0.0
        self._start = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the watch run for a block; blocks that raise are not counted."""
        self._go()
        yield
        self._stop()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the watch for a block inside a `running()` block."""
        self._stop()
        yield
        self._go()

    def _go(self) -> None:
        synchronise(self.device)
        self._start = time.perf_counter()

    def _stop(self) -> None:
        synchronise(self.device)
        self.seconds += time.perf_counter() - self._start
