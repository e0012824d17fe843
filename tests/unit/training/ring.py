"""A data set that is learnt in seconds, and runs on it."""

import numpy as np
import pandas as pd

from hydrarec.columns import HELD_OUT, ITEMS, TRAIN
from hydrarec.config import RunSettings
from hydrarec.tables import write_table
from hydrarec.training.inference import rank_test
from hydrarec.training.run import train


def write_ring(folder):
    """Write 120 users who walk round a ring of 30 items: learnable, and small enough for seconds."""
    generator = np.random.default_rng(0)
    rows = []
    for user in range(1, 121):
        start, length = generator.integers(30), generator.integers(6, 18)
        rows += [(user, int((start + p) % 30) + 1, p) for p in range(length)]
    frame = pd.DataFrame(rows, columns=["user", "item", "position"]).astype("int32")
    frame = frame.assign(timestamp=pd.array([None] * len(frame), dtype="Int64"))
    left = frame.groupby("user")["item"].transform("size") - frame["position"]
    write_table(frame[left > 2], folder / "loo/train.parquet", TRAIN)
    for name, at in (("validation", 2), ("test", 1)):
        write_table(frame[left == at].assign(step=np.int32(0)), folder / f"loo/{name}.parquet", HELD_OUT)
    items = pd.DataFrame({"item": range(1, 31), "raw_item": [str(i) for i in range(30)], "n_interactions": [9] * 30})
    write_table(items.astype({"item": "int32", "n_interactions": "int32"}), folder / "items.parquet", ITEMS)


def settings(masking="causal", dropout=0.1, **training):
    return RunSettings.model_validate(
        {
            "run": {
                "id": "x",
                "model": {"kind": "sasrec"},
                "attention": {"kind": "hydra"},
                "masking": {"kind": masking},
            },
            "encoder": {"d_model": 16, "n_layers": 1, "max_length": 12, "dropout": dropout},
            "loss": {"kind": "cross_entropy"},
            "training": {"device": "cpu", "batch_size": 16, "max_epochs": 3, "learning_rate": 1e-2, **training},
        }
    )


def run(data, output, seed=0, **kwargs):
    train(settings(**kwargs), data=data, protocol="loo", seed=seed, threads=1, output=output)
    rank_test(output / "model.safetensors", data=data, protocol="loo", threads=1, output=output)
    return output
