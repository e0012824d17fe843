"""Fair timing: everything that is compared is timed in the same rounds, in an order drawn anew in each of them.

A machine's speed drifts. Timed one after the other, what ran first is compared with another machine than what ran
last; in interleaved rounds the drift falls out of the ratio, whose median over rounds is what is reported.

Source: Kalibera & Jones 2013, "Rigorous benchmarking in reasonable time" (ratios, repetition where variance
arises); Chen & Revels 2016, arXiv 1608.04295.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
import torch
from scipy.special import bdtr

from hydrarec.contention import load_average
from hydrarec.devices import synchronise
from hydrarec.progress import bar

LEAST_ROUNDS = 5
"""Rounds from which on there are intervals: between its extremes the median lies with .50 of two rounds, .75 of three,
.94 of five, and from six on with .95 and more."""


class Work(Protocol):
    """One repetition of something that is timed."""

    def __call__(self) -> object:
        """Do it once; what it returns is dropped."""
        ...


@dataclass(frozen=True)
class Subject:
    """Something that is timed."""

    name: str
    """What it is called in tables."""
    work: Work
    """One repetition."""
    units: float = 1.0
    """Units of work (sequences, users, rows) in a repetition."""
    clock: Callable[[], float] | None = None
    """CPU seconds so far of the process that does the work; None: of this one and of its children that ended."""


def interleaved(
    subjects: Sequence[Subject], *, rounds: int, seed: int, device: torch.device, warm_up: int = 1, what: str = "time"
) -> pd.DataFrame:
    """Time all subjects once in every round, in random order.

    Parameters
    ----------
    subjects
        What is compared, with different names.
    rounds
        Measured repetitions of each.
    seed
        Seed of the orders.
    device
        Device whose queue is emptied before a clock is read.
    warm_up
        Repetitions of each before the first round, which are not kept: caches fill, kernels compile.
    what
        Name on the progress bar.

    Returns
    -------
    pandas.DataFrame
        A row for each subject and round: `subject`, `round` and `place` from 0, `wall_s`, `cpu_s` (all threads of
        this process and of children that ended), `units`, and `load`, the machine's load average before the
        repetition; null where the system has none.
    """
    for subject in subjects:
        for _ in range(warm_up):
            subject.work()
    stream = np.random.default_rng(seed)
    rows = []
    for number in bar(range(rounds), total=rounds, what=what, unit="round"):
        for order, index in enumerate(stream.permutation(len(subjects))):
            subject = subjects[index]
            load = load_average()
            wall, cpu = _clocked(subject, device)
            rows.append((subject.name, number, order, wall, cpu, subject.units, load))
    return pd.DataFrame(rows, columns=["subject", "round", "place", "wall_s", "cpu_s", "units", "load"])


@dataclass(frozen=True)
class Ratio:
    """How many times as long something takes as something else."""

    value: float
    """Median over rounds."""
    low: float
    """Lower bound of the interval; NaN with fewer than `LEAST_ROUNDS`."""
    high: float
    """Upper bound of the interval; NaN likewise."""


def time_ratio(times: pd.DataFrame, of: str, to: str, *, clock: str = "wall_s", alpha: float = 0.05) -> Ratio:
    """Compare two subjects of the same rounds by their seconds for a unit of work.

    Parameters
    ----------
    times
        What `interleaved` returned.
    of, to
        Names of the two subjects: the ratio is seconds of `of` over seconds of `to`.
    clock
        `wall_s` or `cpu_s`.
    alpha
        The interval covers 1 - alpha at least (.94 of five rounds).

    Notes
    -----
    The interval is that of the median between two of the ordered ratios, the k-th from either end: it misses where
    fewer than k rounds lie on one side of the true median, so with 2 P(B < k), B binomial of all rounds and one half,
    whatever their distribution (Hahn and Meeker 1991, section 5.2). k is the largest that alpha allows.

    Examples
    --------
    >>> times = pd.DataFrame({"subject": ["a", "b"] * 3, "round": [0, 0, 1, 1, 2, 2], "units": 1.0,
    ...                       "wall_s": [2.0, 1.0, 4.0, 2.0, 9.0, 3.0]})
    >>> time_ratio(times, "a", "b").value
    2.0
    """
    seconds = (times[clock] / times["units"]).to_numpy()
    by_round = times.assign(seconds=seconds).pivot(index="round", columns="subject", values="seconds")
    logs = np.log(by_round[of].to_numpy() / by_round[to].to_numpy())
    value = float(np.exp(np.median(logs)))
    if len(logs) < LEAST_ROUNDS:
        return Ratio(value, np.nan, np.nan)
    missed = 2 * bdtr(np.arange(len(logs) // 2), len(logs), 0.5)
    index = max(int((missed <= alpha).sum()) - 1, 0)
    ordered = np.exp(np.sort(logs))
    return Ratio(value, float(ordered[index]), float(ordered[-1 - index]))


def _clocked(subject: Subject, device: torch.device) -> tuple[float, float]:
    clock = subject.clock or _cpu_seconds
    synchronise(device)
    cpu, wall = clock(), time.perf_counter()
    subject.work()
    synchronise(device)
    return time.perf_counter() - wall, clock() - cpu


def _cpu_seconds() -> float:
    # os.times() alone counts this process in ticks of 10 ms.
    return time.process_time() + sum(os.times()[2:4])
