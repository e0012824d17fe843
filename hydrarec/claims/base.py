"""What every kind of claim is: something that can be asked in each scope what the data say there."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from hydrarec.claims.evidence import Evidence
from hydrarec.claims.places import Device, Scope
from hydrarec.config.hypotheses import ClaimConfig

Verdict = Literal["superior", "equivalent", "inferior", "inconclusive", "not decidable"]


W = TypeVar("W", Scope, Device)


@dataclass(frozen=True)
class Finding:
    """What the data say in one scope about one comparison; the columns of `VERDICTS`."""

    run: str
    measure: str
    verdict: Verdict
    sentence: str
    against: str | None = None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    """One-sided p-value of the claim; None where an interval decides."""
    holds: bool = False
    """Whether the claim holds here, at the unadjusted level."""
    refutes: bool = False
    """Whether this speaks against the claim."""
    detectable: float | None = None
    """What it could have found with a power of 80 %, in per cent of the comparator's mean."""
    remark: str | None = None
    """What a reader must know where it holds, without its full stop."""


class ClaimKind(ABC, Generic[W]):
    """A claim that can be asked what it finds in a scope, or on a device.

    Parameters
    ----------
    config
        The claim.
    """

    def __init__(self, config: ClaimConfig) -> None:
        self.config = config

    @abstractmethod
    def scopes(self, evidence: Evidence) -> list[W]:
        """Return where the claim is to be decided; the other protocols' scopes stand behind the first one's."""

    @abstractmethod
    def findings(self, evidence: Evidence, scope: W) -> Sequence[Finding]:
        """Return what is found there.

        Raises
        ------
        Undecidable
            With the reason, if nothing can be said there.
        """
