"""What claims about runs have in common: their scopes, and which runs must be there."""

from abc import abstractmethod
from collections.abc import Sequence

from hydrarec.claims.base import ClaimKind, Finding
from hydrarec.claims.catalogues import independent_datasets
from hydrarec.claims.evidence import Evidence
from hydrarec.claims.places import Scope
from hydrarec.config.hypotheses import RunClaimConfig


class RunClaim(ClaimKind[Scope]):
    """A claim about runs, decided on every independent dataset under every protocol."""

    config: RunClaimConfig

    def scopes(self, evidence: Evidence) -> list[Scope]:
        """Return every independent dataset under the first protocol, then under the others."""
        datasets = independent_datasets(evidence.config.datasets)
        return [evidence.scope(dataset.id, protocol) for protocol in evidence.config.protocols for dataset in datasets]

    def findings(self, evidence: Evidence, scope: Scope) -> Sequence[Finding]:
        """Return a finding for each comparator and measure."""
        dataset, protocol = scope.dataset, scope.protocol
        evidence.require(dataset, protocol, self.involved_runs, converged=self.config.converged)
        return [
            finding
            for against in self.config.against
            for finding in self.findings_against(evidence, dataset, protocol, against)
        ]

    @property
    def involved_runs(self) -> list[str]:
        """All runs that the claim rests on."""
        return [self.config.run, *self.config.against]

    @abstractmethod
    def findings_against(self, evidence: Evidence, dataset: str, protocol: str, against: str) -> Sequence[Finding]:
        """Return what is found against one comparator."""
