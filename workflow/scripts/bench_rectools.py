"""RecTools as a worker of `hydrarec bench training`: its own data preparation, network, loss and optimiser."""

from typing import Any

import numpy as np
import pandas as pd
from bench_worker import Library, Sequences, serve
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import BERT4RecModel, SASRecModel

MODELS = {"sasrec": SASRecModel, "bert4rec": BERT4RecModel}


def prepare(sequences: Sequences, settings: dict[str, Any]) -> Library:
    """Build what RecTools' `fit` would hand to its trainer."""
    model = MODELS[settings["model"]](
        n_factors=settings["d_model"],
        n_blocks=settings["n_layers"],
        n_heads=settings["n_heads"],
        dropout_rate=settings["dropout"],
        session_max_len=settings["max_length"],
        lr=settings["learning_rate"],
        batch_size=settings["batch_size"],
        loss="softmax",
        **({"mask_prob": settings["mask_probability"]} if settings["model"] == "bert4rec" else {}),
    )
    lengths = np.diff(sequences.offsets)
    places = np.arange(len(sequences.items)) - np.repeat(sequences.offsets[:-1], lengths)
    interactions = pd.DataFrame(
        {
            Columns.User: np.repeat(np.arange(len(lengths)), lengths),
            Columns.Item: sequences.items,
            Columns.Weight: 1.0,
            Columns.Datetime: pd.to_datetime(places, unit="s"),
        }
    )
    model._build_model_from_dataset(Dataset.construct(interactions))
    module = model.lightning_model
    module.train()
    return Library(
        iter(model.data_preparator.get_dataloader_train()),
        lambda batch: module.training_step(batch, 0),
        module.configure_optimizers(),
    )


if __name__ == "__main__":
    serve(prepare)
