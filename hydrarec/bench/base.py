"""What a benchmark is: cases, each with subjects that do the same work, one of them the alternative."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch

from hydrarec.efficiency.rounds import Subject


@dataclass(frozen=True)
class Need:
    """What a repetition cannot do without: the floor is made of it."""

    flops: float = 0.0
    """Floating point operations of its matrix products."""
    nbytes: float = 0.0
    """Bytes it must read and write at least once."""


@dataclass(frozen=True)
class Case:
    """Subjects that are compared."""

    name: str
    """Data and sizes, as they stand in the table."""
    unit: str
    """What is counted: sequence, user, row, …; seconds are given for one of them."""
    subjects: Sequence[Subject]
    """What is timed; this package's come first."""
    against: str
    """Name of the subject that is the alternative: ratios are its seconds over another's."""
    needs: dict[str, Need] = field(default_factory=dict)
    """By subject, the repetition's need; subjects without one get no floor."""
    peak_mib: dict[str, float] = field(default_factory=dict)
    """By subject, peak memory of a process that does nothing else, in MiB."""


@dataclass(frozen=True)
class Conditions:
    """Where and on what a benchmark runs."""

    device: torch.device
    """Device of what runs on one."""
    threads: int
    """CPU threads."""
    quick: bool
    """Small sizes, to see that everything works; their figures mean nothing."""
    data: Path
    """Folder of prepared data sets, results/data."""
    scratch: Path
    """Folder for files the benchmark writes; removed afterwards."""


class Benchmark(Protocol):
    """A module of this package."""

    TITLE: str
    """Heading on the page."""
    ABOUT: str
    """What is compared with what and how; a paragraph."""
    ROUNDS: int
    """Measured rounds, unless the caller wants others."""

    def cases(self, conditions: Conditions) -> Iterator[Case]:
        """Build one case after the other; a case may be dropped from memory before the next."""
        ...
