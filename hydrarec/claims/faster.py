"""In less time than every comparator: the logarithm of the ratio of times, matched by seed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from hydrarec.claims.base import Finding, Verdict
from hydrarec.claims.evidence import Evidence, Undecidable
from hydrarec.claims.ratios import seed_mean
from hydrarec.claims.runs import RunClaim
from hydrarec.config.hypotheses import FasterClaimConfig
from hydrarec.numbers import p_statement

COLUMNS = {"epoch": "epoch_s", "inference": "infer_ms_per_user"}
WORDS = {
    "epoch": "a training epoch",
    "inference": "ranking a user",
    "time_to_accuracy": "training until {share:g} % of the comparator's best validation NDCG@10",
}


class FasterClaim(RunClaim):
    """`kind: faster`. Refuted where the interval of the ratio lies above 1."""

    config: FasterClaimConfig

    def against(self, evidence: Evidence, dataset: str, protocol: str, against: str) -> Sequence[Finding]:
        """Compare times with one comparator."""
        run, alpha, measure = self.config.run, self.config.alpha, self.config.measure
        own, other = matched_times(evidence, dataset, protocol, run, against)
        if measure == "time_to_accuracy":
            ratios, censored = self._to_accuracy(evidence, dataset, protocol, against, list(own.index))
        else:
            ratios, censored = log_ratios(own[COLUMNS[measure]], other[COLUMNS[measure]]), []
        found = seed_mean(ratios, alpha)
        size = [float(np.exp(value)) for value in (found.mean, found.low, found.high)]
        # A training that never got there took longer than it was run: the ratio is larger than what is seen.
        p = 1.0 if censored else found.p_below(float(np.log(self.config.at_most)))
        verdict: Verdict = "superior" if p < alpha else "inferior" if size[1] > 1 else "inconclusive"
        interval = f"{100 * (1 - alpha):g} % interval {size[1]:.2f} to {size[2]:.2f}, {len(ratios)} seeds"
        names = evidence.label(run), evidence.label(against)
        if censored:
            sentence = (
                f"On {dataset} {names[0]} never reached {100 * self.config.share:g} % of {names[1]}'s best validation "
                f"NDCG@10 with seed {', '.join(map(str, censored))}. With its whole training counted there, the ratio "
                f"of times is {size[0]:.2f} ({interval}), which is a lower bound and shows no advantage."
            )
        else:
            sentence = (
                f"On {dataset} {WORDS[measure].format(share=100 * self.config.share)} takes {names[0]} {size[0]:.2f} "
                f"times as long as {names[1]} ({interval}; below {self.config.at_most:g} with {p_statement(p)})."
            )
        return [
            Finding(
                run, measure, verdict, sentence, against, *size, p=p, holds=verdict == "superior", refutes=size[1] > 1
            )
        ]

    def _to_accuracy(
        self, evidence: Evidence, dataset: str, protocol: str, against: str, seeds: list[int]
    ) -> tuple[np.ndarray, list[int]]:
        """Return the log-ratios, and the seeds with which the run never reached the accuracy; its whole time counts."""
        ratios, censored = [], []
        for seed in seeds:
            own = evidence.history(dataset, protocol, self.config.run, seed)
            other = evidence.history(dataset, protocol, against, seed)
            goal = self.config.share * other["validation_ndcg10"].max()
            seconds = [_seconds_to(goal, history) for history in (own, other)]
            if seconds[0] is None:
                censored.append(seed)
                seconds[0] = float(own["train_s"].iloc[-1])
            ratios.append(np.log(seconds[0] / seconds[1]))
        return np.array(ratios), censored


def matched_times(
    evidence: Evidence, dataset: str, protocol: str, run: str, against: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the times of two runs with the same seeds.

    Raises
    ------
    Undecidable
        If there are fewer than two seeds, times of shared GPUs, or several machines.
    """
    own, other = (evidence.times_of(dataset, protocol, name) for name in (run, against))
    seeds = own.index.intersection(other.index)
    if len(seeds) < 2:
        raise Undecidable("times of one seed say nothing about their spread; two or more are needed")
    own, other = own.loc[seeds], other.loc[seeds]
    if (shared := pd.concat([own, other])["runs_per_gpu"] > 1).any():
        raise Undecidable(f"{shared.sum()} of the trainings shared their GPU with others")
    refuse_machines(pd.concat([own, other]))
    return own, other


def refuse_machines(times: pd.DataFrame) -> None:
    """Let times pass only if they are of one machine.

    Raises
    ------
    Undecidable
        If they are of several.
    """
    machines = sorted({f"{row.host} ({row.device})" for row in times.itertuples()})
    if len(machines) > 1:
        raise Undecidable(f"the times come from different machines: {', '.join(machines)}")


def log_ratios(own: "pd.Series[float]", other: "pd.Series[float]") -> np.ndarray:
    """Return the logarithms of the ratios; refuses times that are absent or 0."""
    values: Any = np.stack([own.to_numpy(dtype=float), other.to_numpy(dtype=float)])
    if not (values > 0).all():
        raise Undecidable("times are absent")
    return np.log(values[0] / values[1])


def _seconds_to(goal: float, history: pd.DataFrame) -> float | None:
    there = history[history["validation_ndcg10"] >= goal]
    return float(there["train_s"].iloc[0]) if len(there) else None
