"""What the page shows of one dataset under one protocol: sentences, tables, and figures with their captions."""

from dataclasses import dataclass

from markupsafe import Markup

from hydrarec.config.protocol import PROTOCOL_TITLES
from hydrarec.report import costs, sentences, tables
from hydrarec.report.breakdown import breakdown
from hydrarec.report.cells import Table
from hydrarec.report.convergence import convergence
from hydrarec.report.forest import forest
from hydrarec.report.inputs import Inputs, Scope
from hydrarec.report.panels import Figure, Panel
from hydrarec.report.style import RunStyle
from hydrarec.report.tradeoff import tradeoff


@dataclass(frozen=True)
class Section:
    """What is shown of a dataset and protocol."""

    scope: Scope
    protocol: str
    """The protocol in words."""
    headline: Markup
    tally: str
    basis: str
    best_possible: str
    leaderboard: Table
    contrasts: Table
    times: Table
    time_notes: list[str]
    forest: Figure | None
    convergence: Figure | None
    tradeoff: Figure
    breakdown: Figure | None

    @property
    def figures(self) -> list[Figure]:
        """Those that there are."""
        every = (self.forest, self.convergence, self.tradeoff, self.breakdown)
        return [figure for figure in every if figure is not None]


def section(inputs: Inputs, scope: Scope, looks: dict[str, RunStyle]) -> Section:
    """Put together what is shown of a dataset and protocol."""
    about, intervals = sentences.figure_basis(inputs, scope), sentences.interval_basis(inputs)
    forests = [forest(inputs, scope, metric, looks) for metric in (inputs.primary, inputs.secondary)]
    return Section(
        scope=scope,
        protocol=PROTOCOL_TITLES[scope.protocol],
        headline=sentences.headline(inputs, scope, looks),
        tally=sentences.tally(inputs, scope, looks),
        basis=sentences.basis(inputs, scope),
        best_possible=sentences.best_possible(inputs, scope),
        leaderboard=tables.leaderboard(inputs, scope, looks),
        contrasts=tables.contrasts(inputs, scope, looks),
        times=costs.times(inputs, scope, looks),
        time_notes=costs.time_notes(inputs, scope),
        forest=_figure(
            [panel for panel in forests if panel is not None],
            f"Relative difference from the reference, per cent on a logarithmic axis. {about} {intervals} They are not "
            "adjusted for the number of runs. Arrows: beyond the axis.",
        ),
        convergence=_figure(
            convergence(inputs, scope, looks),
            f"Validation after every epoch, up to the last epoch that every seed reached. {about} Line: mean over "
            "seeds; band: their range. Training seconds leave out validation and set-up.",
        ),
        tradeoff=Figure(
            tradeoff(inputs, scope, looks),
            f"Test accuracy against cost; the broken line joins the runs that no other beats in both (Pareto front). "
            f"{about} {intervals}",
        ),
        breakdown=_figure(
            breakdown(inputs, scope, looks),
            f"Test accuracy in groups of users and of targets; bounds are quartiles, so groups hold about as many. "
            f"{about} {intervals}",
        ),
    )


def _figure(panels: list[Panel], caption: str) -> Figure | None:
    return Figure(panels, caption) if panels else None
