"""Leak canary: on sequences without any structure nothing can be predicted, and a model that predicts has cheated."""

import numpy as np
import pandas as pd
import pytest
import torch

from hydrarec.config import RunSettings
from hydrarec.metrics import hit_rate
from hydrarec.ranking.full import count_ranks
from hydrarec.sequences.log import Cases, Catalogue, pack
from hydrarec.training.engine import Trainer

N_USERS, N_ITEMS, LENGTH = 400, 80, 16
EPOCHS = 20
"""Enough for a model that sees its targets to notice."""
COMBINATIONS = [(a, m) for a in ("hydra", "softmax") for m in ("causal", "bidirectional")]


def events():
    """Return histories that are uniform draws without repeats."""
    generator = np.random.default_rng(0)
    items = np.concatenate([generator.permutation(N_ITEMS)[:LENGTH] + 1 for _ in range(N_USERS)])
    users, positions = np.repeat(np.arange(1, N_USERS + 1), LENGTH), np.tile(np.arange(LENGTH), N_USERS)
    return pd.DataFrame({"user": users, "item": items, "position": positions}).astype("int32")


def last_items(log):
    """Return each user's last event as a case."""
    stops = log.offsets[1:] - 1
    return Cases(log, log.users, torch.zeros_like(log.users), log.items[stops], log.offsets[:-1], stops)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize(("attention", "masking"), COMBINATIONS)
def test_nothing_is_learnt_from_noise(attention, masking, precision):
    frame = events()
    log = pack(frame)
    counts = torch.from_numpy(np.bincount(frame["item"], minlength=N_ITEMS + 1))
    settings = RunSettings.model_validate(
        {
            "run": {
                "id": "x",
                "model": {"kind": "sasrec"},
                "attention": {"kind": attention},
                "masking": {"kind": masking},
            },
            "encoder": {"d_model": 16, "n_layers": 1, "max_length": LENGTH, "dropout": 0.1},
            "loss": {"kind": "cross_entropy"},
            "training": {"device": "cpu", "batch_size": 32, "learning_rate": 1e-2, "precision": precision},
        }
    )
    catalogue = Catalogue(N_ITEMS, counts > 0, counts, has_repeats=False)
    train = pack(frame[frame["position"] < LENGTH - 1])
    trainer = Trainer(settings, train, last_items(log), catalogue, seed=0, device=torch.device("cpu"))
    losses = [trainer.epoch().loss for _ in range(EPOCHS)]
    # Knowing the history leaves N - LENGTH items; a lower loss has seen its targets.
    assert min(losses) > np.log(N_ITEMS - LENGTH) - 0.1

    trainer.model.eval()
    greater, equal = count_ranks(trainer.scorer, trainer.validation, trainer.candidates, batch_size=128)

    chance = 10 / (N_ITEMS - LENGTH + 1)
    error = np.sqrt(chance * (1 - chance) / N_USERS)
    assert abs(hit_rate(greater, equal, 10).mean() - chance) < 4 * error
