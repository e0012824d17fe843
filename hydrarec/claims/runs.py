"""What claims about runs have in common: their places, and which runs must be there."""

from abc import abstractmethod
from collections.abc import Sequence

from hydrarec.claims.base import ClaimKind, Finding, Place
from hydrarec.claims.catalogues import independent
from hydrarec.claims.evidence import Evidence
from hydrarec.config.hypotheses import RunClaimConfig


class RunClaim(ClaimKind):
    """A claim about runs, decided on every independent dataset under every protocol."""

    config: RunClaimConfig

    def places(self, evidence: Evidence) -> list[Place]:
        """Return every independent dataset under the first protocol, then under the others."""
        datasets = independent(evidence.config.datasets)
        return [Place(dataset.id, protocol) for protocol in evidence.config.protocols for dataset in datasets]

    def findings(self, evidence: Evidence, place: Place) -> Sequence[Finding]:
        """Return a finding for each comparator and measure."""
        dataset, protocol = str(place.dataset), str(place.protocol)
        evidence.require(dataset, protocol, self.involved, converged=self.config.converged)
        return [
            finding for against in self.config.against for finding in self.against(evidence, dataset, protocol, against)
        ]

    @property
    def involved(self) -> list[str]:
        """All runs that the claim rests on."""
        return [self.config.run, *self.config.against]

    @abstractmethod
    def against(self, evidence: Evidence, dataset: str, protocol: str, against: str) -> Sequence[Finding]:
        """Return what is found against one comparator."""
