"""An advantage in time that grows: with the epochs (here), or with sparser data (`hydrarec/claims/density.py`).

The seconds saved grow with every epoch whatever the operators are, and are not the claim. What must grow is the ratio:
the slope of log(cumulative seconds of the run / of the comparator) on log(epochs), one for each matched seed. Both are
counted from the end of the first epoch, whose seconds are of another kind: what is loaded and allocated once would
weigh less with every epoch, and make a slope where all epochs are alike.
"""

from collections.abc import Sequence

import numpy as np

from hydrarec.claims.base import Finding, Verdict
from hydrarec.claims.density import density_findings, density_scopes
from hydrarec.claims.evidence import Evidence, Undecidable
from hydrarec.claims.faster import matched_times, own_clock
from hydrarec.claims.places import Scope
from hydrarec.claims.runs import RunClaim
from hydrarec.comparison.clocks import clock_name
from hydrarec.config.hypotheses import TrendClaimConfig
from hydrarec.formatting import p_statement, signed
from hydrarec.significance.student import seed_mean

LEAST_EPOCHS = 6
"""Epochs that both trainings must have for a slope to be read."""


class TrendClaim(RunClaim):
    """`kind: trend`. Refuted where the slope's interval lies above 0, over density below 0."""

    config: TrendClaimConfig

    def scopes(self, evidence: Evidence) -> list[Scope]:
        """Return every dataset under every protocol, over density every catalogue."""
        return density_scopes(evidence) if self.config.over == "density" else super().scopes(evidence)

    def findings(self, evidence: Evidence, scope: Scope) -> Sequence[Finding]:
        """Return a finding for each comparator."""
        if self.config.over == "density":
            return density_findings(self.config, evidence, scope)
        return super().findings(evidence, scope)

    def findings_against(self, evidence: Evidence, dataset: str, protocol: str, against: str) -> Sequence[Finding]:
        """Fit the slope over epochs against one comparator."""
        run, alpha = self.config.run, self.config.alpha
        own, other = matched_times(evidence, dataset, protocol, run, against)
        column = own_clock(own, other, "train_s")
        slopes = np.array([self._slope(evidence, dataset, protocol, against, int(seed), column) for seed in own.index])
        found = seed_mean(slopes, alpha)
        p = found.p_below(0.0)
        verdict: Verdict = "superior" if p < alpha else "inferior" if found.low > 0 else "inconclusive"
        spread = f"{100 * (1 - alpha):g} % interval {signed(found.low, 3)} to {signed(found.high, 3)}"
        sentence = (
            f"On {evidence.title(dataset)} the ratio of {evidence.label(run)}'s training time to that of "
            f"{evidence.label(against)} changes with the number of epochs to the power {signed(found.mean, 3)} "
            f"({clock_name(column)}, {spread}, {len(slopes)} seeds, one-sided {p_statement(p)})."
        )
        return [
            Finding(
                run, "slope", verdict, sentence, against, found.mean, found.low, found.high,
                p=p, holds=verdict == "superior", refutes=found.low > 0,
            )
        ]  # fmt: skip

    def _slope(self, evidence: Evidence, dataset: str, protocol: str, against: str, seed: int, column: str) -> float:
        histories = [evidence.history(dataset, protocol, name, seed) for name in (self.config.run, against)]
        epochs = min(map(len, histories))
        if epochs < LEAST_EPOCHS:
            raise Undecidable(f"a slope over epochs needs {LEAST_EPOCHS} of them, and there are {epochs}")
        seconds = [history[column].to_numpy(dtype=float)[:epochs] for history in histories]
        if not all((np.diff(values, prepend=0.0) > 0).all() for values in seconds):
            raise Undecidable("times are absent")
        own, other = (values[1:] - values[0] for values in seconds)
        return float(np.polyfit(np.log(np.arange(1, epochs)), np.log(own / other), 1)[0])
