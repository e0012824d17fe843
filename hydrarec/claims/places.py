"""The places in which claims are decided, and what tables and sentences call them."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Scope:
    """A dataset under a protocol: where a claim about runs is decided."""

    dataset: str
    protocol: str
    name: str
    """In sentences."""

    @property
    def columns(self) -> dict[str, str | None]:
        """Its columns of `VERDICTS`."""
        return {"dataset": self.dataset, "protocol": self.protocol, "device": None}


@dataclass(frozen=True)
class Device:
    """A device: where a claim about operators alone is decided."""

    name: str
    """As the configuration names it."""

    @property
    def columns(self) -> dict[str, str | None]:
        """Its columns of `VERDICTS`."""
        return {"dataset": None, "protocol": None, "device": self.name}


Place: TypeAlias = Scope | Device
