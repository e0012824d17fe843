"""Runs against the reference and against each other, paired by user and seed."""

from hydrarec.formatting import metric_title, percent, percentage
from hydrarec.report import sentences
from hydrarec.report.blocks import Chapter, PageBlock
from hydrarec.report.chapters.differences import difference_table
from hydrarec.report.chapters.margins import margin_table
from hydrarec.report.chapters.scopes import by_scope
from hydrarec.report.figures.cliques import clique_bars
from hydrarec.report.figures.forest import forest
from hydrarec.report.figures.heatmap import WIDEST, heatmap
from hydrarec.report.figures.panels import Figure
from hydrarec.report.inputs import Inputs, Scope


def contrasts(inputs: Inputs) -> Chapter | None:
    """Show differences from the reference, and all pairs, within every scope."""
    return by_scope(inputs, "contrasts", "Contrasts", _blocks)


def _blocks(inputs: Inputs, scope: Scope) -> list[PageBlock]:
    return [
        *_reference_blocks(inputs, scope),
        *_groups(inputs, scope),
        *_pairs(inputs, scope),
    ]


def _reference_blocks(inputs: Inputs, scope: Scope) -> list[PageBlock]:
    if inputs.contrasts(scope, inputs.primary).empty:
        return []
    return [
        *_forest(inputs, scope),
        difference_table(inputs, scope),
        margin_table(inputs, scope),
    ]


def _forest(inputs: Inputs, scope: Scope) -> list[PageBlock]:
    panels = [forest(inputs, scope, metric) for metric in (inputs.primary, inputs.secondary)]
    evaluation = inputs.config.evaluation
    about, intervals = sentences.figure_basis(inputs, scope), sentences.interval_basis(inputs)
    caption = (
        f"Relative difference from the reference, per cent on a logarithmic axis. {about} {intervals} Thick: "
        f"{percentage(1 - 2 * evaluation.alpha)}, of the tests of equivalence; shaded: the margins \u00b1"
        f"{percentage(evaluation.margin)} and \u00b1{percentage(evaluation.tight_margin)}. Intervals are not adjusted "
        "for the number of runs. Arrows: beyond the axis. Superior and inferior are said of the difference itself, "
        "whose interval is in the table."
    )
    shown = [panel for panel in panels if panel is not None]
    return [Figure(shown, caption)] if shown else []


def _groups(inputs: Inputs, scope: Scope) -> list[PageBlock]:
    table, alpha = scope.of(inputs.pairs), inputs.config.evaluation.alpha
    panels = []
    for metric in (inputs.primary, inputs.secondary):
        pairs = table[table["metric"] == metric]
        compared = [run for run in inputs.contest(scope) if run in set(pairs["run"]) | set(pairs["other"])]
        found = pairs[pairs["p_holm"] < alpha]
        apart = {frozenset(pair) for pair in zip(found["run"], found["other"], strict=True)}
        name = f"groups-{scope.anchor}-{metric.replace('@', '')}"
        title = f"Which runs can be told apart, {metric_title(metric)}"
        means = inputs.leaderboard(scope, metric)["mean"][compared].rename(metric_title(metric))
        panels.append(clique_bars(name, title, means, apart, inputs.styles))
    shown = [panel for panel in panels if panel is not None]
    caption = (
        "Runs at their mean over users and seeds. A bar joins neighbours of which no two are told apart at "
        f"{percentage(alpha)}, Holm-adjusted over all pairs; that does not make them equal. Runs "
        "without a common bar need not be told apart, which the figure of all pairs shows. Not a critical-difference "
        f"diagram: one data set, no mean ranks. {sentences.figure_basis(inputs, scope)}"
    )
    return [Figure(shown, caption)] if shown else []


def _pairs(inputs: Inputs, scope: Scope) -> list[PageBlock]:
    table = scope.of(inputs.pairs)
    alpha = inputs.config.evaluation.alpha
    panels = []
    for metric in (inputs.primary, inputs.secondary):
        board = inputs.leaderboard(scope, metric)["mean"].sort_values(ascending=False, kind="stable")
        pairs = table[table["metric"] == metric]
        compared = set(pairs["run"]) | set(pairs["other"])
        order = [str(run) for run in board.index if run in compared]
        name, title = f"pairs-{scope.anchor}-{metric.replace('@', '')}", f"All pairs on {metric_title(metric)}"
        panels.append(heatmap(name, title, pairs.assign(p=pairs["p_holm"]), order, inputs.styles, alpha))
    shown = [panel for panel in panels if panel is not None]
    if not shown:
        return []
    caption = (
        "The run on the left relative to that with the number below: colour by per cent, down to "
        f"{percent(-WIDEST)}; text: p-value, Holm-adjusted over all pairs. Blank: not significant at "
        f"{percentage(alpha)}, which does not mean equal. {sentences.TWO_FAMILIES} "
        f"{sentences.figure_basis(inputs, scope)} The CSV files have differences, intervals and the p-values of max-T, "
        "which are about the trained weights at hand."
    )
    return [Figure(shown, caption)]
