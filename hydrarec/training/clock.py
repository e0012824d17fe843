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

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the watch run for a block; blocks that raise are not counted."""
        synchronise(self.device)
        start = time.perf_counter()
        yield
        synchronise(self.device)
        self.seconds += time.perf_counter() - start
