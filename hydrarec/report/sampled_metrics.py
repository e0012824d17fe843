"""How many items stand beside a target among sampled candidates: as many as were asked for, or all that there are."""

from hydrarec.config.protocol import sample_size
from hydrarec.report.inputs import Inputs, Scope


def has_enough(inputs: Inputs, scope: Scope, variant: str) -> bool:
    """Tell whether data card and split show that every target had more items to draw from than were drawn."""
    items = _items(inputs, scope)
    longest = inputs.cards.get(scope.dataset, {}).get("lengths", {}).get("max")
    # Neither the target is drawn nor what its user has met, which is less than the user's complete sequence.
    return items is not None and longest is not None and items - longest > sample_size(variant)


def describe_number(inputs: Inputs, scope: Scope, variant: str) -> tuple[str, bool]:
    """Return in words how many items are drawn for a target, and whether anything is left to chance."""
    number, items = sample_size(variant), _items(inputs, scope)
    if items is not None and items <= number:
        return f"all other items, as there are no more than {number}", False
    return f"{number} items" if has_enough(inputs, scope, variant) else f"up to {number} items", True


def _items(inputs: Inputs, scope: Scope) -> int | None:
    """Return how many items occur in the training part, which are the candidates; None if the split does not say."""
    split = inputs.splits.get((scope.dataset, scope.protocol), {})
    return split.get("parts", {}).get("train", {}).get("items")
