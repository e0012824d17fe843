"""RePlay as a worker of `hydrarec bench training`: its own network, loss and optimiser; sequences padded on the left.

SASRec of `replay.nn`, with its encoder run over rows of like length where that is asked for. Its BERT4Rec is
deprecated and is not here.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from bench_worker import Library, Sequences, serve
from replay.data import FeatureHint, FeatureSource, FeatureType
from replay.data.nn import TensorFeatureInfo, TensorFeatureSource, TensorSchema
from replay.nn.lightning.optimizer import OptimizerFactory
from replay.nn.sequential import LengthBucketedQueryEncoder, SasRec

ROWS_TOGETHER = 16
"""Rows of like length whose padding is cut off together."""


def batches(sequences: Sequences, length: int, rows: int) -> Iterator[dict[str, Any]]:
    """Yield batches of users in random order, padded on the left with the id after the last item's."""
    order = np.random.default_rng(0).permutation(len(sequences.offsets) - 1)
    for start in range(0, len(order), rows):
        window = np.full((min(rows, len(order) - start), length + 1), sequences.n_items)
        for row, user in zip(window, order[start:], strict=False):
            newest = sequences.items[sequences.offsets[user] : sequences.offsets[user + 1]][-length - 1 :]
            row[length + 1 - len(newest) :] = newest - 1
        items = torch.from_numpy(window)
        real = items != sequences.n_items
        yield {
            "feature_tensors": {"item": items[:, :-1]},
            "padding_mask": real[:, :-1],
            "positive_labels": items[:, 1:, None],
            "negative_labels": None,
            # Also where the input is padding and the target is the first item, as its own transform has it.
            "target_padding_mask": real[:, 1:, None],
        }


def prepare(sequences: Sequences, settings: dict[str, Any]) -> Library:
    """Build the model that RePlay's Lightning module would hold."""
    schema = TensorSchema(
        [
            TensorFeatureInfo(
                "item",
                is_seq=True,
                feature_type=FeatureType.CATEGORICAL,
                embedding_dim=settings["d_model"],
                padding_value=sequences.n_items,
                cardinality=sequences.n_items,
                feature_hint=FeatureHint.ITEM_ID,
                feature_sources=[TensorFeatureSource(FeatureSource.INTERACTIONS, "item")],
            )
        ]
    )
    model = SasRec.from_params(
        schema,
        embedding_dim=settings["d_model"],
        num_heads=settings["n_heads"],
        num_blocks=settings["n_layers"],
        max_sequence_length=settings["max_length"],
        dropout=settings["dropout"],
    )
    if settings["buckets"]:
        model.body.encoder = LengthBucketedQueryEncoder(model.body.encoder, ROWS_TOGETHER)
    model.train()
    return Library(
        batches(sequences, settings["max_length"], settings["batch_size"]),
        lambda batch: model(**batch)["loss"],
        OptimizerFactory(learning_rate=settings["learning_rate"]).create(model.parameters()),
    )


if __name__ == "__main__":
    serve(prepare)
