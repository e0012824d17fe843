"""What was found, in words, before anything else."""

from dataclasses import replace

import pandas as pd
from markupsafe import Markup

from hydrarec.config.titles import title_remainder
from hydrarec.report import sentences
from hydrarec.report.blocks import Card, Cards, Chapter, Part, Text
from hydrarec.report.chapters.claims import claims
from hydrarec.report.chapters.scopes import part_anchor
from hydrarec.report.inputs import Inputs, Scope

_CLAIMS = ("supported", "refuted", "not decided", "not decidable")
"""What may become of a claim."""
_KEY = (
    "Superior, inferior: the difference is significant after adjustment. Equivalent: after adjustment it lies within "
    "the margin, whether it is significant or not. Inconclusive: neither was shown."
)


def verdicts(inputs: Inputs) -> Chapter:
    """Say what became of the claims, and for every scope who is ahead, by how much, and how sure that is."""
    cards, decided = [_card(inputs, scope) for scope in inputs.scopes], claims(inputs)
    # Beside the only scope there is room for the claims; else they would push what was found off the first screen.
    beside = [Card("Claims", decided)] if decided and len(cards) == 1 else []
    below = [] if beside else decided
    above = [Text(format_claim_counts(inputs.claims))] if below and inputs.claims is not None else []
    key = [] if inputs.comparison.empty else [Text(_KEY, "key")]
    if beside:
        cards, key = [replace(cards[0], blocks=[*cards[0].blocks, *key])], []
    return Chapter("verdicts", "Verdicts", [Part([*above, Cards([*cards, *beside]), *key, *below])])


def format_claim_counts(claims: pd.DataFrame) -> Markup:
    """Count what became of the claims.

    >>> claims = pd.DataFrame({"verdict": ["refuted", "supported", "refuted"], "registered": "2026-01-02"})
    >>> print(format_claim_counts(claims))
    Of <a href="#claims">3 claims</a> dated 2026-01-02: 1 supported, 2 refuted.
    """
    counts = claims["verdict"].value_counts()
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in _CLAIMS if verdict in counts)
    return Markup('Of <a href="#claims">{} claim{}</a> dated {}: {}.').format(
        len(claims), "s" if len(claims) > 1 else "", claims["registered"].iloc[0], told
    )


def _card(inputs: Inputs, scope: Scope) -> Card:
    address = part_anchor(inputs, "leaderboard", scope)
    short = scope.short or scope.title
    more = title_remainder(scope.title, short)
    about = f"{more}; {scope.protocol_name}" if more else scope.protocol_name
    title = Markup('<a href="#{}">{}</a> <small>{}</small>').format(address, short, about)
    said = f"{sentences.tally(inputs, scope)} {sentences.best_possible_sentence(inputs, scope)}"
    return Card(
        title,
        [
            Text(sentences.headline(inputs, scope), "headline"),
            Text(said.strip()),
            Text(sentences.basis(inputs, scope), "basis"),
        ],
    )
