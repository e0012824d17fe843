"""Everything a report is made of, read once."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from hydrarec.columns import (
    AGREEMENT,
    BEYOND,
    CLAIMS,
    CLOCKS,
    COMPARISON,
    HISTORY,
    LEADERBOARD,
    METRICS,
    ORDERS,
    PAIRS,
    PLACES,
    RUNS,
    SENSITIVITY,
    TIMES,
    VERDICTS,
)
from hydrarec.comparison import Gate, read_gates
from hydrarec.comparison.compatibility import refuse_other_tables
from hydrarec.comparison.measurements import read_measurements
from hydrarec.comparison.runs import find_finished, require_complete
from hydrarec.config import BenchmarkConfig
from hydrarec.config.titles import protocol_name, short_names
from hydrarec.files import read_json
from hydrarec.layout import ANALYSED, COLLECTED, CONTRASTED, DECIDED, card_file, split_folder
from hydrarec.provenance import code_of
from hydrarec.report.measured import Measured, read_measured
from hydrarec.report.style import RunStyle, run_styles
from hydrarec.run_seeds import RunSeed
from hydrarec.tables import read_table


@dataclass(frozen=True)
class Scope:
    """A dataset under a protocol: the unit within which results may be compared."""

    dataset: str
    protocol: str
    title: str
    """Name of the dataset for humans."""
    short: str = ""
    """The same where there is little room; the title if empty."""

    @property
    def protocol_name(self) -> str:
        """The protocol's name in words."""
        return protocol_name(self.protocol)

    @property
    def name(self) -> str:
        """Its name in captions."""
        return f"{self.short or self.title}, {self.protocol_name}"

    @property
    def anchor(self) -> str:
        """Its name in links and file names."""
        return f"{self.dataset}-{self.protocol}"

    def of(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of a table that belong to it."""
        return table[(table["dataset"] == self.dataset) & (table["protocol"] == self.protocol)]


@dataclass(frozen=True)
class Inputs:
    """The tables of a comparison and what its runs and datasets say of themselves."""

    config: BenchmarkConfig
    address: Path
    """Where the folder of results lies, seen from the report."""
    metrics: pd.DataFrame
    leaders: pd.DataFrame
    comparison: pd.DataFrame
    pairs: pd.DataFrame
    places: pd.DataFrame
    times: pd.DataFrame
    sensitivity: pd.DataFrame
    agreement: pd.DataFrame
    orders: pd.DataFrame
    """`ORDERS`; empty where no data set has other orders of ties beside it."""
    beyond: pd.DataFrame
    gates: list[Gate]
    histories: dict[RunSeed, pd.DataFrame]
    """Training histories, in the order of the configuration; only trained runs have one."""
    manifests: list[tuple[RunSeed, dict[str, Any]]]
    codes: list[list[dict[str, Any]]]
    """Of each of these runs what `code_of` says."""
    cards: dict[str, dict[str, Any]]
    """`card.json` by dataset."""
    splits: dict[tuple[str, str], dict[str, Any]]
    """`split.json` by dataset and protocol."""
    measured: list[Measured]
    """By device; empty where the configuration asks for no measurements."""
    runs: pd.DataFrame
    """What became of every run: `RUNS`."""
    claims: pd.DataFrame | None
    """`CLAIMS`; None where nothing was claimed."""
    verdicts: pd.DataFrame | None
    """`VERDICTS`: the claims scope by scope."""

    @cached_property
    def styles(self) -> dict[str, RunStyle]:
        """What every run is called and looks like, by id."""
        return run_styles(self.config)

    @property
    def reference(self) -> RunStyle:
        """The run that differences are from."""
        return self.styles[self.config.evaluation.reference]

    @property
    def scopes(self) -> list[Scope]:
        """Datasets and protocols with a run that competes, in the order of the configuration."""
        short = short_names(self.config)
        every = [Scope(d.id, p, d.title, short[d.id]) for d in self.config.datasets for p in self.config.protocols]
        return [scope for scope in every if self.contest(scope)]

    @property
    def primary(self) -> str:
        """Metric that everything is sorted by."""
        return self.config.evaluation.primary_metric

    @property
    def secondary(self) -> str:
        """Hit rate of the same length, shown beside it."""
        return f"hr@{self.config.evaluation.primary_cutoff}"

    @property
    def coverage(self) -> str:
        """What intervals cover, such as `95 %`."""
        return f"{100 * (1 - self.config.evaluation.alpha):g}\u202f%"

    @property
    def tables(self) -> dict[str, tuple[pd.DataFrame, pa.Schema]]:
        """All tables of results with their schemas, by name."""
        found = {
            "leaderboard": (self.leaders, LEADERBOARD),
            "metrics": (self.metrics, METRICS),
            "comparison": (self.comparison, COMPARISON),
            "pairs": (self.pairs, PAIRS),
            "places": (self.places, PLACES),
            "times": (self.times, TIMES),
            "runs": (self.runs, RUNS),
            "sensitivity": (self.sensitivity, SENSITIVITY),
            "agreement": (self.agreement, AGREEMENT),
            "beyond": (self.beyond, BEYOND),
        }
        if len(self.orders):
            found["orders"] = self.orders, ORDERS
        if self.claims is not None and self.verdicts is not None:
            found |= {"claims": (self.claims, CLAIMS), "verdicts": (self.verdicts, VERDICTS)}
        for measured in self.measured:
            found |= measured.tables
        return found

    @property
    def unfinished(self) -> pd.DataFrame:
        """The rows of `runs` that are not finished."""
        return self.runs[self.runs["status"] != "finished"]

    def contest(self, scope: Scope) -> list[str]:
        """Return the ids of a scope's finished runs that compete: neither controls nor the best possible scorer."""
        there = set(scope.of(self.leaders)["run"])
        return [run for run in self.config.competing if run in there]

    def histories_of(self, scope: Scope, run: str) -> list[pd.DataFrame]:
        """Return the training histories of a run's seeds in a scope."""
        key = scope.dataset, scope.protocol, run
        return [table for one, table in self.histories.items() if (one.dataset, one.protocol, one.run) == key]

    def leaderboard(self, scope: Scope, metric: str, group: str = "all") -> pd.DataFrame:
        """Return a scope's leaderboard rows of one metric and group, by run id."""
        table = scope.of(self.leaders)
        return table[(table["metric"] == metric) & (table["group"] == group)].set_index("run")

    def contrasts(self, scope: Scope, metric: str) -> pd.DataFrame:
        """Return a scope's comparison rows of one metric, by run id."""
        table = scope.of(self.comparison)
        return table[table["metric"] == metric].set_index("run")

    def other_orders(self, scope: Scope, metric: str) -> pd.DataFrame:
        """Return what other orders of ties change in a scope's contrasts of one metric, by run id."""
        table = scope.of(self.orders)
        return table[table["metric"] == metric].set_index("run")


def read_inputs(
    config: BenchmarkConfig, results: Path, comparison: Path, report: Path = Path(), *, partial: bool = False
) -> Inputs:
    """Read what a report needs.

    Parameters
    ----------
    config
        The comparison.
    results
        Folder of everything computed.
    comparison
        Folder of the tables.
    report
        Folder that the report is written to, which links start from.
    partial
        Whether what is absent is left out even where all runs are finished.

    Raises
    ------
    FileNotFoundError
        If a table is absent, or a file of a run unless the report is partial.
    ValueError
        If a file does not hold what it must; unless the report is partial, also if runs or tables are not of the
        configuration's settings, or runs do not belong together.
    """
    if partial:
        scopes = find_finished(config, results)
    else:
        # Snakemake sees that tables are of another configuration only where it has its records of them.
        scopes = require_complete(config, results)
        decided = [DECIDED] if config.hypotheses else []
        refuse_other_tables(config, comparison, COLLECTED, CONTRASTED, ANALYSED, *decided)
    everything = [one for finished in scopes for one in finished.everything]
    runs = read_table(comparison / "runs.parquet", RUNS)
    complete = not partial and bool((runs["status"] == "finished").all())
    return Inputs(
        config=config,
        address=Path(os.path.relpath(results, report)),
        metrics=read_table(comparison / "metrics.parquet", METRICS),
        leaders=read_table(comparison / "leaderboard.parquet", LEADERBOARD),
        comparison=read_table(comparison / "comparison.parquet", COMPARISON),
        pairs=read_table(comparison / "pairs.parquet", PAIRS),
        places=read_table(comparison / "places.parquet", PLACES),
        times=read_table(comparison / "times.parquet", TIMES),
        sensitivity=_read_analysis(comparison / "sensitivity.parquet", SENSITIVITY, complete),
        agreement=_read_analysis(comparison / "agreement.parquet", AGREEMENT, complete),
        # Comparisons of before have no such table.
        orders=_read_analysis(comparison / "orders.parquet", ORDERS, complete=False),
        beyond=_read_analysis(comparison / "beyond.parquet", BEYOND, complete),
        gates=read_gates(comparison),
        histories={one: _history(one) for one in everything if (one.folder / "history.parquet").is_file()},
        manifests=[(one, one.json("manifest.json")) for one in everything],
        codes=[code_of(one.folder) for one in everything],
        cards={
            d.id: read_json(path) for d in config.datasets if (path := card_file(results, d.id)).is_file() or complete
        },
        splits={
            (d.id, p): read_json(path)
            for d in config.datasets
            for p in config.protocols
            if (path := split_folder(results, d.id, p) / "split.json").is_file() or complete
        },
        measured=[read_measured(found) for found in read_measurements(config, results, complete=complete)],
        runs=runs,
        claims=_read_decisions(config, comparison / "claims.parquet", CLAIMS, complete),
        verdicts=_read_decisions(config, comparison / "verdicts.parquet", VERDICTS, complete),
    )


def _history(one: RunSeed) -> pd.DataFrame:
    """Read the epochs of a training; where it shared its GPU, they have no times."""
    found = read_table(one.folder / "history.parquet", HISTORY)
    if one.json("timing.json").get("runs_per_gpu", 1) == 1:
        return found
    return found.assign(**dict.fromkeys({*CLOCKS} - {"load"}, np.nan))


def _read_analysis(path: Path, schema: pa.Schema, complete: bool) -> pd.DataFrame:
    """Read a table of `analyse`, which works on complete comparisons; of others there is none, or nothing in it."""
    return read_table(path, schema) if complete or path.is_file() else schema.empty_table().to_pandas()


def _read_decisions(config: BenchmarkConfig, path: Path, schema: pa.Schema, complete: bool) -> pd.DataFrame | None:
    """Read what was decided; nothing where nothing was claimed, or where runs that claims are about may be missing."""
    if config.hypotheses is None or not (complete or path.is_file()):
        return None
    return read_table(path, schema)
