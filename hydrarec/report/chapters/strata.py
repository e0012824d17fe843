"""Where runs are good: by history, popularity of the target, and number of heads."""

from hydrarec.report import sentences
from hydrarec.report.blocks import Chapter, PageBlock
from hydrarec.report.chapters.scopes import by_scope
from hydrarec.report.figures.breakdown import breakdown
from hydrarec.report.figures.heads import heads
from hydrarec.report.figures.panels import Figure
from hydrarec.report.inputs import Inputs, Scope


def strata(inputs: Inputs) -> Chapter | None:
    """Show accuracy within groups; None where there are too few cases for groups."""
    return by_scope(inputs, "strata", "Where it works", _blocks)


def _blocks(inputs: Inputs, scope: Scope) -> list[PageBlock]:
    blocks: list[PageBlock] = []
    if panels := breakdown(inputs, scope):
        caption = (
            "Test accuracy in groups of users and of targets; bounds are quartiles, and groups as equal as ties allow. "
            f"The line in each group is at the mean of {inputs.reference.label}, the reference. "
            f"{sentences.figure_basis(inputs, scope)} {sentences.interval_basis(inputs)}"
        )
        blocks.append(Figure(panels, caption))
    if panels := heads(inputs, scope):
        caption = (
            "Test accuracy of runs that differ in their number of heads and in nothing else. "
            f"{sentences.figure_basis(inputs, scope)} {sentences.interval_basis(inputs)}"
        )
        blocks.append(Figure(panels, caption))
    return blocks
