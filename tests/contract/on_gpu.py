"""Train, rank and measure on the emulated GPU, and print what came of it, as JSON.

A program, because PyTorch keeps the emulated device until the process ends.
"""

import json
import sys
from pathlib import Path
from typing import get_args

import pytest
import torch

from hydrarec.columns import EFFICIENCY_TIMES, EFFICIENCY_WORK, HISTORY
from hydrarec.config import load
from hydrarec.config.efficiency import Part
from hydrarec.data.prepare import prepare
from hydrarec.data.split import split
from hydrarec.efficiency import machine
from hydrarec.efficiency.measure import measure
from hydrarec.files import read_json
from hydrarec.layout import data_folder, split_folder
from hydrarec.ranking.full import count_ranks
from hydrarec.sequences.log import read_cases, read_catalogue, read_train
from hydrarec.tables import read_table
from hydrarec.training.engine import Trainer
from tests.emulated_gpu import emulated_gpu
from tests.unit.efficiency.conftest import comparison
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
    folder = data / "loo"
    parts = read_train(folder), read_cases(folder, "validation"), read_catalogue(data, folder)
    trainer = Trainer(settings(masking, batch_size=batch_size), *parts, seed=0, device=torch.device("cuda"))
    epoch = waits_of(trainer.train_epoch, waited)
    trainer.model.eval()

    def validate():
        count_ranks(trainer.scorer, trainer.validation, trainer.candidates, batch_size=batch_size)

    # What lies on the device from the first time on is no wait of every epoch.
    validate()
    return {"epoch": epoch, "validation": waits_of(validate, waited)}


def measured(results, part):
    """Measure a part of a comparison, and return what its files say."""
    said = comparison(widths=[8]).model_dump(mode="json")
    # PyTorch has no recurrent layers of the emulated device.
    config = load(said | {"runs": [run for run in said["runs"] if run["id"] != "gru"]})
    made = data_folder(results, "made")
    prepare(config.datasets[0], None, made)
    split(made, "loo", split_folder(results, "made", "loo"))
    output = results / part
    measure(config, part, device="cuda", results=results, output=output)
    work = read_table(output / "work.parquet", EFFICIENCY_WORK)
    times = read_table(output / "times.parquet", EFFICIENCY_TIMES)
    return {
        "pieces": len(work),
        "skipped": sorted(set(work["skipped"].dropna())),
        "times": len(times),
        "gpu": read_json(output / "machine.json")["gpu"],
    }


if __name__ == "__main__":
    folder, maskings = Path(sys.argv[1]), ("causal", "bidirectional")
    write_ring(folder / "data")
    with emulated_gpu(pytest.MonkeyPatch()) as waited:
        losses = {
            masking: [losses_of(folder / "data", folder / masking / on, masking, on) for on in ("cpu", "cuda")]
            for masking in maskings
        }
        found = {m: {size: waits(folder / "data", m, size, waited) for size in (8, 60)} for m in maskings}
        # As much as a GPU does at once takes a CPU long.
        machine.GEMM_SIZE["cuda"], machine.COPY_BYTES["cuda"] = 64, 2**16
        efficiency = {part: measured(folder / "results", part) for part in get_args(Part)}
    sys.stdout.write(json.dumps({"losses": losses, "waits": found, "efficiency": efficiency}))
