"""Whether another way of measuring would have told another story: values and orders of the runs in every variant."""

from dataclasses import replace
from typing import get_args

import pandas as pd

from hydrarec.analyses.sensitivity import FULL
from hydrarec.config.protocol import SampledKind
from hydrarec.formatting import NOTHING, metric_title, score, signed
from hydrarec.report import sentences
from hydrarec.report.blocks import Chapter, PageBlock, Part, Text
from hydrarec.report.cells import Cell, Column, Row, Table, run_cell
from hydrarec.report.chapters.scopes import by_scope
from hydrarec.report.figures.panels import Figure, Panel
from hydrarec.report.figures.scatter import scatter
from hydrarec.report.inputs import Inputs, Scope
from hydrarec.report.sampled_metrics import describe_number, has_enough

TITLES = {
    "unfiltered": ("unfiltered", "the user's history among the candidates"),
    "warm": ("warm targets", "only targets that occur in the training data"),
    "optimistic": ("optimistic ties", "equal scores in the target's favour"),
    "pessimistic": ("pessimistic ties", "equal scores against the target"),
    "uniform-100": ("uniform-100", "drawn at random"),
    "popularity-100": ("popularity-100", "drawn by their training interactions"),
    "gts": ("gts", "the global temporal split"),
}
"""Names of the variants, and what they are; of sampled items it depends on the data how many they are."""
_SAMPLED: tuple[str, ...] = get_args(SampledKind)
"""Variants whose candidates are sampled."""
_PLOTTED = (*_SAMPLED, "gts")
"""Variants that get a figure."""
_ONE_ORDER = Column(
    "one order of ties",
    hint="standard deviation if equal scores were put in a random order, for each target on its own",
)
_ABOUT = (
    "What stands here decides nothing: no claim, test or choice of weights uses it. It says how much of the "
    "leaderboard hangs on how things were measured. Targets ranked among a few sampled items are for comparison with "
    "papers that did so; such values need not keep the order of methods."
)


def sensitivity(inputs: Inputs) -> Chapter | None:
    """Show every run in every variant, and whether the order stays, within every scope."""
    chapter = by_scope(inputs, "sensitivity", "Sensitivity", _blocks)
    return chapter and replace(chapter, parts=[Part([Text(_ABOUT)]), *chapter.parts])


def _blocks(inputs: Inputs, scope: Scope) -> list[PageBlock]:
    if scope.of(inputs.sensitivity).empty:
        return []
    orders = scope.of(inputs.agreement)
    orders = orders[orders["metric"] == inputs.primary].set_index("variant")
    blocks: list[PageBlock] = [agreement_table(inputs, scope)]
    same = _same_variants(inputs, scope)
    if panels := _panels(inputs, scope):
        taus = ", ".join(
            f"{variant} {_tau(orders.loc[variant, 'tau'])}{' (the same numbers)' if variant in same else ''}"
            for variant in panels
        )
        caption = (
            f"From left to right the order of the leaderboard, from bottom to top that of the other way of measuring. "
            f"Kendall's tau-b: {taus}. {sentences.figure_basis(inputs, scope)} Mean over seeds."
        )
        blocks.append(Figure(list(panels.values()), caption))
    blocks.append(variants_table(inputs, scope))
    if same:
        told = ", ".join(TITLES[variant][0] for variant in same)
        same_numbers = "The leaderboard's numbers once more, as there is nothing to leave out or to put back"
        blocks.append(Text(f"{same_numbers}: {told}.", "key"))
    if why := sorted(set(scope.of(inputs.sensitivity)["why"].dropna())):
        blocks.append(Text(f"{NOTHING}: {'; '.join(why)}.", "key"))
    return blocks


def agreement_table(inputs: Inputs, scope: Scope) -> Table:
    """List how far every variant's order of the runs is from that of the leaderboard."""
    table = scope.of(inputs.agreement)
    first, second = (
        table[table["metric"] == metric].set_index("variant") for metric in (inputs.primary, inputs.secondary)
    )

    def row(variant: str) -> Row:
        found, other = first.loc[variant], second.loc[variant]
        moved = "" if pd.isna(found["moved"]) else inputs.styles[found["moved"]].label
        return Row(
            [
                Cell(*_words(inputs, scope, variant)),
                Cell(str(found["n_runs"]), float(found["n_runs"])),
                _tau_cell(found["tau"]),
                Cell(f"{found['discordant']} of {found['pairs']}", float(found["discordant"])),
                Cell(f"{found['largest_move']:g}", float(found["largest_move"]), note=moved),
                _tau_cell(other["tau"]),
            ]
        )

    names = metric_title(inputs.primary), metric_title(inputs.secondary)
    return Table(
        f"agreement-{scope.anchor}",
        f"{scope.name}: is the order of the runs by {names[0]} another one when measured otherwise?",
        [
            Column("Measured otherwise", numeric=False),
            Column("Runs", hint="with a value in both; controls are left out"),
            Column("Kendall's τ", hint="tau-b: 1 the same order, 0 no relation, less the other way round"),
            Column("Pairs turned round", hint="pairs of runs that the two put the other way round"),
            Column("Largest move", hint="most places that a run is further up or down"),
            Column(f"τ by {names[1]}"),
        ],
        [[row(str(variant)) for variant in first.index]],
        table,
    )


def variants_table(inputs: Inputs, scope: Scope) -> Table:
    """List every run's primary metric in every variant, with the places it moves."""
    wide = _wide_table(inputs, scope)
    contest = [run for run in wide.index if run in inputs.config.competing]
    others = [variant for variant in wide.columns if variant != FULL]
    ties = _tie_deviations(inputs, scope)
    moves = {variant: _moves(wide.loc[contest, [FULL, variant]].dropna()) for variant in others}

    def cell(run: str, variant: str) -> Cell:
        value = wide.loc[run, variant]
        if pd.isna(value):
            return Cell(NOTHING, -1.0)
        moved = float(moves[variant].get(run, 0.0))
        return Cell(score(value), float(value), note=signed(moved, 0 if moved.is_integer() else 1) if moved else "")

    def row(run: str) -> Row:
        value = float(wide.loc[run, FULL])
        cells = [run_cell(inputs.styles[run]), Cell(score(value), value)]
        tied = [_deviation_cell(ties[run])] if len(ties) else []
        return Row([*cells, *tied, *(cell(run, variant) for variant in others)], inputs.styles[run].kind)

    name = metric_title(inputs.primary)
    return Table(
        f"variants-{scope.anchor}",
        f"{scope.name}: {name} measured otherwise; behind it the places that a run moves up (+) or down",
        [
            Column("Run", numeric=False),
            Column(name, hint="the leaderboard's"),
            *([_ONE_ORDER] if len(ties) else []),
            *(Column(TITLES[variant][0], hint=_describe_variant(inputs, scope, variant)) for variant in others),
        ],
        [[row(run) for run in contest], [row(run) for run in wide.index if run not in contest]],
        scope.of(inputs.sensitivity),
    )


def _tie_deviations(inputs: Inputs, scope: Scope) -> "pd.Series[float]":
    """Return by run how far one random order of equal scores strays; empty where older results do not say."""
    table = scope.of(inputs.sensitivity)
    table = table[(table["metric"] == inputs.primary) & (table["variant"] == FULL)].set_index("run")
    return table["tie_deviation"].astype(float).dropna()


def _deviation_cell(deviation: float) -> Cell:
    """Write a deviation; one of nothing is no small one, and a small one is not nothing."""
    if deviation == 0:
        return Cell(NOTHING, deviation)
    return Cell(f"± {deviation:.4f}" if deviation >= 0.00005 else "< 0.0001", deviation)


def _panels(inputs: Inputs, scope: Scope) -> dict[str, Panel]:
    """Draw the runs under full against those among sampled candidates and, from `loo`, against `gts`."""
    wide = _wide_table(inputs, scope)
    later = Scope(scope.dataset, "gts", scope.title)
    # In a report on what is finished there may be nothing yet.
    if scope.protocol == "loo" and len(later.of(inputs.sensitivity)):
        wide["gts"] = _wide_table(inputs, later)[FULL]
    name, panels = metric_title(inputs.primary), {}
    for variant in (variant for variant in _PLOTTED if variant in wide):
        table = wide.loc[[run for run in wide.index if run in inputs.config.competing], [FULL, variant]].dropna()
        if len(table) < 2:
            continue
        what = TITLES[variant][0] if variant == "gts" else f"among {TITLES[variant][0]}"
        panels[variant] = scatter(
            table.set_axis(["x", "y"], axis="columns"),
            inputs.styles,
            name=f"agreement-{scope.anchor}-{variant}",
            title=f"{variant} against {'loo' if variant == 'gts' else 'full ranking'}",
            axes_titles=(f"{name}, full ranking" if variant != "gts" else f"{name}, loo", f"{name}, {what}"),
            write=score,
        )
    return panels


def _same_variants(inputs: Inputs, scope: Scope) -> list[str]:
    """Return the variants that only let other candidates or targets in, and did not: all runs have the same numbers."""
    wide, found = _wide_table(inputs, scope), []
    # Where more items were there than were drawn, equal numbers are chance.
    sampled = [variant for variant in _SAMPLED if not has_enough(inputs, scope, variant)]
    for variant in ("unfiltered", "warm", *sampled):
        both = wide[[FULL, variant]].dropna() if variant in wide else wide[:0]
        # Runs of nothing but misses are the same whatever is let in.
        if len(both) and (both[FULL] > 0).any() and (both[FULL] == both[variant]).all():
            found.append(variant)
    return found


def _moves(table: pd.DataFrame) -> pd.Series:
    """Return how many places each run moves up from the first column to the second."""
    ranks = table.rank(ascending=False)
    return ranks.iloc[:, 0] - ranks.iloc[:, 1]


def _wide_table(inputs: Inputs, scope: Scope) -> pd.DataFrame:
    """Return the primary metric by run, best first, and variant."""
    table = scope.of(inputs.sensitivity)
    table = table[table["metric"] == inputs.primary]
    columns = list(dict.fromkeys(table["variant"]))
    wide = table.pivot(index="run", columns="variant", values="value").astype(float)
    return wide[columns].sort_values(FULL, ascending=False, kind="stable")


def _describe_variant(inputs: Inputs, scope: Scope, variant: str) -> str:
    """Say what a variant is."""
    what = TITLES[variant][1]
    if variant not in _SAMPLED:
        return what
    number, is_random = describe_number(inputs, scope, variant)
    return f"{number} {what}" if is_random else number


def _words(inputs: Inputs, scope: Scope, variant: str) -> tuple[str, None, str]:
    """Return the text, the value and the note of a variant's cell."""
    if variant in TITLES:
        return TITLES[variant][0], None, _describe_variant(inputs, scope, variant)
    seed = inputs.config.dataset(variant).tie_order
    return f"tie order {seed}", None, "equal times in a random order"


def _tau(value: float | None) -> str:
    return NOTHING if value is None or pd.isna(value) else signed(value, 2)


def _tau_cell(value: float | None) -> Cell:
    return Cell(_tau(value), -2.0 if value is None or pd.isna(value) else float(value))
