"""In less time than every comparator: the logarithm of the ratio of times, matched by seed.

Processor seconds decide between runs on a CPU with equally many threads, the wall's clock elsewhere
(`hydrarec.comparison.clocks`). Times by the wall's clock on a machine that others used decide nothing. Memory and
energy are told beside the ratio of times and tested nowhere.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from hydrarec.claims.base import Finding, Verdict
from hydrarec.claims.evidence import Evidence, Undecidable
from hydrarec.claims.runs import RunClaim
from hydrarec.comparison.clocks import clock_column, clock_name, why_contended
from hydrarec.config.hypotheses import FasterClaimConfig
from hydrarec.formatting import p_statement
from hydrarec.significance.student import seed_mean

COLUMNS = {"epoch": "epoch_s", "inference": "infer_ms_per_user", "time_to_accuracy": "train_s"}
WORDS = {
    "epoch": "a training epoch",
    "inference": "ranking a user",
    "time_to_accuracy": "training until {share:g} % of the comparator's best validation NDCG@10",
}


class FasterClaim(RunClaim):
    """`kind: faster`. Refuted where the interval of the ratio lies above 1; by no training that never got there."""

    config: FasterClaimConfig

    def findings_against(self, evidence: Evidence, dataset: str, protocol: str, against: str) -> Sequence[Finding]:
        """Compare times with one comparator."""
        run, measure = self.config.run, self.config.measure
        own, other = matched_times(evidence, dataset, protocol, run, against)
        column = own_clock(own, other, COLUMNS[measure])
        if measure == "time_to_accuracy":
            ratios, censored = self._ratios_to_accuracy(evidence, dataset, protocol, against, list(own.index), column)
        else:
            ratios, censored = log_ratios(own[column], other[column]), []
        names = evidence.label(run), evidence.label(against)
        if censored:
            finding = self._censored_finding(ratios, censored, names, evidence.title(dataset), column)
        else:
            finding = self._ratio_finding(ratios, names, evidence.title(dataset), column)
        return [replace(finding, against=against, sentence=finding.sentence + cost_sentence(own, other, measure))]

    def _ratio_finding(self, ratios: np.ndarray, names: tuple[str, str], title: str, column: str) -> Finding:
        run, alpha, measure = self.config.run, self.config.alpha, self.config.measure
        found = seed_mean(ratios, alpha)
        size = [float(np.exp(value)) for value in (found.mean, found.low, found.high)]
        p = found.p_below(float(np.log(self.config.at_most)))
        verdict: Verdict = "superior" if p < alpha else "inferior" if size[1] > 1 else "inconclusive"
        sentence = (
            f"On {title} {WORDS[measure].format(share=100 * self.config.share)} takes {names[0]} {size[0]:.2f} "
            f"times as long as {names[1]} ({clock_name(column)}, {100 * (1 - alpha):g} % interval {size[1]:.2f} to "
            f"{size[2]:.2f}, {len(ratios)} seeds; below {self.config.at_most:g} with {p_statement(p)})."
        )
        return Finding(
            run, measure, verdict, sentence, None, *size, p=p, holds=verdict == "superior", refutes=size[1] > 1
        )

    def _censored_finding(
        self, ratios: np.ndarray, censored: list[int], names: tuple[str, str], title: str, column: str
    ) -> Finding:
        """Say how much longer it takes at least; nothing is decided.

        A training that never got there would have taken longer than it was run, nobody knows by how much. The mean of
        the logarithms can only grow by that, but their spread can grow faster: a single value that is large enough
        takes the lower end of the interval below 1, so that no interval is right and none refutes.
        """
        least = float(np.exp(ratios.mean()))
        sentence = (
            f"On {title} {names[0]} never reached {100 * self.config.share:g} % of {names[1]}'s best validation "
            f"NDCG@10 with seed {', '.join(map(str, censored))}. With its whole training counted there, the ratio "
            f"of times is at least {least:.2f} ({clock_name(column)}, {len(ratios)} seeds), which shows no "
            "advantage; by how much it is larger nobody knows, so that it has no interval."
        )
        return Finding(self.config.run, self.config.measure, "inconclusive", sentence, None, least, p=1.0)

    def _ratios_to_accuracy(
        self, evidence: Evidence, dataset: str, protocol: str, against: str, seeds: list[int], column: str
    ) -> tuple[np.ndarray, list[int]]:
        """Return the log-ratios, and the seeds with which the run never reached the accuracy; its whole time counts."""
        ratios, censored = [], []
        for seed in seeds:
            own = evidence.history(dataset, protocol, self.config.run, seed)
            other = evidence.history(dataset, protocol, against, seed)
            goal = self.config.share * other["validation_ndcg10"].max()
            if goal == 0:
                raise Undecidable(
                    f"{against} never hits in validation with seed {seed}, which everybody reaches at once"
                )
            seconds = [_seconds_to(goal, history, column) for history in (own, other)]
            if seconds[0] is None:
                censored.append(seed)
                seconds[0] = float(own[column].iloc[-1])
            if not all(one is not None and one > 0 for one in seconds):
                raise Undecidable("times are absent")
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


def own_clock(own: pd.DataFrame, other: pd.DataFrame, column: str) -> str:
    """Return the column that decides.

    Raises
    ------
    Undecidable
        If it is the wall's clock, and others used the machine.
    """
    both = pd.concat([own, other]).reset_index()
    found = clock_column(both, column)
    if spoilt := why_contended(both, found):
        raise Undecidable(
            f"the machine was shared, and times by the wall clock hold waiting ({spoilt}); processor seconds of both "
            "sides, on a CPU with equally many threads, would do"
        )
    return found


def cost_sentence(own: pd.DataFrame, other: pd.DataFrame, measure: str) -> str:
    """Return a sentence with the ratios of memory and energy over matched seeds, as far as both sides have them."""
    on_gpu = own["peak_gpu_mib"].notna().all() and other["peak_gpu_mib"].notna().all()
    memory = "peak_gpu_mib" if on_gpu else "peak_memory_mib"
    told = []
    if measure != "inference" and (ratio := _mean_ratio(own[memory], other[memory])) is not None:
        told.append(f"{ratio:.2f} times the {'GPU' if on_gpu else 'resident'} memory")
    joules = [t["test_j"] if measure == "inference" else t["train_j"] / t["epochs"] for t in (own, other)]
    if (ratio := _mean_ratio(*joules)) is not None:
        told.append(f"{ratio:.2f} times the GPU's energy" + ("" if measure == "inference" else " an epoch"))
    return f" Beside it, not tested: {' and '.join(told)}." if told else ""


def _mean_ratio(own: "pd.Series[float]", other: "pd.Series[float]") -> float | None:
    """Return the geometric mean of matched ratios; None unless all are there."""
    values: Any = np.stack([own.to_numpy(dtype=float), other.to_numpy(dtype=float)])
    return float(np.exp(np.log(values[0] / values[1]).mean())) if (values > 0).all() else None


def log_ratios(own: "pd.Series[float]", other: "pd.Series[float]") -> np.ndarray:
    """Return the logarithms of the ratios; refuses times that are absent or 0."""
    values: Any = np.stack([own.to_numpy(dtype=float), other.to_numpy(dtype=float)])
    if not (values > 0).all():
        raise Undecidable("times are absent")
    return np.log(values[0] / values[1])


def _seconds_to(goal: float, history: pd.DataFrame, column: str) -> float | None:
    there = history[history["validation_ndcg10"] >= goal]
    return float(there[column].iloc[0]) if len(there) else None
