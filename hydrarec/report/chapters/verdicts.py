"""What was found, in words, before anything else."""

from markupsafe import Markup

from hydrarec.report import sentences
from hydrarec.report.blocks import Card, Cards, Chapter, Part, Text
from hydrarec.report.chapters.claims import claims
from hydrarec.report.chapters.scopes import part_anchor
from hydrarec.report.inputs import Inputs, Scope
from hydrarec.report.style import RunStyle


def verdicts(inputs: Inputs, looks: dict[str, RunStyle]) -> Chapter:
    """Say what became of the claims, and for every scope who is ahead, by how much, and how sure that is."""
    cards, decided = [_card(inputs, scope, looks) for scope in inputs.scopes], claims(inputs)
    # Beside the only scope there is room for the claims.
    beside = [Card("Claims", decided)] if decided and len(cards) == 1 else []
    above = [] if beside else decided
    return Chapter("verdicts", "Verdicts", [Part([*above, Cards([*cards, *beside])])])


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
