"""The k best of each row, with one answer however scores are tied.

`torch.topk` over all columns costs more than computing the scores. So columns are dealt out to groups: the k-th largest
of the groups' maxima is no larger than the k-th largest score, and little more than k scores reach it.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

GROUPS = 8
"""Groups per place of the list. With more of them fewer scores reach the threshold, but it takes longer to find."""


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
    n_columns = scores.shape[1]
    maxima = _group_maxima(scores, k)
    threshold = maxima.topk(k, dim=1, sorted=False).values.amin(1, keepdim=True)
    chosen = _at_least(scores, threshold)
    crowded = ((maxima >= threshold).sum(1) > 2 * k).nonzero()[:, 0]
    if len(crowded):
        chosen[crowded] = _above_and_first_level(scores[crowded], threshold[crowded], k)
    place = _true_places(chosen)
    return _best_of_each(place // n_columns, place % n_columns, scores, k)


def _group_maxima(scores: Tensor, k: int) -> Float[Tensor, "B G"]:
    """Return the highest score of each of 8 k to 16 k groups of columns, or all scores where these are fewer."""
    maxima = scores
    while maxima.shape[1] >= 2 * GROUPS * k:
        half = maxima.shape[1] // 2
        # An odd column is left out: fewer scores only lower the threshold.
        maxima = torch.maximum(maxima[:, :half], maxima[:, half : 2 * half])
    return maxima


def _at_least(scores: Tensor, threshold: Tensor) -> Bool[Tensor, "B N"]:
    # On a CPU NumPy is several times faster than torch at making booleans, and at finding the few true ones.
    if scores.device.type == "cpu":
        return torch.from_numpy(scores.numpy() >= threshold.numpy())
    return scores >= threshold


def _above_and_first_level(scores: Tensor, threshold: Tensor, k: int) -> Bool[Tensor, "B N"]:
    """Choose what is above the threshold and, where that is fewer than k, the first columns level with it."""
    above, level = scores > threshold, scores == threshold
    room = k - above.sum(1, keepdim=True)
    return above | (level & (level.cumsum(1, dtype=torch.int32) <= room))


def _true_places(flags: Bool[Tensor, "B N"]) -> Int[Tensor, " P"]:
    """Return the places of the true flags in the flattened matrix, ascending."""
    if flags.device.type == "cpu":
        return torch.from_numpy(np.flatnonzero(flags.numpy()))
    return flags.flatten().nonzero()[:, 0]


def _best_of_each(row: Tensor, column: Tensor, scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the k best of the chosen columns of each row, which are ascending; there are k or more."""
    length = row.bincount(minlength=len(scores))
    place = torch.arange(len(row), device=row.device) - (length.cumsum(0) - length)[row]
    # Where NaN is among the scores nothing is chosen; that is an error of the scorer, which ranking reports at its end.
    shape = len(scores), max(k, int(length.max()))
    columns, values = column.new_zeros(shape), scores.new_full(shape, -torch.inf)
    columns[row, place] = column
    values[row, place] = scores[row, column]
    order = values.sort(dim=1, descending=True, stable=True).indices[:, :k]
    return columns.gather(1, order), values.gather(1, order)
