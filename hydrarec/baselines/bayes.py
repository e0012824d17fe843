"""The best possible recommender for the embedded data set: it knows the process that the data were drawn from.

Its HR@k is an upper bound for every model on this data, up to the luck of the draw, where nothing that was drawn is
left out of the histories. It exists for no other data set.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.baselines import BaselineInputs, NoOptions, read_options
from hydrarec.columns import ITEMS
from hydrarec.config.datasets import SyntheticReaderConfig
from hydrarec.data.synthetic import SyntheticProcess
from hydrarec.files import read_json
from hydrarec.ranking.full import Scorer
from hydrarec.tables import read_table


def scorer(inputs: BaselineInputs, options: dict[str, Any]) -> Scorer:
    """Score every item by its exact probability to be the user's next one, given all that the user did before.

    Parameters
    ----------
    inputs
        Cases of the embedded data set.
    options
        None allowed.

    Raises
    ------
    ValueError
        If the data set is another one, or options are given.

    Notes
    -----
    A list of the k likeliest items maximises the chance that the next one is among them, so no scorer has a higher
    expected HR@k, nor NDCG@k. O(T N) per case with a history of T items.
    """
    read_options(NoOptions, options)
    process = SyntheticProcess.from_config(_generator(inputs))
    raw = read_table(inputs.data / "items.parquet", ITEMS, ["raw_item"])["raw_item"].astype(int).to_numpy()
    items, starts, stops = inputs.cases.log.items.numpy(), inputs.cases.starts.numpy(), inputs.cases.stops.numpy()

    def score(rows: Int[Tensor, " B"]) -> Float[Tensor, "B N1"]:
        scores = np.zeros((len(rows), len(raw) + 1), dtype=np.float32)
        for index, row in enumerate(rows.tolist()):
            history = raw[items[starts[row] : stops[row]] - 1]
            scores[index, 1:] = process.next_item_probabilities(history)[raw]
        return torch.from_numpy(scores)

    return score


def _generator(inputs: BaselineInputs) -> SyntheticReaderConfig:
    path = inputs.data / "card.json"
    card = read_json(path)
    if card["reader"]["kind"] != "synthetic":
        raise ValueError(
            f"{path}: data set {card['dataset']} was read by {card['reader']['kind']}; the best possible score is "
            "known for generated data only (allowed: reader synthetic)"
        )
    return SyntheticReaderConfig.model_validate(card["reader"])
