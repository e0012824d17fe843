"""Which items are candidates of which case: warm in training, and not in the user's complete known history."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hydrarec.sequences.log import Cases, Catalogue


@dataclass(frozen=True)
class Seen:
    """The items filtered from the candidates of a batch, as (row, item) pairs without repetition."""

    row: Int[Tensor, " S"]
    """Row of the batch, ascending."""
    item: Int[Tensor, " S"]
    """Item id."""
    ends: Int[Tensor, " B1"]
    """Where the pairs of each row begin, and where the last row's end."""

    def per_row(self, flags: Bool[Tensor, " S"]) -> Int[Tensor, " B"]:
        """Count the true flags of each row."""
        running = torch.nn.functional.pad(flags.cumsum(0), (1, 0))
        return running[self.ends].diff()


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
        If a target is in its own history although the training data have no repeats.
    """

    def __init__(self, cases: Cases, catalogue: Catalogue) -> None:
        self.n_items = catalogue.n_items
        self.targets = cases.targets.cpu()
        warm = catalogue.warm.cpu()
        self.n_warm = int(warm.sum())
        self.warm_target: np.ndarray = warm[self.targets.long()].numpy()
        """By case: the target occurs in the training data."""
        self._warm = warm[1:].float()
        items = cases.log.items.cpu().long()
        if catalogue.has_repeats:
            filtered = torch.zeros(len(items), dtype=torch.bool)
        else:
            first = _first_meetings(cases, items, catalogue.n_items)
            _refuse_seen_targets(cases, first)
            filtered = first & warm[items]
        # Only filtered events are kept; the running count turns offsets into the log into offsets into these.
        self._items = items[filtered]
        before = torch.nn.functional.pad(filtered.cumsum(0), (1, 0))
        self._starts, self._stops = before[cases.starts.cpu()], before[cases.stops.cpu()]
        self.n_candidates: np.ndarray = (self.n_warm - (self._stops - self._starts)).numpy()
        """By case, int64."""

    def warm(self, device: torch.device) -> Float[Tensor, " N"]:
        """Return 1.0 for the items of the training data and 0.0 for others, item 1 first."""
        self._warm = self._warm.to(device)
        return self._warm

    def seen(self, rows: Int[Tensor, " B"], device: torch.device) -> Seen:
        """Return the filtered items of some cases, on a device."""
        starts, stops = self._starts[rows], self._stops[rows]
        ends = torch.nn.functional.pad((stops - starts).cumsum(0), (1, 0))
        # The number of pairs is known on the CPU, so that no step below waits for a GPU.
        total = int(ends[-1])
        self._items = self._items.to(device)
        ends, shift = ends.to(device), (starts - ends[:-1]).to(device)
        row = torch.repeat_interleave(ends.diff(), output_size=total)
        return Seen(row, self._items[torch.arange(total, device=device) + shift[row]], ends)


def _first_meetings(cases: Cases, items: Tensor, n_items: int) -> Bool[Tensor, " E"]:
    """Mark the events with which a user meets an item for the first time."""
    user = torch.repeat_interleave(cases.log.offsets.cpu().diff())
    meeting = (user * (n_items + 1) + items).numpy()
    first = torch.ones(len(items), dtype=torch.bool)
    ordered = np.sort(meeting)
    # Sorting values is far cheaper than sorting places, and nearly always enough.
    if (ordered[1:] == ordered[:-1]).any():
        place = np.argsort(meeting, kind="stable")
        first[torch.from_numpy(place[1:][np.diff(meeting[place]) == 0])] = False
    return first


def _refuse_seen_targets(cases: Cases, first: Tensor) -> None:
    seen = ~first[cases.stops.cpu()]
    if seen.any():
        case = int(seen.nonzero()[0])
        raise ValueError(
            f"user {int(cases.users[case])}: target {int(cases.targets[case])} is in the user's own history, and the "
            f"history is filtered because the training data have no repeats ({int(seen.sum())} such targets); "
            "prepare the data set with `repeats: first`"
        )
