"""The k best of each row, with one answer however scores are tied."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def top(scores: Float[Tensor, "B N"], k: int) -> tuple[Int[Tensor, "B K"], Float[Tensor, "B K"]]:
    """Return the columns of the `k` highest scores of each row and these scores.

    Ordered by descending score and, among equal scores, by ascending column. `torch.topk` alone leaves open which of
    the equal scores it returns, and answers differently on different devices.

    Parameters
    ----------
    scores
        No NaN; minus infinity for columns that shall come last.
    k
        At most the number of columns.
    """
    column = scores.topk(k, dim=1, sorted=False).indices.sort(dim=1).values
    lowest = scores.gather(1, column).amin(1, keepdim=True)
    # Which column stands for the lowest score is open only where more of them have it than there are places left.
    fitting = torch.ge(scores, lowest, out=torch.empty_like(scores)).sum(1)  # floats are summed faster than booleans
    crowded = ((fitting > k) & (lowest[:, 0] > -torch.inf)).nonzero()[:, 0]
    if len(crowded):
        column[crowded] = _first_of_the_tied(scores[crowded], lowest[crowded], k)
    value = scores.gather(1, column)
    order = value.sort(dim=1, descending=True, stable=True).indices
    return column.gather(1, order), value.gather(1, order)


def _first_of_the_tied(scores: Tensor, lowest: Tensor, k: int) -> Tensor:
    """Choose all columns above the lowest score, and of those with it the first that fit; ascending."""
    above, tied = scores > lowest, scores == lowest
    room = k - above.sum(1, keepdim=True)
    chosen = above | (tied & (tied.cumsum(1, dtype=torch.int32) <= room))
    return chosen.nonzero()[:, 1].view(-1, k)
