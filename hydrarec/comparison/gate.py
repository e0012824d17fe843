"""What a check comes to."""

from dataclasses import dataclass
from typing import Literal, Self

Status = Literal["green", "amber", "red"]


@dataclass(frozen=True)
class Gate:
    """The outcome of one check."""

    name: str
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
    def of_run(cls, name: str, run: str, status: Status, sentence: str, control: bool = False) -> Self:
        """Return the outcome of a check about all datasets, or whose dataset and protocol are filled in later."""
        return cls(name, run, "", "", status, sentence, control)
