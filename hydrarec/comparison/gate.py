"""What a check comes to."""

from dataclasses import dataclass
from typing import Literal, Self

Status = Literal["green", "amber", "red"]
Check = Literal[
    "complete",
    "oracle",
    "random",
    "popularity",
    "order",
    "ties",
    "floor",
    "converged",
    "machine",
    "code",
    "sources",
    "packages",
]
"""What is checked."""
CHECKS: dict[Check, str] = {
    "complete": "runs missing",
    "oracle": "oracle not checked",
    "random": "chance not checked",
    "popularity": "no popularity baseline",
    "order": "equal times decide targets",
    "ties": "ties decide",
    "floor": "below a simple baseline",
    "converged": "stopped at the last epoch allowed",
    "machine": "times may hold waiting",
    "code": "versions of the code",
    "sources": "code edited between runs",
    "packages": "versions of packages",
}
"""What each is about where it did not pass, in a few words."""


@dataclass(frozen=True)
class Gate:
    """The outcome of one check."""

    name: Check
    """What was checked."""
    run: str
    """Run id; empty if the check is about all runs."""
    dataset: str
    """Dataset id; empty if about all."""
    protocol: str
    """Protocol; empty if about all."""
    status: Status
    """green: as it must be; amber: read the results with this in mind; red: do not use them."""
    sentence: str
    """What was found, with numbers."""
    control: bool = False
    """A red one means the evaluation itself is wrong; then no report is made."""

    @classmethod
    def of_run(cls, name: Check, run: str, status: Status, sentence: str, control: bool = False) -> Self:
        """Return the outcome of a check about all datasets, or whose dataset and protocol are filled in later."""
        return cls(name, run, "", "", status, sentence, control)
