"""Counts among a few sampled candidates, taken from scores that the full ranking has computed anyway."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from hydrarec.columns import CANDIDATES
from hydrarec.config.protocol import sample_size
from hydrarec.ranking.candidates import TABLE, Candidates
from hydrarec.ranking.tiles import ScoreTile
from hydrarec.sequences.log import Cases, Catalogue
from hydrarec.tables import content_hash, read_table


@dataclass(frozen=True)
class SampledCandidates:
    """The sampled candidates of all cases, of one kind."""

    kind: str
    """`uniform-100` or `popularity-100`."""
    items: Int[Tensor, "C K"]
    """Item ids of each case, on the CPU; 0 where it has fewer than others."""
    content_hash: str
    """Of the file they are from."""


def read_sampled_candidates(paths: Sequence[Path], cases: Cases, catalogue: Catalogue) -> list[SampledCandidates]:
    """Read files that `hydrarec candidates` wrote.

    Parameters
    ----------
    paths
        `candidates-<kind>.parquet`.
    cases
        The test targets.
    catalogue
        The items.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a file is about other cases, holds items that are no candidates, or fewer than could be drawn.
    """
    if not paths:
        return []
    candidates = Candidates(cases, catalogue)
    return [_read(path, cases, catalogue, candidates) for path in paths]


def count_sampled(tile: ScoreTile, targets: Int[Tensor, " R"], sampled: Int[Tensor, "R K"]) -> Int[Tensor, "R 3"]:
    """Count a row's sampled candidates above its target, level with it, and all of them."""
    own = tile.values.gather(1, (targets.long() - 1)[:, None])
    there = sampled > 0
    scores = tile.values.gather(1, (sampled.long() - 1).clamp(min=0))
    return torch.stack([((scores > own) & there).sum(1), ((scores == own) & there).sum(1), there.sum(1)], dim=1)


def table(counts: Int[np.ndarray, "C 3"], sampled: SampledCandidates, cases: Cases, warm: np.ndarray) -> pd.DataFrame:
    """Return columns of `hydrarec.columns.SAMPLED`, in the order of the cases."""
    return pd.DataFrame(
        {
            "user": cases.users.cpu().numpy(),
            "step": cases.steps.cpu().numpy(),
            "kind": sampled.kind,
            "greater": np.where(warm, counts[:, 0], counts[:, 2]).astype(np.int32),
            "equal": np.where(warm, counts[:, 1], 0).astype(np.int32),
        }
    )


def _read(path: Path, cases: Cases, catalogue: Catalogue, candidates: Candidates) -> SampledCandidates:
    kind = path.stem.removeprefix("candidates-")
    number = sample_size(kind)
    asked = pd.DataFrame({"user": cases.users.cpu().numpy(), "step": cases.steps.cpu().numpy()})
    rows = read_table(path, CANDIDATES).merge(asked.assign(case=asked.index), how="left", on=["user", "step"])
    unknown = rows["case"].isna().to_numpy()
    found = rows[~unknown].astype({"case": np.int64}).sort_values("case", kind="stable")
    n_sampled = np.bincount(found["case"], minlength=len(asked))
    items = np.zeros((len(asked), number), dtype=np.int32)
    items[np.arange(number) < n_sampled[:, None]] = found["item"][found.groupby("case").cumcount() < number]
    known = np.where((items > 0) & (items <= catalogue.n_items), items, 0)
    ordered = np.sort(known, axis=1)
    others = candidates.n_candidates - candidates.warm_target
    wrong = {
        "users and steps that are no test target": unknown.sum(),
        "targets with another number of items than could be drawn": (n_sampled != np.minimum(number, others)).sum(),
        "items that are not in the training data": ((items != 0) & ~catalogue.warm.cpu().numpy()[known]).sum(),
        "items that their target has already": ((np.diff(ordered) == 0) & (ordered[:, 1:] > 0)).sum(),
        "items of their user's known history": _in_history(known, candidates).sum(),
        "targets among their own items": (items == cases.targets.cpu().numpy()[:, None]).any(axis=1).sum(),
    }
    if any(wrong.values()):
        said = ", ".join(f"{count} {what}" for what, count in wrong.items() if count)
        raise ValueError(f"{path}: {said}; draw the candidates anew")
    return SampledCandidates(kind, torch.from_numpy(items), content_hash(path))


def _in_history(items: Int[np.ndarray, "C K"], candidates: Candidates) -> Bool[np.ndarray, "C K"]:
    """Mark the items that are filtered from their case's candidates, a part of the cases at a time."""
    found, n_rows = np.zeros(items.shape, dtype=bool), max(1, TABLE // (candidates.n_items + 1))
    for begin in range(0, len(items), n_rows):
        part = items[begin : begin + n_rows]
        seen = candidates.seen(torch.arange(begin, begin + len(part)), torch.device("cpu"))
        filtered = np.zeros((len(part), candidates.n_items + 1), dtype=bool)
        filtered[seen.row.numpy(), seen.item.numpy()] = True
        found[begin : begin + n_rows] = filtered[np.arange(len(part))[:, None], part]
    return found
