"""As accurate as a comparator: two one-sided tests against a margin, on every metric that is named."""

from collections.abc import Sequence

from hydrarec.claims.base import Finding, Verdict
from hydrarec.claims.evidence import Evidence, Undecidable
from hydrarec.claims.runs import RunClaim
from hydrarec.config.hypotheses import EquivalentClaimConfig
from hydrarec.numbers import metric_title, p_statement, percent, percent_interval
from hydrarec.significance.equivalence import equivalence


class EquivalentClaim(RunClaim):
    """`kind: equivalent`. Refuted where the 1 - 2 alpha interval lies outside the margins altogether.

    Two models that learnt nothing are equivalent too. Therefore the data must be able to tell the comparator from runs
    that are known to be worse (`separates`); where they cannot, the claim is not decidable.
    """

    config: EquivalentClaimConfig

    @property
    def involved(self) -> list[str]:
        """The runs compared, and those that must be told apart."""
        return [self.config.run, *self.config.against, *self.config.separates]

    def against(self, evidence: Evidence, dataset: str, protocol: str, against: str) -> Sequence[Finding]:
        """Test one comparator on every metric."""
        for metric in self.config.metrics:
            self._require_separation(evidence, dataset, protocol, against, metric)
        return [self._on(evidence, dataset, protocol, against, metric) for metric in self.config.metrics]

    def _require_separation(self, evidence: Evidence, dataset: str, protocol: str, against: str, metric: str) -> None:
        for worse in self.config.separates:
            if evidence.difference(dataset, protocol, against, worse, metric).p_above(0) >= self.config.alpha:
                raise Undecidable(
                    f"these data do not tell {evidence.label(against)} from {evidence.label(worse)} on "
                    f"{metric_title(metric)}, so that equality would show nothing"
                )

    def _on(self, evidence: Evidence, dataset: str, protocol: str, against: str, metric: str) -> Finding:
        run, alpha, margin = self.config.run, self.config.alpha, self.config.margin
        base = evidence.mean(dataset, protocol, against, metric)
        if base <= 0:
            raise Undecidable(f"{evidence.label(against)} never hits, so there is nothing to be equivalent to")
        difference = evidence.difference(dataset, protocol, run, against, metric)
        found = equivalence(difference, base, margin, alpha)
        outside = found.low > found.margin or found.high < -found.margin
        equal = found.p_equivalent < alpha
        verdict: Verdict = (
            "equivalent"
            if equal
            else "superior"
            if difference.mean > 0 and difference.p < alpha
            else "inferior"
            if difference.p < alpha
            else "inconclusive"
        )
        size = [100 * value / base for value in (difference.mean, found.low, found.high)]
        sentence = (
            f"On {dataset} the {metric_title(metric)} of {evidence.label(run)} differs from that of "
            f"{evidence.label(against)} by {percent(size[0])} ({100 * (1 - 2 * alpha):g} % interval "
            f"{percent_interval(size[1], size[2])}; margin {100 * margin:g} %, {p_statement(found.p_equivalent)}; "
            f"they would be equivalent at a margin of {100 * found.attained:.1f} %)."
        )
        return Finding(
            run, metric, verdict, sentence, against, *size, p=found.p_equivalent, holds=equal, refutes=outside
        )
