"""The leaderboard of every dataset and protocol."""

import pandas as pd

from hydrarec.comparison.runs import kind_of
from hydrarec.report import sentences
from hydrarec.report.blocks import Chapter, Text
from hydrarec.report.cells import Cell, Column, Row, Strip, Table
from hydrarec.report.chapters.scopes import by_scope
from hydrarec.report.inputs import Inputs, Scope
from hydrarec.report.numbers import NOTHING, count, duration, metric_title, score, score_interval
from hydrarec.report.style import RunStyle

_KEY = (
    "Filled marker: trained here. Outline: baseline or control. Overlapping intervals do not mean that two runs cannot "
    "be told apart; contrasts are paired."
)


def leaderboard(inputs: Inputs, looks: dict[str, RunStyle]) -> Chapter | None:
    """Show all runs within every scope."""
    return by_scope(
        inputs,
        "leaderboard",
        "Leaderboard",
        lambda scope: [
            Text(sentences.under(inputs, scope), "under"),
            leaderboard_table(inputs, scope, looks),
            Text(_KEY, "key"),
        ],
    )


def leaderboard_table(inputs: Inputs, scope: Scope, styles: dict[str, RunStyle]) -> Table:
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
        f"{scope.name}: all runs, sorted by {names[0]}",
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
        scope.of(inputs.leaders[inputs.leaders["group"] == "all"]),
        filters=True,
    )


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
