"""What was found, in words, before anything else."""

from markupsafe import Markup

from hydrarec.report import sentences
from hydrarec.report.blocks import Card, Cards, Chapter, Part, Text
from hydrarec.report.chapters.scopes import part_anchor
from hydrarec.report.inputs import Inputs, Scope
from hydrarec.report.style import RunStyle


def verdicts(inputs: Inputs, looks: dict[str, RunStyle]) -> Chapter:
    """Say for every scope who is ahead, by how much, and how sure that is."""
    return Chapter("verdicts", "Verdicts", [Part([Cards([_card(inputs, scope, looks) for scope in inputs.scopes])])])


def _card(inputs: Inputs, scope: Scope, looks: dict[str, RunStyle]) -> Card:
    address = part_anchor(inputs, "leaderboard", scope)
    title = Markup('<a href="#{}">{}</a> <small>{}</small>').format(address, scope.title, scope.protocol_name)
    said = f"{sentences.tally(inputs, scope, looks)} {sentences.best_possible(inputs, scope)}"
    return Card(
        title,
        [
            Text(sentences.headline(inputs, scope, looks), "headline"),
            Text(said.strip()),
            Text(sentences.basis(inputs, scope), "basis"),
        ],
    )
