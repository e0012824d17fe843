"""The leaderboard of every dataset and protocol."""

from dataclasses import replace

import pandas as pd

from hydrarec.comparison.clocks import PROCESSOR, clock_column, clock_name
from hydrarec.formatting import NOTHING, count, duration, metric_title, score, score_interval
from hydrarec.report import sentences
from hydrarec.report.blocks import Chapter, PageBlock, Text
from hydrarec.report.cells import Cell, Column, Row, Strip, Table, drop_empty_columns
from hydrarec.report.chapters.overview import explain_stress, mean_cells, overview
from hydrarec.report.chapters.scopes import by_scope
from hydrarec.report.inputs import Inputs, Scope

_KEY = (
    "Filled marker: trained here. Outline: baseline or control. Overlapping intervals do not mean that two runs cannot "
    "be told apart; contrasts are paired."
)


def leaderboard(inputs: Inputs) -> Chapter | None:
    """Show all runs within every scope, and where there are several first all scopes side by side."""
    chapter = by_scope(inputs, "leaderboard", "Leaderboard", _blocks)
    if chapter is None or len(chapter.parts) == 1:
        return chapter
    return replace(chapter, parts=[overview(inputs), *chapter.parts])


def _blocks(inputs: Inputs, scope: Scope) -> list[PageBlock]:
    return [
        Text(sentences.subtitle(inputs, scope), "under"),
        leaderboard_table(inputs, scope),
        Text(f"{_KEY} {sentences.TWO_FAMILIES}" if len(inputs.contest(scope)) > 1 else _KEY, "key"),
    ]


def leaderboard_table(inputs: Inputs, scope: Scope) -> Table:
    """List every run, best first; controls stand below because they compete with nobody."""
    primary, secondary = inputs.primary, inputs.secondary
    first, second, reciprocal = (inputs.leaderboard(scope, metric) for metric in (primary, secondary, "mrr"))
    warm = inputs.leaderboard(scope, primary, "warm")
    places = scope.of(inputs.places[inputs.places["metric"] == primary]).set_index("run")
    times = scope.of(inputs.times)
    # The clock of the figure of accuracy against training time, which draws the same runs.
    clock = clock_column(times[times["run"].isin(inputs.contest(scope))], "train_to_best_s")
    costs = times.groupby("run")[[clock, "parameters"]].mean()
    order = first.sort_values("mean", ascending=False, kind="stable").index
    contest = [run for run in order if inputs.styles[run].kind != "control"]
    # A run with few seeds may have an interval so wide that it would squeeze all others.
    widest = max(1.2 * float(first.loc[contest, "mean"].max()), 1e-9)

    means = {metric: mean_cells(inputs, scope, metric) for metric in (primary, secondary)}

    def row(run: str) -> Row:
        style, leader = inputs.styles[run], first.loc[run]
        strip = None
        if style.kind != "control":
            strip = Strip(max(leader["low"], 0) / widest, leader["mean"] / widest, min(leader["high"] / widest, 1))
        return Row(
            [
                Cell(style.label, note=_tags(inputs, run), run=style),
                means[primary].get(run) or _mean(leader),
                _interval(leader),
                Cell("", leader["mean"], run=style, strip=strip),
                _places(places, run),
                means[secondary].get(run) or _mean(second.loc[run]),
                _interval(second.loc[run]),
                Cell(score(warm.loc[run, "mean"]), warm.loc[run, "mean"]) if run in warm.index else Cell(NOTHING, -1.0),
                Cell(score(reciprocal.loc[run, "mean"]), reciprocal.loc[run, "mean"]),
                Cell(str(leader["n_seeds"]), float(leader["n_seeds"])),
                _parameters(costs.loc[run, "parameters"]),
                Cell(duration(costs.loc[run, clock]), costs[clock].fillna(-1.0)[run]),
            ],
            style.kind,
        )

    columns = _columns(inputs, clock_name(clock))
    table = Table(
        f"leaderboard-{scope.anchor}",
        f"{scope.name}: all runs, sorted by {metric_title(primary)}. {explain_stress(inputs)}",
        columns,
        [
            [row(run) for run in order if run in contest],
            [row(run) for run in order if run not in contest],
            _unranked_rows(inputs, scope, len(columns)),
        ],
        scope.of(inputs.leaders[inputs.leaders["group"] == "all"]),
        filters=True,
    )
    return drop_empty_columns(table)


def _columns(inputs: Inputs, clock: str) -> list[Column]:
    first, second = metric_title(inputs.primary), metric_title(inputs.secondary)
    interval = (
        f"{sentences.sampling_units(inputs)}; shown cut at 0 and 1, the ends of the metric's range, "
        "whole in the CSV file"
    )
    return [
        Column("Run", numeric=False),
        Column(first),
        Column(f"{inputs.coverage} interval", hint=interval),
        Column("", hint=f"{first} with its interval, from 0 to the best"),
        Column(
            "Places",
            hint="that the run may have, from all pairs of runs, which are a family of tests; all are covered at once",
        ),
        Column(second),
        Column(f"{inputs.coverage} interval", hint=interval, page_only=True),
        Column("Warm", hint=f"{first} of targets that occur in the training data", page_only=True),
        Column("MRR", hint="of lists that were handed in, a target outside its list counts as the last candidate"),
        Column("Seeds", hint="1 where a seed changes nothing: one result stands for every seed"),
        Column("Parameters"),
        Column(
            f"Training, {'processor' if clock == PROCESSOR else 'wall'}",
            hint=f"to the best epoch, by {clock}, mean over seeds",
        ),
    ]


def _unranked_rows(inputs: Inputs, scope: Scope, width: int) -> list[Row]:
    """List the runs that are not finished with all their seeds; they have no place and no numbers."""
    rows = []
    for run, left in scope.of(inputs.unfinished).groupby("run", sort=False):
        style, planned = inputs.styles[str(run)], len(inputs.config.seeds_of(str(run)))
        counts = left["status"].value_counts()
        statuses = ", ".join(f"{number} {status}" if planned > 1 else str(status) for status, number in counts.items())
        name = Cell(style.label, note=f"{statuses} of {planned} seeds" if planned > 1 else statuses, run=style)
        rows.append(Row([name, *(Cell(NOTHING, -1.0) for _ in range(width - 1))], style.kind))
    return rows


def _places(places: pd.DataFrame, run: str) -> Cell:
    if run not in places.index:
        return Cell(NOTHING, float("inf"))
    best, worst = places.loc[run, ["best", "worst"]]
    return Cell(str(best) if best == worst else f"{best}\u2013{worst}", float(best))


def _tags(inputs: Inputs, run: str) -> str:
    role = inputs.config.run(run).role
    tags = {
        "reference": run == inputs.reference.id,
        "best possible": role == "optimum" and (inputs.config.run(run).label or "").lower() != "best possible",
        "control": role == "control",
    }
    return ", ".join(name for name, holds in tags.items() if holds)


def _mean(row: pd.Series) -> Cell:
    return Cell(score(row["mean"]), row["mean"])


def _interval(row: pd.Series) -> Cell:
    return Cell(score_interval(row["low"], row["high"]), row["low"])


def _parameters(number: float) -> Cell:
    return Cell(count(number) if number else NOTHING, float(number))
