"""Training steps: this package, plain PyTorch, and the libraries whose environments are there."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np
import torch

from hydrarec.bench.base import Case, Conditions, Need
from hydrarec.bench.peers import peers
from hydrarec.bench.plain import PLAIN, pad, train_step
from hydrarec.config import RunSettings
from hydrarec.config.masking import BidirectionalMaskingConfig
from hydrarec.efficiency.rounds import Subject, Work
from hydrarec.efficiency.samples import Data, some_users
from hydrarec.efficiency.steps import StepPiece
from hydrarec.efficiency.variants import Variant
from hydrarec.sequences.batches import training_batches, training_order
from hydrarec.sequences.log import Cases, Catalogue, Log, read_catalogue, read_train
from hydrarec.training.checkpoint import build

TITLE = "Training step"
ABOUT = """Full cross-entropy, d = 64, 2 layers, 2 heads, batches of 128 sequences, dropout 0.2, Adam. This package:
whole epochs of the training engine over a sample of users. Plain PyTorch: padded sequences, dense masks, scores of all
items at all positions. Libraries: their network, loss and optimiser, without their trainer and on batches that are made
before the clock runs. Libraries drop attention weights in any case; this package and plain PyTorch where the case says
so."""
ROUNDS = 7

BATCH = 128
USERS = 16 * BATCH
"""Users whose epoch is a repetition of this package: as many as are sorted by length together."""
SLOW_SCORES = 2**27
"""Scores of a repetition of the others, at least: their cost does not depend on which users are in a batch."""


@dataclass(frozen=True)
class Statistics:
    """The training part of a data set: how many, and how long."""

    name: str
    folder: str
    """Prepared data that are used where they are there."""
    n_users: int
    n_items: int
    shortest: int
    mean: float
    median: float


ML_1M = Statistics("ML-1M", "ml-1m-sasrec", 6_040, 3_416, 18, 162.0, 92.0)
ML_100K = Statistics("ML-100K", "ml-100k", 943, 1_349, 18, 103.0, 62.0)
BEAUTY = Statistics("Beauty", "beauty-bert4rec", 40_226, 54_542, 3, 6.8, 4.0)
SMALL = Statistics("small", "none", 40, 50, 3, 8.0, 6.0)


@dataclass(frozen=True)
class Task:
    """What is trained on what."""

    data: Statistics
    max_length: int
    model: str = "sasrec"
    attention_dropout: float = 0.0

    @property
    def settings(self) -> RunSettings:
        """The task as a run."""
        causal = self.model == "sasrec"
        masking = {"kind": "causal"} if causal else {"kind": "bidirectional", "last_item_probability": 0.0}
        return RunSettings.model_validate(
            {
                "run": {
                    "id": self.model,
                    "model": {"kind": self.model},
                    "attention": {"kind": "softmax", "dropout": self.attention_dropout},
                    "masking": masking,
                },
                "encoder": {"d_model": 64, "n_layers": 2, "n_heads": 2, "max_length": self.max_length, "dropout": 0.2},
                "loss": {"kind": "cross_entropy"},
                "training": {"batch_size": BATCH, "device": "cpu"},
            }
        )


TASKS = (
    Task(ML_1M, 200),
    Task(ML_1M, 200, attention_dropout=0.2),
    Task(ML_100K, 50),
    Task(ML_100K, 50, attention_dropout=0.2),
    Task(BEAUTY, 50),
    Task(ML_100K, 50, model="bert4rec"),
)


def cases(conditions: Conditions) -> Iterator[Case]:
    """Build a case for every task."""
    for task in (Task(SMALL, 8), Task(SMALL, 8, model="bert4rec")) if conditions.quick else TASKS:
        sequences, n_items, origin = read(task.data, conditions)
        sample = some_users(sequences, USERS)
        # The others take the same time for every full batch, as they pad all of them to the same length.
        wanted = -(-SLOW_SCORES // (BATCH * task.max_length * n_items))
        steps = max(1, min(wanted, len(sequences.users) // BATCH))
        own, plain = _own(task, sample, n_items), _plain(task, sample, n_items, steps, conditions.device)
        name = f"{task.model}, {task.data.name} ({origin}), T = {task.max_length}"
        settings = task.settings
        masking = settings.run.masking
        told = {
            "model": task.model,
            "batch_size": BATCH,
            "learning_rate": settings.training.learning_rate,
            "mask_probability": masking.mask_probability if isinstance(masking, BidirectionalMaskingConfig) else 0.0,
            **settings.encoder.model_dump(exclude={"d_ff"}),
        }
        with peers(conditions, sequences, n_items, told, steps=steps) as libraries:
            yield Case(
                name=name + (", attention dropout" if task.attention_dropout else ""),
                unit="sequence",
                subjects=[
                    Subject("hydrarec", own.build(conditions.device), units=own.units),
                    Subject("plain", plain, units=steps * min(BATCH, own.units)),
                    *libraries,
                ],
                against="plain",
                needs={"hydrarec": Need(flops=_products(own))},
            )


def read(data: Statistics, conditions: Conditions) -> tuple[Log, int, str]:
    """Return a data set's training sequences, its number of items, and `real` or `generated`."""
    folder = conditions.data / data.folder
    if (folder / "loo" / "train.parquet").exists():
        return read_train(folder / "loo"), read_catalogue(folder, folder / "loo").n_items, "real"
    return generate(data), data.n_items, "generated"


def generate(data: Statistics, seed: int = 0) -> Log:
    """Draw sequences like a data set's: log-normal lengths, every item once and then by a Zipf law."""
    stream = np.random.default_rng(seed)
    # What is beyond the shortest has these mean and median, which fix a log-normal law.
    mean, median = data.mean - data.shortest, data.median - data.shortest
    beyond = stream.lognormal(np.log(median), np.sqrt(2 * np.log(mean / median)), data.n_users)
    lengths = (data.shortest + beyond).round().astype(np.int64).clip(max=data.n_items)
    popularity = 1 / np.arange(1, data.n_items + 1)
    items = stream.choice(data.n_items, lengths.sum(), p=popularity / popularity.sum()) + 1
    once = stream.permutation(len(items))[: data.n_items]
    items[once] = np.arange(1, len(once) + 1)
    return Log(
        torch.from_numpy(items.astype(np.int32)),
        torch.from_numpy(np.concatenate([[0], lengths.cumsum()])),
        torch.arange(data.n_users, dtype=torch.int32),
    )


def _own(task: Task, sample: Log, n_items: int) -> StepPiece:
    known = torch.arange(n_items + 1) > 0
    nobody = torch.zeros(0, dtype=torch.int32)
    nowhere = torch.zeros(0, dtype=torch.int64)
    return StepPiece(
        **Variant("hydrarec", "", task.settings, mixes=True, against=None).in_common,
        work="training",
        units=float(len(sample.users)),
        # Nothing is validated.
        data=Data(
            sample,
            Cases(sample, nobody, nobody, nobody, nowhere, nowhere),
            Catalogue(n_items, known, known.long(), has_repeats=True),
        ),
        seed=0,
    )


def _products(own: StepPiece) -> float:
    """Return the operations of a repetition's matrix products."""
    operations = own.count().operations
    assert operations is not None
    return operations.matmul * own.units


def _plain(task: Task, sample: Log, n_items: int, steps: int, device: torch.device) -> Work:
    settings = task.settings
    model, masking = build(settings, n_items)
    plain = PLAIN[task.model](settings.encoder, n_items, task.attention_dropout)
    plain.load_state_dict(model.state_dict())
    plain.to(device)
    optimizer = torch.optim.Adam(plain.parameters(), lr=settings.training.learning_rate)
    window, masks = masking.training_window(task.max_length), torch.Generator().manual_seed(0)
    order = training_order(sample, BATCH, window, np.random.default_rng(0))
    # Only batches that are full, unless there is none: then the few users there are.
    full = [rows for rows in order if len(rows) == BATCH] or order
    batches = training_batches(sample, list(islice(cycle(full), steps)), window)
    padded = [pad(masking.training_view(batch, masks), task.max_length).to(device) for batch in batches]

    def work() -> None:
        for batch in padded:
            train_step(plain, optimizer, batch)

    return work
