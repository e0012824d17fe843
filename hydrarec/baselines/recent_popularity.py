"""Recent popularity: the same items for everybody, those met most in the newest part of the training data first."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.baselines import BaselineInputs, read_options
from hydrarec.columns import TRAIN
from hydrarec.config.baselines import RecentPopularityOptions
from hydrarec.ranking.full import Scorer
from hydrarec.sequences.log import Log
from hydrarec.tables import read_table

SECONDS_PER_DAY = 86_400


def scorer(inputs: BaselineInputs, options: dict[str, Any]) -> Scorer:
    """Score every item by its recent training interactions.

    Raises
    ------
    ValueError
        If `by` is `time` and the training part has events without a timestamp.

    Notes
    -----
    `last_items`: events among the `last_items` newest of their user, plus popularity(i) / (2 max popularity), which
    only orders items with equal counts. `time`: sum over all events of 2^-(days before the last event / half-life).

    The recent part ends for everybody where the training data end. Under `gts` that is when the test begins; under
    `loo` it is later than most targets, so that `last_items`, which goes by each user's own time, says more there.
    Ji et al. take the time of each single request instead, which would be another input than all other methods get.

    References
    ----------
    RecentPop and DecayPop: Ji et al., A Re-visit of the Popularity Baseline, SIGIR 2020, arXiv 2005.13829.
    """
    chosen = read_options(RecentPopularityOptions, options)
    popularity = inputs.catalogue.counts.double()
    if chosen.by == "time":
        recent = log_decayed_counts(inputs, chosen.half_life_days)
    else:
        recent = newest_counts(inputs.train, chosen.last_items, len(popularity)) + popularity / (2 * popularity.max())
    # Ranks among each other say the same, and unlike sums they differ in float32 wherever these do.
    scores = recent.unique(return_inverse=True)[1].float()

    def score(rows: Int[Tensor, " B"]) -> Float[Tensor, "B N1"]:
        return scores.expand(len(rows), -1)

    return score


def newest_counts(train: Log, newest: int, size: int) -> Float[Tensor, " N1"]:
    """Count each item among the newest events of the users."""
    after = torch.repeat_interleave(train.offsets[1:], train.lengths) - torch.arange(len(train.items))
    return torch.bincount(train.items[after <= newest], minlength=size).double()


def log_decayed_counts(inputs: BaselineInputs, half_life_days: float) -> Float[Tensor, " N1"]:
    """Sum each item's training events, halved with every half-life before the last event of all.

    Returns
    -------
    Tensor
        Binary logarithm of the sum, for after a thousand half-lives nothing would be left of it; -inf without events.
    """
    path = inputs.split / "train.parquet"
    events = read_table(path, TRAIN, ["item", "timestamp"])
    untimed = int(events["timestamp"].isna().sum())
    if untimed:
        raise ValueError(
            f"{path}: by: time needs timestamps, which {untimed} of {len(events)} events have not; "
            "allowed here: by: last_items"
        )
    items, size = events["item"].to_numpy(), inputs.catalogue.n_items + 1
    days = (events["timestamp"].max() - events["timestamp"]).to_numpy(dtype=np.float64) / SECONDS_PER_DAY
    age = days / half_life_days
    newest = np.full(size, np.inf)
    np.minimum.at(newest, items, age)
    beside_newest = np.bincount(items, np.exp2(newest[items] - age), minlength=size)
    with np.errstate(divide="ignore"):
        return torch.from_numpy(np.log2(beside_newest) - newest)
