"""Which items are candidates of which case: warm in training, and not in the user's complete known history."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from hydrarec.devices import send
from hydrarec.sequences.log import Cases, Catalogue

TABLE = 2**22
"""Pairs of user and item in which repetitions are looked for at a time: 16 MiB."""


@dataclass(frozen=True)
class Seen:
    """The items filtered from the candidates of a batch, as (row, item) pairs without repetition."""

    row: Int[Tensor, " S"]
    """Row of the batch, ascending."""
    item: Int[Tensor, " S"]
    """Item id."""
    offsets: Int[Tensor, " B1"]
    """Where the pairs of each row begin, and where the last row's end."""

    def per_row(self, flags: Bool[Tensor, " S"]) -> Int[Tensor, " B"]:
        """Count the true flags of each row."""
        running = torch.nn.functional.pad(flags.cumsum(0), (1, 0))
        return running[self.offsets].diff()


class Candidates:
    """The candidates of all cases; made once per ranking, vectorised over all events.

    Parameters
    ----------
    cases
        Held-out targets with their histories, which are filtered in full, whatever window a model looks at.
    catalogue
        The items. If its `has_repeats` is true, nothing is filtered.

    Raises
    ------
    ValueError
        If an event has an item that is not of the catalogue, or a target is in its own history although the training
        data have no repeats.
    """

    def __init__(self, cases: Cases, catalogue: Catalogue) -> None:
        self.n_items = catalogue.n_items
        if (largest := int(cases.log.items.max())) > self.n_items:
            raise ValueError(
                f"the split holds item {largest}, but items.parquet lists {self.n_items} items; they are of different "
                "data: prepare and split again"
            )
        self.targets = cases.targets.cpu()
        warm = catalogue.warm.cpu()
        self._cold = (~warm[1:]).nonzero()[:, 0]
        self.n_warm = int(warm.sum())
        self.warm_target: np.ndarray = warm[self.targets.long()].numpy()
        """By case: the target occurs in the training data."""
        items, starts, stops = cases.log.items.cpu(), cases.starts.cpu(), cases.stops.cpu()
        if catalogue.has_repeats:
            starts = stops = torch.zeros_like(starts)
        else:
            first = _first_meetings(cases, items, catalogue.n_items)
            _refuse_seen_targets(cases, first)
            filtered = first if bool(warm[1:].all()) else first & warm[items]
            if not filtered.all():
                # Only filtered events are kept; their running count turns offsets into the log into offsets into these.
                before = torch.nn.functional.pad(filtered.cumsum(0), (1, 0))
                items, starts, stops = items[filtered], before[starts], before[stops]
        self._items, self._starts, self._stops = items, starts, stops
        self.n_candidates: np.ndarray = (self.n_warm - (self._stops - self._starts)).numpy()
        """By case, int64."""

    def cold(self, device: torch.device) -> Int[Tensor, " M"]:
        """Return which items are no candidates of anybody, 0 for item 1."""
        self._cold = self._cold.to(device)
        return self._cold

    def seen(self, rows: Int[Tensor, " B"], device: torch.device) -> Seen:
        """Return the filtered items of some cases, on a device."""
        starts, stops = self._starts[rows], self._stops[rows]
        offsets = torch.nn.functional.pad((stops - starts).cumsum(0), (1, 0))
        # The number of pairs is known on the CPU, so that no step below waits for a GPU.
        total = int(offsets[-1])
        self._items = self._items.to(device)
        offsets, shift = send(offsets, device), send(starts - offsets[:-1], device)
        row = torch.repeat_interleave(offsets.diff(), output_size=total)
        return Seen(row, self._items[torch.arange(total, device=device) + shift[row]].long(), offsets)


def _first_meetings(cases: Cases, items: Tensor, n_items: int) -> Bool[Tensor, " E"]:
    """Mark the events with which a user meets an item for the first time."""
    offsets = cases.log.offsets.cpu().numpy()
    first = np.ones(len(items), dtype=bool)
    n_users = max(1, TABLE // (n_items + 1))
    latest = np.empty(n_users * (n_items + 1), dtype=np.int32)
    for begin in range(0, len(offsets) - 1, n_users):
        ends = offsets[begin : begin + n_users + 1]
        events = slice(ends[0], ends[-1])
        meeting = np.repeat(np.arange(len(ends) - 1) * (n_items + 1), np.diff(ends)) + items.numpy()[events]
        # Whichever of several events stays in its place of the table, the others do not find themselves there.
        event = np.arange(len(meeting), dtype=np.int32)
        latest[meeting] = event
        if (latest[meeting] != event).any():
            place = np.argsort(meeting, kind="stable")
            first[events][place[1:][np.diff(meeting[place]) == 0]] = False
    return torch.from_numpy(first)


def _refuse_seen_targets(cases: Cases, first: Tensor) -> None:
    seen = ~first[cases.stops.cpu()]
    if seen.any():
        case = int(seen.nonzero()[0])
        raise ValueError(
            f"user {int(cases.users[case])}: target {int(cases.targets[case])} is in the user's own history, and the "
            f"history is filtered because the training data have no repeats ({int(seen.sum())} such targets); "
            "prepare the data set with `repeats: first`"
        )
