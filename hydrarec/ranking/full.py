"""Full-catalogue ranking: where each held-out target stands among all candidates, and the best candidates.

The candidates, the filter and the check of the scores are here and nowhere else, so every model and baseline is
ranked alike. Metrics are computed later, from the stored counts.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.devices import send
from hydrarec.progress import bar
from hydrarec.ranking.candidates import Candidates
from hydrarec.ranking.counts import count
from hydrarec.ranking.recommendations import Recommendations
from hydrarec.ranking.sampled import SampledCandidates, count_sampled, table
from hydrarec.ranking.threads import threads_of_one_core
from hydrarec.ranking.tiles import FEWEST_ROWS, Products, ScoreTiles, evenly
from hydrarec.sequences.log import Cases, Catalogue

BATCH_SIZE = 256
"""Cases scored at once; scores that are given dense take 56 MB for 54,542 items."""

Counted: TypeAlias = tuple[Float[Tensor, " R"], Int[Tensor, "R K"]]
"""Of a tile: the sum of each row's scores, and the row's counts."""


@runtime_checkable
class Scorer(Protocol):
    """What can be ranked."""

    def __call__(self, rows: Int[Tensor, " B"]) -> Float[Tensor, "B N1"] | Products:
        """Score all items for some cases.

        Parameters
        ----------
        rows
            Numbers of the cases, int64, on the CPU, in any order.

        Returns
        -------
        Tensor or Products
            float32 on any device. The column is the item id; column 0 (padding) and columns beyond the last item
            (special tokens) are ignored. The tensor is not written to, and no longer read when the next scores are
            asked for. Hidden states and output embeddings may be left to be multiplied here, which is faster; they
            must stay as they are.
        """
        ...


@dataclass(frozen=True)
class Ranking:
    """Ranks of all cases and, where asked for, the best candidates of each."""

    ranks: pd.DataFrame
    """Columns of `hydrarec.columns.RANKS`, one row per case, in the order of the cases."""
    recommendations: pd.DataFrame | None
    """Columns of `hydrarec.columns.RECOMMENDATIONS`; None if no list was asked for."""
    sampled: pd.DataFrame | None
    """Columns of `hydrarec.columns.SAMPLED`; None if there are no sampled candidates."""


def rank(
    score: Scorer,
    cases: Cases,
    catalogue: Catalogue,
    *,
    batch_size: int,
    top_k: int = 0,
    sampled_candidates: Sequence[SampledCandidates] = (),
    what: str = "rank",
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
        Cases scored at once; memory grows with `batch_size` times the number of items. It changes no result, but that
        products of very few rows may be rounded otherwise.
    top_k
        Length of the recommendation lists; 0 for none. Lists are shorter where there are fewer candidates. Equal
        scores are listed by ascending item id.
    sampled_candidates
        Sampled candidates, among which the target is ranked as well.
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
    lists = Recommendations(len(cases), min(top_k, catalogue.n_items)) if top_k else None
    counts = _run(score, cases, candidates, batch_size, lists, sampled_candidates, what)
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
    among_sampled = np.split(counts[:, 4:], len(sampled_candidates), axis=1) if sampled_candidates else []
    sampled = [
        table(c, d, cases, candidates.warm_target) for c, d in zip(among_sampled, sampled_candidates, strict=True)
    ]
    return Ranking(
        ranks.astype(dict.fromkeys(integers, np.int32)),
        lists.table(cases) if lists else None,
        pd.concat(sampled, ignore_index=True) if sampled else None,
    )


def count_ranks(
    score: Scorer, cases: Cases, candidates: Candidates, *, batch_size: int, what: str = "validate"
) -> tuple[np.ndarray, np.ndarray]:
    """Count only `greater` and `equal` of every case: what validation needs each epoch.

    Parameters and errors are those of `rank`, but for `candidates`: the cases' own, which are the same in every epoch.

    Returns
    -------
    tuple of numpy.ndarray
        `greater` and `equal`, int64, in the order of the cases; `greater` is the number of candidates if the target
        is cold.
    """
    return _filtered(_run(score, cases, candidates, batch_size, None, (), what), candidates)


def _filtered(counts: np.ndarray, candidates: Candidates) -> tuple[np.ndarray, np.ndarray]:
    """Return greater and equal among the candidates."""
    greater, equal = counts[:, 0] - counts[:, 2], counts[:, 1] - counts[:, 3]
    return (
        np.where(candidates.warm_target, greater, candidates.n_candidates),
        np.where(candidates.warm_target, equal, 0),
    )


@torch.inference_mode()
def _run(
    score: Scorer,
    cases: Cases,
    candidates: Candidates,
    batch_size: int,
    lists: Recommendations | None,
    sampled_candidates: Sequence[SampledCandidates],
    what: str,
) -> Int[np.ndarray, "C K"]:
    """Score all cases once, fill the lists if any, and return every case's counts: four, and three for each draw."""
    batches = list(_batches(cases, batch_size))
    n_threads = torch.get_num_threads()
    workers = deque(
        _Worker(ScoreTiles(candidates.n_items), candidates, lists, sampled_candidates) for _ in range(n_threads)
    )
    found: list[Counted] = []
    waiting: deque[Future[list[Counted]]] = deque()
    with threads_of_one_core(n_threads) as submit:
        for batch in bar(batches, what=what, unit="batch"):
            scores = score(batch)
            on_cpu = scores.device.type == "cpu"
            parts = _parts(len(batch), n_threads if on_cpu else 1)
            waiting.extend(submit(_rank, workers, batch, scores, part) for part in parts)
            # While a batch is ranked the next one is scored, so that no thread waits for the slowest at its end. Dense
            # scores may lie where the scorer puts those of the next batch.
            ahead = len(parts) if on_cpu and isinstance(scores, Products) else 0
            while len(waiting) > ahead:
                found += waiting.popleft().result()
        for rest in waiting:
            found += rest.result()
    result = torch.empty((len(cases), 4 + 3 * len(sampled_candidates)), dtype=torch.int64)
    if batches:
        order = torch.cat(batches)
        sums, counts = map(torch.cat, zip(*found, strict=True))
        _refuse_not_finite(score, order[~sums.isfinite().cpu()], cases, workers[0].tiles, batch_size)
        result[order] = counts.cpu()
    return result.numpy()


@dataclass(frozen=True)
class _Worker:
    """Ranks parts of batches, one at a time."""

    tiles: ScoreTiles
    candidates: Candidates
    lists: Recommendations | None
    sampled_candidates: Sequence[SampledCandidates]

    @torch.inference_mode()
    def rank(self, batch: Tensor, scores: Tensor | Products, part: slice) -> list[Counted]:
        """Count, and list what is asked for, tile by tile of a part of a batch."""
        found = []
        for tile in self.tiles.of(scores, len(batch), part):
            rows, values = batch[tile.rows], tile.values
            # A sum is finite only if all its terms are. Read at the end, so that a GPU is not waited for here.
            sums = values.sum(1)
            values.index_fill_(1, self.candidates.cold(values.device), -torch.inf)
            seen = self.candidates.seen(rows, values.device)
            targets = send(self.candidates.targets[rows], values.device)
            among_sampled = [
                count_sampled(tile, targets, send(one.items[rows], values.device)) for one in self.sampled_candidates
            ]
            found.append((sums, torch.cat([count(tile, targets, seen), *among_sampled], dim=1)))
            if self.lists:
                values[seen.row, seen.item - 1] = -torch.inf
                self.lists.add(rows, values)
        return found


def _rank(workers: deque[_Worker], batch: Tensor, scores: Tensor | Products, part: slice) -> list[Counted]:
    """Rank a part of a batch with a worker that has nothing to do."""
    worker = workers.pop()
    try:
        return worker.rank(batch, scores, part)
    finally:
        workers.append(worker)


def _parts(n_rows: int, n_threads: int) -> list[slice]:
    """Cut the rows of a batch into a part for each thread, but into none that is hardly worth one."""
    return evenly(slice(0, n_rows), max(1, min(n_threads, n_rows // FEWEST_ROWS)))


def _batches(cases: Cases, batch_size: int) -> Iterator[Tensor]:
    """Cut the cases into batches of about equally long histories, longest first: little padding for an encoder."""
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
    lengths = (cases.stops - cases.starts).cpu()
    yield from torch.argsort(lengths, descending=True, stable=True).split(batch_size) if len(cases) else ()


def _refuse_not_finite(score: Scorer, suspects: Tensor, cases: Cases, tiles: ScoreTiles, batch_size: int) -> None:
    """Score the suspects again, since a sum of huge finite scores overflows too."""
    for rows in suspects.split(batch_size) if len(suspects) else ():
        wrong = torch.cat([(~tile.values.isfinite()).sum(1) for tile in tiles.of(score(rows), len(rows))]).cpu()
        if wrong.any():
            first = int(wrong.nonzero()[0])
            raise ValueError(
                f"user {int(cases.users[rows[first]])}: {int(wrong[first])} of {tiles.n_items} scores are not finite "
                f"({len(suspects)} of {len(cases)} cases are affected)"
            )
