"""The tables that claims are decided on, and the conditions under which nothing may be decided on them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hydrarec.claims.places import Scope
from hydrarec.columns import HISTORY, LEADERBOARD, PAIRS, RUNS, SCALING, TIMES
from hydrarec.comparison import Gate, read_gates
from hydrarec.comparison.compatibility import refuse_other_tables
from hydrarec.comparison.measurements import read_measurements
from hydrarec.config import BenchmarkConfig
from hydrarec.config.bands import Band
from hydrarec.config.hypotheses import Hypotheses
from hydrarec.config.runs import BaselineRun
from hydrarec.config.titles import scope_names, short_names
from hydrarec.files import read_json
from hydrarec.formatting import metric_title, score
from hydrarec.layout import COLLECTED, CONTRASTED, card_file, run_folder
from hydrarec.significance.estimate import Estimate
from hydrarec.significance.pairs import PairVariances
from hydrarec.tables import read_table


class Undecidable(Exception):  # noqa: N818 - nothing went wrong: the answer is that there is none
    """A claim cannot be decided in a scope; the message is the reason, without its full stop."""


@dataclass(frozen=True)
class Evidence:
    """What a comparison found, asked for by scope."""

    config: BenchmarkConfig
    hypotheses: Hypotheses
    results: Path
    pairs: pd.DataFrame
    leaders: pd.DataFrame
    """Rows of the group `all`."""
    times: pd.DataFrame
    gates: list[Gate]
    scaling: dict[str, pd.DataFrame]
    """By device, as the configuration names it."""
    devices: Mapping[str, str] = field(default_factory=dict[str, str])
    """What these devices are."""
    unfinished: Mapping[tuple[str, str, str], str] = field(default_factory=dict[tuple[str, str, str], str])
    """By dataset, protocol and run, what became of its seeds that are not finished."""

    @cached_property
    def _titles(self) -> dict[str, str]:
        return short_names(self.config)

    @cached_property
    def _scope_names(self) -> dict[tuple[str, str], str]:
        return scope_names(self.config)

    def label(self, run: str) -> str:
        """Return a run's name in sentences."""
        return self.config.label(run)

    def title(self, dataset: str) -> str:
        """Return a data set's name in sentences."""
        return self._titles[dataset]

    def scope(self, dataset: str, protocol: str) -> Scope:
        """Return a data set under a protocol."""
        return Scope(dataset, protocol, self._scope_names[dataset, protocol])

    def mean(self, dataset: str, protocol: str, run: str, metric: str) -> float:
        """Return a run's mean."""
        rows = _select(self.leaders, dataset, protocol, run=run, metric=metric)
        if rows.empty:
            raise Undecidable(f"{self.label(run)} has no {metric_title(metric)} there")
        return float(rows["mean"].iloc[0])

    def difference(self, dataset: str, protocol: str, run: str, against: str, metric: str) -> Estimate:
        """Return how much a run differs from another one, users and seeds matched.

        Raises
        ------
        Undecidable
            If they were not compared, or with one seed only, so that nothing is known of the spread over seeds.
        """
        row, sign = self._pair(dataset, protocol, run, against, metric)
        return _estimate(sign * float(row["difference"]), row, "")

    def log_ratio(self, dataset: str, protocol: str, run: str, against: str, metric: str) -> Estimate:
        """Return the logarithm of a run's mean over another one's, users and seeds matched.

        Raises
        ------
        Undecidable
            As `difference`, and if one of the two never hits.
        """
        row, sign = self._pair(dataset, protocol, run, against, metric)
        for name in (run, against):
            if self.mean(dataset, protocol, name, metric) <= 0:
                raise Undecidable(f"{self.label(name)} never hits, so that there is no ratio to it")
        relative = sign * float(row["difference"]) / self.mean(dataset, protocol, against, metric)
        return _estimate(math.log1p(relative), row, "ratio_")

    def _pair(self, dataset: str, protocol: str, run: str, against: str, metric: str) -> tuple[pd.Series, int]:
        """Return the row of a pair, and -1 if it stands there the other way round."""
        if len(self.config.seeds) == 1 and not self.config.is_deterministic(run, against):
            raise Undecidable("one seed says nothing about the spread over seeds; two or more are needed")
        for one, other, sign in ((run, against, 1), (against, run, -1)):
            rows = _select(self.pairs, dataset, protocol, run=one, other=other, metric=metric)
            if len(rows):
                return rows.iloc[0], sign
        paired = " and ".join(map(metric_title, sorted(set(self.pairs["metric"])))) or "no metric"
        raise Undecidable(
            f"{self.label(run)} and {self.label(against)} were not compared on {metric_title(metric)}; pairs are "
            f"compared on {paired}"
        )

    def card(self, dataset: str) -> dict[str, Any]:
        """Return a data card."""
        path = card_file(self.results, dataset)
        if not path.is_file():
            raise Undecidable(f"{self.title(dataset)} has no data card")
        return read_json(path)

    def times_of(self, dataset: str, protocol: str, run: str) -> pd.DataFrame:
        """Return a run's rows of the times, by seed."""
        return _select(self.times, dataset, protocol, run=run).set_index("seed")

    def history(self, dataset: str, protocol: str, run: str, seed: int) -> pd.DataFrame:
        """Return a training's epochs."""
        path = run_folder(self.results, dataset, protocol, run, seed) / "history.parquet"
        if not path.is_file():
            raise Undecidable(f"{self.label(run)} has no training history; it is not trained in epochs here")
        return read_table(path, HISTORY)

    def require(self, dataset: str, protocol: str, runs: list[str], *, converged: bool) -> None:
        """Let pass only what a claim about these runs may rest on.

        Raises
        ------
        Undecidable
            If a run is not configured or not finished, a check failed, a training was cut off (if `converged` is asked
            for), or a run misses what others have published of it.
        """
        for run in runs:
            self._require_run(dataset, protocol, run)
        for gate in self.gates:
            # Of no single run: what is true of all of them, such as versions that are mixed.
            of_these = gate.control or gate.run in ("", *runs)
            if gate.dataset in ("", dataset) and gate.protocol in ("", protocol) and of_these:
                if gate.status == "red":
                    raise Undecidable(f"a check failed: {gate.sentence.rstrip('.')}")
                if converged and gate.name == "converged" and gate.status != "green":
                    raise Undecidable(
                        f"{self.label(gate.run)} is not trained to the end: {_lower_first_letter(gate.sentence)}"
                    )
        for band in self.hypotheses.known_bands:
            if band.dataset == dataset and band.run in runs and protocol == "loo":
                self._require_band(band, protocol)

    def _require_run(self, dataset: str, protocol: str, run: str) -> None:
        if run not in self.config.run_ids:
            raise Undecidable(f"the comparison has no run {run}")
        entry = self.config.run(run)
        if isinstance(entry, BaselineRun) and entry.control is not None:
            raise Undecidable(f"{self.label(run)} is a control and competes with nobody")
        found = set(_select(self.leaders, dataset, protocol, run=run)["run"])
        if not found:
            said = self.unfinished.get((dataset, protocol, run))
            raise Undecidable(f"{self.label(run)} is not finished" + (f" ({said})" if said else ""))

    def _require_band(self, band: Band, protocol: str) -> None:
        found = self.mean(band.dataset, protocol, band.run, band.metric)
        if found < band.value * (1 - band.tolerance):
            raise Undecidable(
                f"{self.label(band.run)} reaches {metric_title(band.metric)} {score(found)}, more than "
                f"{100 * band.tolerance:g} % below the {score(band.value)} of {band.source}"
            )


def read_evidence(config: BenchmarkConfig, hypotheses: Hypotheses, results: Path, comparison: Path) -> Evidence:
    """Read the tables of a comparison.

    Raises
    ------
    FileNotFoundError
        If one is absent; the efficiency tables may be.
    ValueError
        If one is not what it must be, or was made with other settings than the configuration's.
    """
    refuse_other_tables(config, comparison, COLLECTED, CONTRASTED)
    leaders = read_table(comparison / "leaderboard.parquet", LEADERBOARD)
    measured = list(read_measurements(config, results, complete=False))
    return Evidence(
        config=config,
        hypotheses=hypotheses,
        results=results,
        pairs=read_table(comparison / "pairs.parquet", PAIRS),
        leaders=leaders[leaders["group"] == "all"],
        times=read_table(comparison / "times.parquet", TIMES),
        gates=read_gates(comparison),
        scaling={found.device: read_table(found.folder / "scaling.parquet", SCALING) for found in measured},
        devices={found.device: found.title for found in measured},
        unfinished=_unfinished_seeds(comparison / "runs.parquet"),
    )


def _unfinished_seeds(path: Path) -> dict[tuple[str, str, str], str]:
    """Say of every run that is not finished what became of its seeds."""
    runs = read_table(path, RUNS)
    left = runs[runs["status"] != "finished"].groupby(["dataset", "protocol", "run"], sort=False)
    return {key: ", ".join(f"seed {row.seed} {row.status}" for row in rows.itertuples()) for key, rows in left}


def _estimate(mean: float, row: pd.Series, prefix: str) -> Estimate:
    """Make an estimate of the parts that a row of the pairs holds of its variance."""
    columns = ("variance_users", "variance_residual", "variance_seed_means", "counted_by_seeds", "counted_by_runs")
    users, *of_seeds = (float(row[f"{prefix}{column}"]) for column in columns)
    # With one seed nothing is known of seeds.
    known = (None if math.isnan(part) else part for part in of_seeds)
    variances = PairVariances(users, *known, runs_df=float(row[f"{prefix}runs_df"]))
    parts = variances.parts(int(row["n_users"]), int(row["n_seeds"]))
    return Estimate(mean, float(variances.standard_error), tuple((float(np.asarray(part)), df) for part, df in parts))


def _select(table: pd.DataFrame, dataset: str, protocol: str, **wanted: Any) -> pd.DataFrame:
    rows = (table["dataset"] == dataset) & (table["protocol"] == protocol)
    for column, value in wanted.items():
        rows &= table[column] == value
    return table[rows]


def _lower_first_letter(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:].rstrip(".")
