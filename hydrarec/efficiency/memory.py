"""How much memory a piece of work needs, found out in a process that does nothing else; and whether it can be done.

On a CPU that is the growth of the resident memory to its peak. The process is forked from a server that has imported
everything and run nothing, so that it starts in milliseconds and has no earlier peak. On a GPU it is the maximum that
the allocator itself keeps, for which no process is needed.
"""

import multiprocessing
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

import psutil
import torch

from hydrarec import heap
from hydrarec.devices import prepare_process, synchronise
from hydrarec.efficiency.pieces import forget_numbers
from hydrarec.efficiency.rounds import Work
from hydrarec.provenance import peak_memory_mib

IMPORTED = ["__main__", "hydrarec.efficiency.measure"]
"""What the server imports before it forks: the kinds of pieces."""
SETUP_S = 300.0
"""Longest time for building a piece of work, with its data."""
FAILED = ("not enough memory", "can't allocate memory", "bad_alloc", "out of memory")
"""What messages of a failed allocation say."""


@dataclass(frozen=True)
class Probe:
    """What was found out about a piece of work."""

    peak_mib: float | None = None
    """Peak memory of one repetition with its inputs; None if it cannot be done within the limits."""
    failure: str = ""
    """Why it cannot; empty if it can."""


@dataclass(frozen=True)
class Limits:
    """What a repetition may take at most."""

    seconds: float
    mib: float

    @property
    def too_slow(self) -> str:
        """The reason for skipping what takes longer."""
        return f"a repetition takes more than {self.seconds:g} s"

    @property
    def too_large(self) -> str:
        """The reason for skipping what needs more memory."""
        return f"a repetition needs more than {self.mib:g} MiB"


def probe(
    build: Callable[[], Work],
    *,
    device: torch.device,
    threads: int,
    limits: Limits,
    warm_up: Callable[[], Work] | None = None,
) -> Probe:
    """Do a piece of work once.

    Parameters
    ----------
    build
        Makes the inputs and returns the work; on a CPU it is sent to another process, so it must be picklable.
    device
        Where the work is done.
    threads
        CPU threads of that process.
    limits
        What the repetition may take.
    warm_up
        Like `build`, for something small of the same kind that is done before, so that code loaded at first use is not
        counted.

    Raises
    ------
    RuntimeError
        If the work fails for another reason than memory.
    """
    if device.type == "cuda":
        return _on_gpu(build, warm_up, device, limits)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    ours, theirs = context.Pipe()
    process = context.Process(target=_child, args=(theirs, build, warm_up, threads, limits.mib), daemon=True)
    process.start()
    theirs.close()
    found = None
    try:
        found = _answer(ours, limits)
        return found
    finally:
        if found is None or found.peak_mib is None:
            process.kill()
        process.join()
        ours.close()


def _answer(pipe: Connection, limits: Limits) -> Probe:
    try:
        for seconds, late in ((SETUP_S, "building it takes too long"), (limits.seconds, limits.too_slow)):
            if not pipe.poll(seconds):
                return Probe(failure=late)
            kind, value = pipe.recv()
            if kind == "error":
                raise RuntimeError(value)
            if kind == "memory":
                return Probe(failure=limits.too_large)
    except EOFError:
        # The system kills without a word what takes more memory than there is.
        return Probe(failure=limits.too_large)
    return Probe(peak_mib=value)


def _child(
    pipe: Connection, build: Callable[[], Work], warm_up: Callable[[], Work] | None, threads: int, limit_mib: float
) -> None:
    prepare_process(threads, torch.device("cpu"))
    try:
        if warm_up is not None:
            warm_up()()
            # What this leaves free would not be counted when it is used again.
            heap.give_back()
        memory = psutil.Process().memory_info()
        limit = int(memory.data + limit_mib * 2**20)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.getrlimit(resource.RLIMIT_DATA)[1]))
        work = build()
        pipe.send(("ready", None))
        work()
        pipe.send(("peak", max(0.0, peak_memory_mib() - memory.rss / 2**20)))
    except (RuntimeError, MemoryError) as error:
        short = isinstance(error, MemoryError) or any(words in str(error) for words in FAILED)
        pipe.send(("memory", None) if short else ("error", f"{type(error).__name__}: {error}"))


def _on_gpu(
    build: Callable[[], Work], warm_up: Callable[[], Work] | None, device: torch.device, limits: Limits
) -> Probe:
    try:
        # What libraries allocate once, such as the workspace of matrix products, is nobody's.
        (warm_up or build)()()
        # Inputs of pieces before would otherwise be found there, and not be counted.
        forget_numbers()
        torch.cuda.empty_cache()
        before = torch.cuda.memory_allocated(device)
        work = build()
        # What warming up took is no part of the repetition.
        torch.cuda.reset_peak_memory_stats(device)
        work()
        synchronise(device)
        start = time.perf_counter()
        work()
        synchronise(device)
        seconds = time.perf_counter() - start
    except torch.OutOfMemoryError:
        return Probe(failure=limits.too_large)
    peak = (torch.cuda.max_memory_allocated(device) - before) / 2**20
    if peak > limits.mib:
        return Probe(failure=limits.too_large)
    return Probe(failure=limits.too_slow) if seconds > limits.seconds else Probe(peak_mib=peak)
