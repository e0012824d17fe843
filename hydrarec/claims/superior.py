"""More accurate than every comparator: one-sided crossed tests over users and seeds."""

from collections.abc import Sequence

from hydrarec.claims.base import Finding, Verdict
from hydrarec.claims.evidence import Evidence
from hydrarec.claims.runs import RunClaim
from hydrarec.config.hypotheses import SuperiorClaimConfig
from hydrarec.formatting import metric_title, p_statement, percent, percent_interval, signed, signed_interval
from hydrarec.significance.estimate import ratio_interval
from hydrarec.significance.power import detectable_difference


class SuperiorClaim(RunClaim):
    """`kind: superior`. Refuted where the two-sided interval lies below 0 for some comparator.

    References
    ----------
    Berger 1982 for the largest p-value of several comparators (intersection-union test).
    """

    config: SuperiorClaimConfig

    def findings_against(self, evidence: Evidence, dataset: str, protocol: str, against: str) -> Sequence[Finding]:
        """Test one comparator."""
        run, metric, alpha = self.config.run, self.config.metric, self.config.alpha
        difference = evidence.difference(dataset, protocol, run, against, metric)
        base = evidence.mean(dataset, protocol, against, metric)
        reach = difference.reach(alpha)
        low, high = difference.mean - reach, difference.mean + reach
        p = difference.p_above(0)
        verdict: Verdict = "superior" if p < alpha else "inferior" if high < 0 else "inconclusive"
        size = [100 * value / base if base > 0 else float("nan") for value in (difference.mean, low, high)]
        if base > 0 and evidence.mean(dataset, protocol, run, metric) > 0:
            # As in the table of contrasts: the reference's own error counts too.
            bounds = ratio_interval(evidence.log_ratio(dataset, protocol, run, against, metric), alpha)
            size[1:] = [100 * bound for bound in bounds]
        sentence = (
            f"On {evidence.title(dataset)} the {metric_title(metric)} of {evidence.label(run)} differs from that of "
            f"{evidence.label(against)} by {signed(difference.mean)} ({100 * (1 - alpha):g} % interval "
            f"{signed_interval(low, high)}, one-sided {p_statement(p)}); in per cent {percent(size[0])} "
            f"({percent_interval(size[1], size[2])})."
        )
        return [
            Finding(
                run,
                metric,
                verdict,
                sentence,
                against,
                *size,
                p=p,
                holds=verdict == "superior",
                refutes=high < 0,
                detectable=100 * detectable_difference(difference, alpha) / base if base > 0 else None,
            )
        ]
