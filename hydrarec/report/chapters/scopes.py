"""Chapters that say the same of every dataset and protocol."""

from collections.abc import Callable, Sequence

from hydrarec.report.blocks import Chapter, PageBlock, Part
from hydrarec.report.inputs import Inputs, Scope


def by_scope(
    inputs: Inputs, anchor: str, title: str, blocks_of: Callable[[Inputs, Scope], Sequence[PageBlock]], brief: str = ""
) -> Chapter | None:
    """Return a chapter with a part for every scope that has something to show; None if none has."""
    found = [(scope, blocks) for scope in inputs.scopes if (blocks := blocks_of(inputs, scope))]
    # The only scope there is needs no name in every chapter.
    single = len(inputs.scopes) == 1
    parts = [
        Part(blocks)
        if single
        else Part(blocks, scope.short or scope.title, part_anchor(inputs, anchor, scope), scope.protocol_name)
        for scope, blocks in found
    ]
    return Chapter(anchor, title, parts, brief) if parts else None


def part_anchor(inputs: Inputs, chapter: str, scope: Scope) -> str:
    """Return the address of what a chapter says of a scope."""
    return chapter if len(inputs.scopes) == 1 else f"{chapter}-of-{scope.anchor}"
