"""Work on several long arrays at a time. numpy and Arrow let other threads work while they do."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

N_THREADS = 2
"""Threads of a preparation: most of its work is bound by memory, which more would have to share."""

In = TypeVar("In")
Out = TypeVar("Out")


def each(work: Callable[[In], Out], parts: Iterable[In]) -> list[Out]:
    """Return what `work` makes of each part, in their order."""
    with ThreadPoolExecutor(N_THREADS) as threads:
        return list(threads.map(work, parts))
