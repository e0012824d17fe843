"""How many items are scored above a target and level with it: among warm items, and among the seen ones of these."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.ranking.candidates import Seen
from hydrarec.ranking.tiles import ScoreTile


def count(tile: ScoreTile, targets: Int[Tensor, " R"], seen: Seen) -> Int[Tensor, "R 4"]:
    """Count items for each row of a tile.

    Parameters
    ----------
    tile
        Scores, minus infinity for cold items.
    targets
        Id of the target of each row.
    seen
        The filtered items of each row, none of them a target.

    Returns
    -------
    Tensor
        Items above and level with the target, the target left out; then the same among the seen items. Of no meaning
        where the target is cold.
    """
    own = tile.values.gather(1, (targets.long() - 1)[:, None])
    # Sums run over float32 ones and zeros: many times faster than over booleans, and exact up to 2^24 items.
    greater = torch.gt(tile.values, own, out=tile.spare).sum(1).long()
    level = torch.eq(tile.values, own, out=tile.spare).sum(1).long()
    return torch.stack([greater, level - 1, *_among_seen(tile.values, own, seen)], dim=1)


def _among_seen(values: Float[Tensor, "R N"], own: Float[Tensor, "R 1"], seen: Seen) -> tuple[Tensor, Tensor]:
    history, threshold = values[seen.row, seen.item - 1], own[seen.row, 0]
    return seen.per_row(history > threshold), seen.per_row(history == threshold)
