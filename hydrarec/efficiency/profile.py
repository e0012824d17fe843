"""Where the time of a run's training steps goes: into which operations, and how much of it lies between them.

On a GPU the operations are its kernels and copies; between them it waits, for launches, for Python, for data. On a CPU
they are PyTorch's operators, each without those it calls; between them are Python and the bookkeeping of gradients. The
profiler watches every call, which takes time itself, so steps are timed without it and shares are what it says.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from torch.autograd import DeviceType
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity

from hydrarec.config import BenchmarkConfig
from hydrarec.devices import device_name, prepare_process, select_device
from hydrarec.efficiency.samples import read_data
from hydrarec.efficiency.steps import step_piece
from hydrarec.efficiency.variants import Variant
from hydrarec.layout import split_folder
from hydrarec.stopwatch import Stopwatch


class Operation(NamedTuple):
    """One call of an operation."""

    name: str
    start: float
    """When it began, in seconds from any moment."""
    stop: float
    """When it ended."""
    own: float
    """Seconds in it and in no operation that it called."""


@dataclass(frozen=True)
class Profile:
    """Where the time of some training steps went."""

    device: str
    threads: int
    steps: int
    step_s: float
    """Seconds of a step that nobody watched."""
    busy: float
    """Share of the watched time in which an operation ran."""
    operations: pd.DataFrame
    """By name, the longest first: `share` of the operations' time, `calls` of a step, `call_s`."""


def profile(
    config: BenchmarkConfig,
    results: Path,
    run_id: str,
    dataset: str,
    *,
    steps: int,
    threads: int,
    trace: Path | None = None,
) -> Profile:
    """Watch training steps of a run, on the device its configuration names.

    Parameters
    ----------
    config
        The comparison that has the run.
    results
        Folder of everything computed; the data must be prepared.
    run_id, dataset
        Which run, on which data set; the split of the first protocol.
    steps
        Steps to watch, at most an epoch.
    threads
        CPU threads.
    trace
        Gets all calls, for ui.perfetto.dev or chrome://tracing.

    Raises
    ------
    FileNotFoundError
        If the data set is not prepared.
    RuntimeError
        If the profiler sees nothing of a GPU.
    ValueError
        If the run is a baseline, or a name is not the configuration's.
    """
    settings = config.settings(run_id, dataset)
    split = split_folder(results, dataset, config.protocols[0])
    if not (split / "split.json").is_file():
        raise FileNotFoundError(f"{split}: not prepared yet; `snakemake --profile local {split}/split.json` does it")
    device = select_device(settings.training.device)
    prepare_process(threads, device)
    data = read_data(results, dataset, config.protocols[0], with_timestamps=settings.run.model.takes_timestamps)
    piece = step_piece(Variant(run_id, "", settings, mixes=True, against=None), data, steps, config.seeds[0])
    work = piece.build(device)
    # Kernels compile, caches fill.
    work()
    alone, watched = Stopwatch(device), Stopwatch(device)
    with alone.running():
        work()
    on_gpu = device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with torch.profiler.profile(activities=activities) as profiler, watched.running():
        work()
    if trace is not None:
        trace.parent.mkdir(parents=True, exist_ok=True)
        profiler.export_chrome_trace(str(trace))
    done = int(piece.units)
    found = list(operations(profiler.events() or [], on_gpu=on_gpu))
    if not found:
        raise RuntimeError(
            "the profiler saw no kernel on the GPU: CUPTI, which it asks, is not allowed here, or is another profiler's"
        )
    return Profile(
        device=device_name(device),
        threads=threads,
        steps=done,
        step_s=alone.seconds / done,
        busy=covered(found) / (_span(found) if on_gpu else watched.seconds),
        operations=by_name(found, done),
    )


def operations(events: Iterable[FunctionEvent], *, on_gpu: bool) -> Iterable[Operation]:
    """Return the calls of operations among what the profiler saw: kernels on a GPU, PyTorch's operators on a CPU."""
    for event in events:
        start, stop = event.time_range.start / 1e6, event.time_range.end / 1e6
        if on_gpu:
            # Regions with a name span kernels and are none.
            if event.device_type == DeviceType.CUDA and not event.is_user_annotation:
                yield Operation(event.name, start, stop, stop - start)
        elif "::" in event.name and not event.name.startswith("autograd::"):
            yield Operation(event.name, start, stop, event.self_cpu_time_total / 1e6)


def covered(calls: Iterable[Operation]) -> float:
    """Return the seconds in which at least one operation ran.

    >>> covered([Operation("a", 0, 2, 2), Operation("b", 1, 3, 2), Operation("a", 5, 6, 1)])
    4.0
    """
    total, end = 0.0, -float("inf")
    for call in sorted(calls, key=lambda call: call.start):
        total += max(0.0, call.stop - max(call.start, end))
        end = max(end, call.stop)
    return total


def by_name(calls: Iterable[Operation], steps: int) -> pd.DataFrame:
    """Return the operations of a step by name, the longest first; the columns are those of `Profile.operations`."""
    frame = pd.DataFrame(calls, columns=Operation._fields)
    table = frame.groupby("name")["own"].agg(["sum", "count"]).sort_values("sum", ascending=False)
    return pd.DataFrame(
        {
            "share": table["sum"] / table["sum"].sum(),
            "calls": table["count"] / steps,
            "call_s": table["sum"] / table["count"],
        }
    )


def _span(calls: list[Operation]) -> float:
    return max(call.stop for call in calls) - min(call.start for call in calls)
