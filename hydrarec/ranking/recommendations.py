"""Recommendation lists: the best candidates of every case, as a table."""

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.ranking.top import top
from hydrarec.sequences.log import Cases


class Recommendations:
    """Collects the best candidates of all cases, tile by tile.

    Parameters
    ----------
    n_cases
        Number of cases.
    length
        Items of a list, at most the items of the data set.
    """

    def __init__(self, n_cases: int, length: int) -> None:
        self._items = torch.empty(n_cases, length, dtype=torch.int32)
        self._scores = torch.empty(n_cases, length)

    def add(self, rows: Int[Tensor, " R"], values: Float[Tensor, "R N"]) -> None:
        """List the best candidates of some cases.

        Parameters
        ----------
        rows
            Numbers of the cases.
        values
            Scores of the items 1..N, minus infinity for what is no candidate.
        """
        column, scores = top(values, self._items.shape[1])
        self._items[rows] = (column + 1).int().cpu()
        self._scores[rows] = scores.cpu()

    def table(self, cases: Cases) -> pd.DataFrame:
        """Return columns of `hydrarec.columns.RECOMMENDATIONS`, in the order of the cases."""
        listed = (self._scores > -torch.inf).numpy()
        length = listed.sum(1)
        positions = np.arange(1, listed.shape[1] + 1, dtype=np.int32)
        return pd.DataFrame(
            {
                "user": np.repeat(cases.users.cpu().numpy(), length),
                "step": np.repeat(cases.steps.cpu().numpy(), length),
                "position": np.broadcast_to(positions, listed.shape)[listed],
                "item": self._items.numpy()[listed],
                "score": self._scores.numpy()[listed],
            },
            # Columns of one type are not gathered into one block: that would be one more copy of millions of rows.
            copy=False,
        )
