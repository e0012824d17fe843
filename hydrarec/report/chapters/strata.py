"""Where runs are good: by history, popularity of the target, and number of heads."""

from hydrarec.report import sentences
from hydrarec.report.blocks import Chapter, PageBlock
from hydrarec.report.chapters.scopes import by_scope
from hydrarec.report.figures.breakdown import breakdown
from hydrarec.report.figures.heads import heads
from hydrarec.report.figures.panels import Figure
from hydrarec.report.inputs import Inputs, Scope
from hydrarec.report.style import RunStyle


def strata(inputs: Inputs, styles: dict[str, RunStyle]) -> Chapter | None:
    """Show accuracy within groups; None where there are too few cases for groups."""
    return by_scope(inputs, "strata", "Where it works", lambda scope: _blocks(inputs, scope, styles))


def _blocks(inputs: Inputs, scope: Scope, styles: dict[str, RunStyle]) -> list[PageBlock]:
    blocks: list[PageBlock] = []
    if panels := breakdown(inputs, scope, styles):
        caption = (
            "Test accuracy in groups of users and of targets; bounds are quartiles, and groups as equal as ties allow. "
            f"{sentences.figure_basis(inputs, scope)} {sentences.interval_basis(inputs)}"
        )
        blocks.append(Figure(panels, caption))
    if panels := heads(inputs, scope, styles):
        caption = (
            "Test accuracy of runs that differ in their number of heads and in nothing else. "
            f"{sentences.figure_basis(inputs, scope)} {sentences.interval_basis(inputs)}"
        )
        blocks.append(Figure(panels, caption))
    return blocks
