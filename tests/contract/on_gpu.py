"""Train and rank on the emulated GPU, and print what came of it, as JSON.

A program, because PyTorch keeps the emulated device until the process ends.
"""

import json
import sys
from pathlib import Path

import pytest
import torch

from hydrarec.columns import HISTORY
from hydrarec.ranking.full import count_ranks
from hydrarec.sequences.log import read_cases, read_catalogue, read_train
from hydrarec.tables import read_table
from hydrarec.training.engine import Trainer
from tests.emulated_gpu import emulated_gpu
from tests.unit.training.ring import run, settings, write_ring


def losses_of(data, output, masking, device):
    """Train and rank, and return the loss of each epoch."""
    # Dropout draws in another way on a GPU.
    run(data, output, masking=masking, dropout=0.0, device=device)
    return list(read_table(output / "history.parquet", HISTORY)["loss"])


def waits_of(work, waited):
    waited.clear()
    work()
    return dict(waited)


def waits(data, masking, batch_size, waited):
    """Return where an epoch and a validation wait, with batches of a size."""
    split = data / "loo"
    parts = read_train(split), read_cases(split, "validation"), read_catalogue(data, split)
    trainer = Trainer(settings(masking, batch_size=batch_size), *parts, seed=0, device=torch.device("cuda"))
    epoch = waits_of(trainer.train_epoch, waited)
    trainer.model.eval()

    def validate():
        count_ranks(trainer.scorer, trainer.validation, trainer.candidates, batch_size=batch_size)

    # What lies on the device from the first time on is no wait of every epoch.
    validate()
    return {"epoch": epoch, "validation": waits_of(validate, waited)}


if __name__ == "__main__":
    folder, maskings = Path(sys.argv[1]), ("causal", "bidirectional")
    write_ring(folder / "data")
    with emulated_gpu(pytest.MonkeyPatch()) as waited:
        losses = {
            masking: [losses_of(folder / "data", folder / masking / on, masking, on) for on in ("cpu", "cuda")]
            for masking in maskings
        }
        found = {m: {size: waits(folder / "data", m, size, waited) for size in (8, 60)} for m in maskings}
    sys.stdout.write(json.dumps({"losses": losses, "waits": found}))
