"""Training: epochs over the users, validation by full ranking after each, the best weights kept.

The test file is not among the inputs; `hydrarec.training.inference` ranks it, once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.config import RunSettings
from hydrarec.config.training import TrainingConfig
from hydrarec.contention import load_average
from hydrarec.devices import compiled
from hydrarec.energy import EnergyCounter
from hydrarec.losses.base import Loss
from hydrarec.masking.base import TrainingView
from hydrarec.metrics import hit_rate, ndcg, user_mean
from hydrarec.progress import bar
from hydrarec.ranking.candidates import Candidates
from hydrarec.ranking.full import BATCH_SIZE, count_ranks
from hydrarec.ranking.tiles import Products
from hydrarec.sequences.batches import training_batches, training_order
from hydrarec.sequences.log import Cases, Catalogue, Log
from hydrarec.stopwatch import Stopwatch
from hydrarec.training import checkpoint
from hydrarec.training.adamw import AdamW
from hydrarec.training.scorer import ModelScorer
from hydrarec.training.streams import Streams
from hydrarec.training.warm_up import one_of_each_kind


@dataclass(frozen=True)
class Epoch:
    """What is known after an epoch; the columns of `history.parquet`."""

    epoch: int
    optimizer_step: int
    loss: float
    validation_ndcg10: float
    validation_hr10: float
    train_s: float
    validation_s: float
    train_cpu_s: float | None = None
    train_j: float | None = None
    load: float | None = None


def best(history: Sequence[Epoch]) -> Epoch:
    """Return the epoch with the highest validation NDCG@10, the earliest if several have it."""
    return max(history, key=lambda epoch: (epoch.validation_ndcg10, -epoch.epoch))


def converged(history: Sequence[Epoch], training: TrainingConfig) -> bool:
    """Return whether the best epoch is `patience` epochs ago."""
    return bool(history) and len(history) - best(history).epoch >= training.patience


@dataclass
class EpochProgress:
    """How far the epoch that is being trained has come."""

    order: dict[str, Any]
    """State of the stream of the order when the epoch began."""
    loss_sum: Float[Tensor, ""]
    """Sum of the losses of all targets so far, on the device."""
    batches: int = 0
    """Batches trained."""
    targets: int = 0
    """Targets trained."""


class Trainer:
    """Trains one model.

    Parameters
    ----------
    settings
        The run's complete settings.
    train
        Training sequences.
    validation
        Validation cases.
    catalogue
        The items.
    seed
        The run's seed.
    device
        Where to train.
    energy
        Counter of the GPU's energy; None: it is not measured.
    """

    def __init__(
        self,
        settings: RunSettings,
        train: Log,
        validation: Cases,
        catalogue: Catalogue,
        *,
        seed: int,
        device: torch.device,
        energy: EnergyCounter | None = None,
    ) -> None:
        self.settings = settings
        self.catalogue = catalogue
        self.device = device
        self.train_log = train.to(device)
        self.streams = Streams(seed, device)
        self.model, self.masking = checkpoint.build(settings, catalogue.n_items, seed)
        self.model.to(device)
        self.forward = compiled(self.model) if settings.training.compile else self.model
        self.loss: Loss = settings.loss.implementation()(settings.loss)
        self.optimizer = AdamW(
            self.model.parameters(),
            learning_rate=settings.training.learning_rate,
            weight_decay=settings.training.weight_decay,
        )
        self.validation = validation
        self.scorer = ModelScorer(self.model, self.masking, validation)
        self.train_watch, self.validation_watch = Stopwatch(device, energy), Stopwatch(device, energy)
        self.history: list[Epoch] = []
        self.best_weights: dict[str, Tensor] = {}
        """Weights of the best epoch so far, on the CPU."""
        self.progress = self._start()

    @cached_property
    def candidates(self) -> Candidates:
        """The validation cases' candidates, which are the same after every epoch."""
        return Candidates(self.validation, self.catalogue)

    @property
    def n_parameters(self) -> int:
        """Number of trainable parameters."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of an epoch."""
        return -(-int((self.train_log.lengths > 1).sum()) // self.settings.training.batch_size)

    @property
    def done(self) -> bool:
        """Whether patience or epochs have run out."""
        training = self.settings.training
        return len(self.history) >= training.max_epochs or converged(self.history, training)

    @property
    def compiles(self) -> bool:
        """Whether something is compiled when a shape first comes: the model, or kernels of a GPU."""
        return self.settings.training.compile or self.device.type == "cuda"

    def warm_up(self) -> None:
        """Load and compile kernels, and allocate, before a clock runs; nothing of the training's state changes."""
        state, negatives = checkpoint.weights_of(self.model), self.streams.negatives.get_state()
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            self.model.train()
            for view in one_of_each_kind(self.train_log, self.masking, self.settings, self.model.n_items, self.device):
                self._loss_of(view).backward()
        self.model.zero_grad(set_to_none=True)
        # What is counted or drawn anew in a training step is state too.
        self.model.load_state_dict(state)
        self.streams.negatives.set_state(negatives)

    def epoch(self, between: Callable[[], None] = lambda: None) -> Epoch:
        """Train what is left of the epoch, and validate.

        Parameters
        ----------
        between
            Called after every batch of training, while its watch runs, and before every batch of validation. A state
            that is saved by it is one from which this epoch is gone on with.

        Returns
        -------
        Epoch
            Also the last of `history`; `best_weights` are the model's if it is the best one.

        Raises
        ------
        FloatingPointError
            If the loss is no longer finite.
        """
        with self.train_watch.running():
            loss = self._train(between)
        load = load_average()
        with self.validation_watch.running():
            ndcg10, hr10 = self._validate(between)
        self.progress = self._start()
        number = len(self.history) + 1
        found = Epoch(
            number,
            number * self.steps_per_epoch,
            loss,
            validation_ndcg10=ndcg10,
            validation_hr10=hr10,
            train_s=self.train_watch.seconds,
            validation_s=self.validation_watch.seconds,
            train_cpu_s=self.train_watch.cpu_s,
            train_j=self.train_watch.joules,
            load=load,
        )
        self.history.append(found)
        if best(self.history) is found:
            self.best_weights = checkpoint.weights_of(self.model)
        return found

    def train_epoch(self) -> float:
        """Train an epoch without validating, and return its mean loss."""
        loss = self._train(lambda: None)
        self.progress = self._start()
        return loss

    def _train(self, between: Callable[[], None]) -> float:
        """Train what is left of the epoch, and return the mean loss of all of it."""
        self.model.train()
        order = self._order(self.streams.order)
        # Batches hold sequences of like length, so some hold ten times the targets of others. Each counts by
        # its share: the objective is the mean over targets, as if lengths were mixed.
        usual_targets = self._expected_targets() / len(order)
        number, progress = len(self.history) + 1, self.progress
        left = training_batches(self.train_log, order[progress.batches :], self._window)
        for batch in bar(left, total=len(order) - progress.batches, what=f"epoch {number}", unit="batch"):
            view = self.masking.training_view(batch, self.streams.masks)
            loss = self._loss_of(view)
            self.optimizer.zero_grad()
            (loss * (len(view.targets) / usual_targets)).backward()
            self.optimizer.step()
            # Summed on the device: reading a number every step would stop a GPU every step.
            progress.loss_sum += loss.detach() * len(view.targets)
            progress.targets += len(view.targets)
            progress.batches += 1
            between()
        mean = float(progress.loss_sum) / progress.targets
        if not np.isfinite(mean):
            raise FloatingPointError(
                f"the loss became {mean} in epoch {number}; try a smaller training.learning_rate, or, with parts of "
                "your own, look for what is not finite in them"
            )
        return mean

    @property
    def _window(self) -> int:
        return self.masking.training_window(self.settings.encoder.max_length)

    def _start(self) -> EpochProgress:
        """Return the progress at the beginning of the next epoch."""
        return EpochProgress(self.streams.order.bit_generator.state, torch.zeros((), device=self.device))

    def _order(self, stream: np.random.Generator) -> list[np.ndarray]:
        # By what models see, not by the masking's window, so that a seed means the same order under every masking.
        seen = self.settings.encoder.max_length
        return training_order(self.train_log, self.settings.training.batch_size, seen, stream)

    def _expected_targets(self) -> float:
        """Return how many targets an epoch has on average."""
        lengths = self.train_log.lengths
        return float(self.masking.expected_targets(lengths[lengths > 1].clamp(max=self._window)).sum())

    def _loss_of(self, view: TrainingView) -> Float[Tensor, ""]:
        low = self.settings.training.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=low):
            hidden = self.forward(view)
        if low:
            # A model may end in a layer that autocast computes in float32 on one device and not on another.
            hidden = hidden.to(torch.bfloat16)
        value = self.loss(hidden, view.targets, self.model.output_layer(), self.streams.negatives)
        if value.ndim:
            kind, shape = self.settings.loss.kind, list(value.shape)
            raise ValueError(f"loss {kind} returned a tensor of shape {shape}, not one number: the mean over targets")
        return value

    def _validate(self, between: Callable[[], None] = lambda: None) -> tuple[float, float]:
        def score(rows: Int[Tensor, " B"]) -> Float[Tensor, "B N1"] | Products:
            between()
            return self.scorer(rows)

        self.model.eval()
        greater, equal = count_ranks(score, self.validation, self.candidates, batch_size=BATCH_SIZE)
        # A cold target is a miss even where there are fewer candidates than places.
        warm = self.candidates.warm_target
        values = np.stack([ndcg(greater, equal, 10) * warm, hit_rate(greater, equal, 10) * warm], axis=1)
        ndcg10, hr10 = user_mean(values, self.validation.users.numpy())
        return float(ndcg10), float(hr10)
