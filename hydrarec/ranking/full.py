"""Full-catalogue ranking: where each held-out target stands among all candidates, and the best candidates.

The candidates, the filter and the check of the scores are here and nowhere else, so every model and baseline is
ranked alike. Metrics are computed later, from the stored counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.progress import bar
from hydrarec.ranking.candidates import Candidates, Seen
from hydrarec.ranking.top import top
from hydrarec.sequences.log import Cases, Catalogue

BATCH_SIZE = 256
"""Cases scored at once; 54,542 items make 56 MB of scores."""
CACHED_SCORES = 2**20
"""Scores that are compared at a time on a CPU: 4 MiB."""


@runtime_checkable
class Scorer(Protocol):
    """What can be ranked."""

    def __call__(self, rows: Int[Tensor, " B"]) -> Float[Tensor, "B N1"]:
        """Score all items for some cases.

        Parameters
        ----------
        rows
            Numbers of the cases, int64, on the CPU, in any order.

        Returns
        -------
        Tensor
            float32 on any device. The column is the item id; column 0 (padding) and columns beyond the last item
            (special tokens) are ignored. The tensor is not written to.
        """
        ...


@dataclass(frozen=True)
class Ranking:
    """Ranks of all cases and, where asked for, the best candidates of each."""

    ranks: pd.DataFrame
    """Columns of `hydrarec.columns.RANKS`, one row per case, in the order of the cases."""
    recommendations: pd.DataFrame | None
    """Columns of `hydrarec.columns.RECOMMENDATIONS`; None if no list was asked for."""


def rank(
    score: Scorer, cases: Cases, catalogue: Catalogue, *, batch_size: int, top_k: int = 0, what: str = "rank"
) -> Ranking:
    """Rank the target of every case among its candidates.

    Candidates are the items of the training data less the user's complete known history, which stays in where users
    repeat items. A cold target is a miss: all candidates count as scored above it.

    Parameters
    ----------
    score
        The model.
    cases
        Held-out targets.
    catalogue
        The items.
    batch_size
        Cases scored at once; memory grows with `batch_size` times the number of items. It does not change the result.
    top_k
        Length of the recommendation lists; 0 for none. Lists are shorter where there are fewer candidates. Equal
        scores are listed by ascending item id.
    what
        Name on the progress bar.

    Returns
    -------
    Ranking

    Raises
    ------
    ValueError
        If scores are not float32, too few or not finite, or a target is in its own history though the training data
        have no repeats.
    """
    candidates = Candidates(cases, catalogue)
    counts, lists = _run(score, cases, candidates, batch_size, top_k, what)
    cold = ~candidates.warm_target
    greater, equal = _filtered(counts, candidates)
    ranks = pd.DataFrame(
        {
            "user": cases.users.cpu().numpy(),
            "step": cases.steps.cpu().numpy(),
            "target": cases.targets.cpu().numpy(),
            "greater": greater,
            "equal": equal,
            "n_candidates": candidates.n_candidates,
            "greater_unfiltered": np.where(cold, candidates.n_warm, counts[:, 0]),
            "equal_unfiltered": np.where(cold, 0, counts[:, 1]),
            "warm": candidates.warm_target,
        }
    )
    integers = ranks.columns.drop("warm")
    return Ranking(ranks.astype(dict.fromkeys(integers, np.int32)), _list_table(lists, cases) if top_k else None)


def count_ranks(
    score: Scorer, cases: Cases, catalogue: Catalogue, *, batch_size: int, what: str = "validate"
) -> tuple[np.ndarray, np.ndarray]:
    """Count only `greater` and `equal` of every case: what validation needs each epoch.

    Parameters and errors are those of `rank`.

    Returns
    -------
    tuple of numpy.ndarray
        `greater` and `equal`, int64, in the order of the cases; `greater` is the number of candidates if the target
        is cold.
    """
    candidates = Candidates(cases, catalogue)
    counts, _ = _run(score, cases, candidates, batch_size, 0, what)
    return _filtered(counts, candidates)


def _filtered(counts: np.ndarray, candidates: Candidates) -> tuple[np.ndarray, np.ndarray]:
    """Return greater and equal among the candidates."""
    greater, equal = counts[:, 0] - counts[:, 2], counts[:, 1] - counts[:, 3]
    return (
        np.where(candidates.warm_target, greater, candidates.n_candidates),
        np.where(candidates.warm_target, equal, 0),
    )


@torch.inference_mode()
def _run(
    score: Scorer, cases: Cases, candidates: Candidates, batch_size: int, top_k: int, what: str
) -> tuple[np.ndarray, list[tuple[np.ndarray, ...]]]:
    """Score all cases once.

    Returns
    -------
    tuple
        For every case, int64: greater and equal among all warm items, greater and equal among the seen ones. And
        per batch the lists: case, position, item, score.
    """
    batches = list(_batches(cases, batch_size))
    counts, sums, lists = [], [], []
    for batch in bar(batches, what=what, unit="batch"):
        scores = _items_only(score(batch), len(batch), candidates.n_items)
        for rows, values in _blocks(batch, scores):
            # A sum is finite only if all its terms are. Read after the loop, so that a GPU is not waited for here.
            sums.append(values.sum(1))
            seen = candidates.seen(rows, values.device)
            targets = candidates.targets[rows].to(values.device)
            counts.append(_count(values, targets, candidates.warm(values.device), seen))
            if top_k:
                lists.append(_best(values, rows, candidates, seen, top_k))
    result = torch.empty((len(cases), 4), dtype=torch.int64)
    if batches:
        order = torch.cat(batches)
        _refuse_not_finite(score, order[~torch.cat(sums).isfinite().cpu()], cases, candidates.n_items, batch_size)
        result[order] = torch.cat(counts).cpu()
    return result.numpy(), lists


def _blocks(rows: Tensor, scores: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Cut a batch into blocks that stay in a CPU's cache; on a GPU one launch for all rows is best."""
    n_rows = max(1, CACHED_SCORES // scores.shape[1]) if scores.device.type == "cpu" else len(rows)
    return zip(rows.split(n_rows), scores.split(n_rows), strict=True)


def _batches(cases: Cases, batch_size: int) -> Iterator[Tensor]:
    """Cut the cases into batches of about equally long histories, longest first: little padding for an encoder."""
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
    lengths = (cases.stops - cases.starts).cpu()
    yield from torch.argsort(lengths, descending=True, stable=True).split(batch_size) if len(cases) else ()


def _items_only(scores: Tensor, n_rows: int, n_items: int) -> Tensor:
    """Return the columns of items 1..N."""
    if scores.dtype != torch.float32:
        raise ValueError(f"scores are {scores.dtype}; ranking needs float32, lower precision makes ties")
    if scores.ndim != 2 or scores.shape[0] != n_rows or scores.shape[1] <= n_items:
        raise ValueError(
            f"scores have shape {tuple(scores.shape)}; expected {n_rows} rows and at least {n_items + 1} columns, "
            "one per item id from 0"
        )
    return scores[:, 1 : n_items + 1]


def _count(values: Tensor, targets: Tensor, warm: Tensor, seen: Seen) -> Int[Tensor, "B 4"]:
    """Count items above and level with the target: among the warm items, and among the seen ones of these."""
    own = values.gather(1, (targets.long() - 1)[:, None])
    greater, level = _above_and_level(values, own, warm)
    history = values[seen.row, seen.item - 1]
    threshold = own[seen.row, 0]
    seen_greater, seen_level = seen.per_row(history > threshold), seen.per_row(history == threshold)
    return torch.stack([greater, level - 1, seen_greater, seen_level], dim=1)


def _above_and_level(values: Tensor, own: Tensor, warm: Tensor) -> tuple[Tensor, Tensor]:
    # Sums run over float32 ones and zeros: many times faster than over booleans, and exact up to 2^24 items.
    flags = torch.empty(values.shape, device=values.device)
    greater = torch.gt(values, own, out=flags).mul_(warm).sum(1).long()
    return greater, torch.eq(values, own, out=flags).mul_(warm).sum(1).long()


def _best(values: Tensor, rows: Tensor, candidates: Candidates, seen: Seen, k: int) -> tuple[np.ndarray, ...]:
    """List the best candidates of a batch: case, position, item, score."""
    masked = values + candidates.warm(values.device).log()  # adds 0 to warm items' scores and minus infinity to others'
    masked[seen.row, seen.item - 1] = -torch.inf
    index, scores = top(masked, min(k, candidates.n_items))
    listed = (scores > -torch.inf).cpu()
    case = rows[:, None].expand(listed.shape)[listed]
    position = torch.arange(1, listed.shape[1] + 1).expand(listed.shape)[listed]
    return case.numpy(), position.numpy(), index.cpu()[listed].numpy() + 1, scores.cpu()[listed].numpy()


def _list_table(lists: list[tuple[np.ndarray, ...]], cases: Cases) -> pd.DataFrame:
    columns = [np.concatenate(parts) for parts in zip(*lists, strict=True)] or [np.zeros(0, dtype=np.int64)] * 4
    case, position, item, scores = columns
    order = np.lexsort((position, case))
    case = case[order]
    return pd.DataFrame(
        {
            "user": cases.users.cpu().numpy()[case],
            "step": cases.steps.cpu().numpy()[case],
            "position": position[order].astype(np.int32),
            "item": item[order].astype(np.int32),
            "score": scores[order].astype(np.float32),
        }
    )


def _refuse_not_finite(score: Scorer, suspects: Tensor, cases: Cases, n_items: int, batch_size: int) -> None:
    """Score the suspects again, since a sum of huge finite scores overflows too."""
    for rows in suspects.split(batch_size) if len(suspects) else ():
        wrong = (~_items_only(score(rows), len(rows), n_items).isfinite()).sum(1).cpu()
        if wrong.any():
            first = int(wrong.nonzero()[0])
            raise ValueError(
                f"user {int(cases.users[rows[first]])}: {int(wrong[first])} of {n_items} scores are not finite "
                f"({len(suspects)} of {len(cases)} cases are affected)"
            )
