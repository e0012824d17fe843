"""As accurate as a comparator: two one-sided tests against a margin, on every metric that is named."""

import math
from collections.abc import Sequence

from hydrarec.claims.base import Finding, Verdict
from hydrarec.claims.evidence import Evidence, Undecidable
from hydrarec.claims.runs import RunClaim
from hydrarec.config.hypotheses import EquivalentClaimConfig
from hydrarec.formatting import metric_title, p_statement, percent, percent_interval
from hydrarec.significance.equivalence import Equivalence, equivalence
from hydrarec.significance.estimate import Estimate
from hydrarec.significance.power import provable_margin


class EquivalentClaim(RunClaim):
    """`kind: equivalent`. Refuted where the 1 - 2 alpha interval lies outside the margins altogether.

    The interval is of the ratio to the comparator; a run that never hits has none, and its difference is tested.

    Two models that learnt nothing are equivalent too. Therefore the same test must tell the comparator from runs that
    are known to be worse (`separates`): they are below it, and not equivalent. Where it does not, the claim is not
    decidable. Where a third run beats both (`flag_if_beaten_by`), a remark says so.
    """

    config: EquivalentClaimConfig

    @property
    def involved_runs(self) -> list[str]:
        """The runs compared, and those that must be told apart."""
        return [self.config.run, *self.config.against, *self.config.separates]

    def findings_against(self, evidence: Evidence, dataset: str, protocol: str, against: str) -> Sequence[Finding]:
        """Test one comparator on every metric."""
        for metric in self.config.metrics:
            self._require_separation(evidence, dataset, protocol, against, metric)
        return [self._finding_on(evidence, dataset, protocol, against, metric) for metric in self.config.metrics]

    def _require_separation(self, evidence: Evidence, dataset: str, protocol: str, against: str, metric: str) -> None:
        if evidence.mean(dataset, protocol, against, metric) <= 0:
            raise Undecidable(f"{evidence.label(against)} never hits, so there is nothing to be equivalent to")
        for worse in self.config.separates:
            difference = evidence.difference(dataset, protocol, worse, against, metric)
            names = f"{evidence.label(against)} from {evidence.label(worse)} on {metric_title(metric)}"
            if difference.p_below(0) >= self.config.alpha:
                raise Undecidable(f"these data do not tell {names}, so that equality would show nothing")
            # With very many users both can be shown at once: that a run is worse, and that it is so by a trifle.
            if self._is_equivalent(evidence, dataset, protocol, worse, against, metric):
                raise Undecidable(
                    f"a margin of {100 * self.config.margin:g} % does not tell {names}, so that equality would show "
                    "nothing"
                )

    def _is_equivalent(
        self, evidence: Evidence, dataset: str, protocol: str, run: str, against: str, metric: str
    ) -> bool:
        """Return whether a run that may never hit is equivalent to the comparator."""
        if evidence.mean(dataset, protocol, run, metric) <= 0:
            return False
        log_ratio = evidence.log_ratio(dataset, protocol, run, against, metric)
        return equivalence(log_ratio, self.config.margin, self.config.alpha).p_equivalent < self.config.alpha

    def _remark(self, evidence: Evidence, dataset: str, protocol: str, against: str, metric: str) -> str | None:
        """Say which runs beat both, each at the unadjusted level, and of which that is not known."""
        said: list[str] = []
        for third in self.config.flag_if_beaten_by:
            name = evidence.label(third)
            try:
                evidence.require(dataset, protocol, [third], converged=False)
                ahead = [
                    evidence.difference(dataset, protocol, third, other, metric).p_above(0) < self.config.alpha
                    for other in (self.config.run, against)
                ]
            except Undecidable as reason:
                said.append(f"whether {name} is more accurate than both is not known ({reason})")
            else:
                said += [f"{name} is more accurate than both"] * all(ahead)
        return "; ".join(said) or None

    def _finding_on(self, evidence: Evidence, dataset: str, protocol: str, against: str, metric: str) -> Finding:
        run, alpha, margin = self.config.run, self.config.alpha, self.config.margin
        difference = evidence.difference(dataset, protocol, run, against, metric)
        if evidence.mean(dataset, protocol, run, metric) > 0:
            log_ratio = evidence.log_ratio(dataset, protocol, run, against, metric)
            found, relative = equivalence(log_ratio, margin, alpha), math.expm1(log_ratio.mean)
            detectable = math.expm1(provable_margin(log_ratio, alpha))
        else:
            base = evidence.mean(dataset, protocol, against, metric)
            found, relative = _equivalence_without_hits(difference, base, margin, alpha), -1.0
            detectable = provable_margin(difference, alpha) / base
        outside = found.low > margin or found.high < -margin
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
        size = [100 * value for value in (relative, found.low, found.high)]
        sentence = (
            f"On {evidence.title(dataset)} the {metric_title(metric)} of {evidence.label(run)} differs from that of "
            f"{evidence.label(against)} by {percent(size[0])} ({100 * (1 - 2 * alpha):g} % interval "
            f"{percent_interval(size[1], size[2])}; margin {100 * margin:g} %, {p_statement(found.p_equivalent)}; "
            f"they would be equivalent at a margin of {100 * found.attained:.1f} %)."
        )
        remark = self._remark(evidence, dataset, protocol, against, metric) if equal else None
        if remark:
            sentence += f" But {remark}."
        return Finding(
            run,
            metric,
            verdict,
            sentence,
            against,
            *size,
            p=found.p_equivalent,
            holds=equal,
            refutes=outside,
            detectable=100 * detectable,
            remark=remark,
        )


def _equivalence_without_hits(difference: Estimate, base: float, margin: float, alpha: float) -> Equivalence:
    """Hold the difference of a run that never hits against the margin, for want of a ratio; `base`: comparator's mean.

    The margin is a fraction of `base`, which is taken as it is.
    """
    # The difference is minus the comparator's mean, so that of difference + margin x mean the error would be 1 - margin
    # times as large: this errs on the side of not refuting.
    reach = difference.reach(2 * alpha)
    # No run is further below than that.
    low, high = max((difference.mean - reach) / base, -1.0), (difference.mean + reach) / base
    above, below = difference.p_above(-margin * base), difference.p_below(margin * base)
    return Equivalence(low, high, max(above, below), above, max(abs(low), abs(high)))
