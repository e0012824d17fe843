"""Tables of results as the page shows them. The same numbers, all of them and unrounded, are in the CSV files."""

import pandas as pd

from hydrarec.comparison.runs import kind_of
from hydrarec.numbers import (
    NOTHING,
    count,
    duration,
    metric_title,
    p_value,
    percent,
    percent_interval,
    score,
    score_interval,
    signed,
)
from hydrarec.report.cells import Cell, Column, Row, Strip, Table
from hydrarec.report.inputs import Inputs, Scope
from hydrarec.report.style import RunStyle


def leaderboard(inputs: Inputs, scope: Scope, styles: dict[str, RunStyle]) -> Table:
    """List every run, best first; controls stand below because they compete with nobody."""
    primary, secondary = inputs.primary, inputs.secondary
    first, second, reciprocal = (inputs.leaderboard(scope, metric) for metric in (primary, secondary, "mrr"))
    warm = inputs.leaderboard(scope, primary, "warm")
    costs = scope.of(inputs.times).groupby("run")[["train_to_best_s", "parameters"]].mean()
    order = first.sort_values("mean", ascending=False, kind="stable").index
    contest = [run for run in order if styles[run].kind != "control"]
    widest = max(float(first.loc[contest, "high"].max()), 1e-9)

    def row(run: str) -> Row:
        style, leader = styles[run], first.loc[run]
        strip = None
        if style.kind != "control":
            strip = Strip(max(leader["low"], 0) / widest, leader["mean"] / widest, min(leader["high"], widest) / widest)
        return Row(
            [
                Cell(style.label, note=_tags(inputs, run, bool(leader["deterministic"])), run=style),
                *_with_interval(leader),
                Cell("", leader["mean"], run=style, strip=strip),
                *_with_interval(second.loc[run]),
                Cell(score(warm.loc[run, "mean"]), warm.loc[run, "mean"]) if run in warm.index else Cell(NOTHING, -1.0),
                Cell(score(reciprocal.loc[run, "mean"]), reciprocal.loc[run, "mean"]),
                Cell(str(leader["n_seeds"]), float(leader["n_seeds"])),
                _parameters(costs.loc[run, "parameters"]),
                Cell(duration(costs.loc[run, "train_to_best_s"]), costs["train_to_best_s"].fillna(-1.0)[run]),
            ],
            style.kind,
        )

    names = metric_title(primary), metric_title(secondary)
    return Table(
        f"leaderboard-{scope.anchor}",
        f"All runs, sorted by {names[0]}",
        [
            Column("Run", numeric=False),
            Column(names[0]),
            Column(f"{inputs.coverage} interval", hint="over users and seeds"),
            Column("", hint=f"{names[0]} with its interval, from 0 to the best"),
            Column(names[1]),
            Column(f"{inputs.coverage} interval", hint="over users and seeds"),
            Column(f"{names[0]}, warm", hint="only targets that occur in the training data"),
            Column("MRR"),
            Column("Seeds"),
            Column("Parameters"),
            Column("Training", hint="to the best epoch, mean over seeds"),
        ],
        [[row(run) for run in order if run in contest], [row(run) for run in order if run not in contest]],
        "tables/leaderboard.csv",
    )


def contrasts(inputs: Inputs, scope: Scope, styles: dict[str, RunStyle]) -> Table:
    """List every compared run's difference from the reference."""
    first, second = inputs.contrasts(scope, inputs.primary), inputs.contrasts(scope, inputs.secondary)
    first = first.sort_values("difference", ascending=False, kind="stable")
    alpha = inputs.config.evaluation.alpha
    rows = []
    for run, found in first.iterrows():
        other = second.loc[run]
        rows.append(
            Row(
                [
                    Cell(styles[str(run)].label, run=styles[str(run)]),
                    Cell(verdict(found, alpha)),
                    Cell(signed(found["difference"]), found["difference"]),
                    Cell(percent(found["percent"]), _sortable(found["percent"])),
                    Cell(
                        percent_interval(found["percent_low"], found["percent_high"]), _sortable(found["percent_low"])
                    ),
                    Cell(p_value(found["p"]), found["p"]),
                    Cell(p_value(found["p_holm"]), found["p_holm"]),
                    Cell(percent(other["percent"]), _sortable(other["percent"])),
                    Cell(
                        percent_interval(other["percent_low"], other["percent_high"]), _sortable(other["percent_low"])
                    ),
                    Cell(p_value(other["p_holm"]), other["p_holm"]),
                    _seed_share(found),
                ],
                styles[str(run)].kind,
            )
        )
    names = metric_title(inputs.primary), metric_title(inputs.secondary)
    interval = f"{inputs.coverage} interval"
    return Table(
        f"contrasts-{scope.anchor}",
        f"Difference from {styles[inputs.config.evaluation.reference].label}",
        [
            Column("Run", numeric=False),
            Column("Verdict", numeric=False, hint=f"by {names[0]} and the Holm-adjusted p-value"),
            Column(f"Δ {names[0]}"),
            Column("Δ %"),
            Column(interval, hint=f"of the relative difference in {names[0]}"),
            Column("p"),
            Column("Holm p"),
            Column(f"Δ % {names[1]}"),
            Column(interval, hint=f"of the relative difference in {names[1]}"),
            Column("Holm p", hint=f"of the difference in {names[1]}"),
            Column("Seeds' share", hint="of the squared standard error; the rest is the users'"),
        ],
        [rows],
        "tables/comparison.csv",
    )


def verdict(row: pd.Series, alpha: float) -> str:
    """Return what a comparison says: higher, lower, or nothing. Absence of a difference is never a finding."""
    if row["p_holm"] >= alpha:
        return "not distinguished"
    return "higher" if row["difference"] > 0 else "lower"


def _tags(inputs: Inputs, run: str, deterministic: bool) -> str:
    kind = kind_of(inputs.config.run(run))
    tags = {
        "reference": run == inputs.config.evaluation.reference,
        "best possible": kind == "optimum",
        "control": kind == "control",
        "deterministic": deterministic and kind == "baseline",
    }
    return ", ".join(name for name, holds in tags.items() if holds)


def _with_interval(row: pd.Series) -> list[Cell]:
    return [Cell(score(row["mean"]), row["mean"]), Cell(score_interval(row["low"], row["high"]), row["low"])]


def _parameters(number: float) -> Cell:
    return Cell(count(number) if number else NOTHING, float(number))


def _seed_share(row: pd.Series) -> Cell:
    seeds, total = row["variance_seeds"], row["standard_error"] ** 2
    if pd.isna(seeds) or total == 0:
        return Cell(NOTHING, -1.0)
    return Cell(f"{100 * seeds / total:.0f}\u202f%", seeds / total)


def _sortable(value: float | None) -> float:
    return float("-inf") if value is None or pd.isna(value) else float(value)
