"""Training: epochs over the users, validation by full ranking after each, the best weights kept.

The test file is not among the inputs; `hydrarec.training.test` ranks it, once.
"""

import logging
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from hydrarec.columns import HISTORY, write_table
from hydrarec.config import RunSettings
from hydrarec.costs import Timing, write_timing
from hydrarec.devices import device_name, peak_gpu_mib, prepare_process, select_device
from hydrarec.losses.base import Loss
from hydrarec.metrics import hit_rate, ndcg
from hydrarec.progress import bar
from hydrarec.provenance import peak_memory_mib, write_manifest
from hydrarec.ranking.full import count_ranks
from hydrarec.sequences.batches import training_batches, training_order
from hydrarec.sequences.log import Cases, Catalogue, Log, read_cases, read_catalogue, read_train
from hydrarec.training import checkpoint
from hydrarec.training.clock import Stopwatch
from hydrarec.training.scorer import ModelScorer
from hydrarec.training.streams import Streams

log = logging.getLogger(__name__)

RANKING_BATCH = 256
"""Cases scored at once."""


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
    ) -> None:
        self.settings = settings
        self.catalogue = catalogue
        self.device = device
        self.train_log = train.to(device)
        self.streams = Streams(seed, device)
        self.model, self.masking = checkpoint.build(settings, catalogue.n_items, seed)
        self.model.to(device)
        self.loss: Loss = settings.loss.implementation()(settings.loss)
        training = settings.training
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=training.learning_rate,
            weight_decay=training.weight_decay,
            fused=True,
        )
        self.validation = validation
        self.scorer = ModelScorer(self.model, self.masking, validation)
        self.train_watch, self.validation_watch = Stopwatch(device), Stopwatch(device)
        self.steps = 0

    @property
    def parameters(self) -> int:
        """Number of trainable parameters."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def epochs(self) -> Iterator[Epoch]:
        """Train and validate, an epoch at a time, for as long as the caller asks."""
        epoch = 0
        while True:
            epoch += 1
            with self.train_watch.running():
                loss = self._train_epoch(epoch)
            with self.validation_watch.running():
                ndcg10, hr10 = self._validate()
            yield Epoch(
                epoch,
                self.steps,
                loss,
                validation_ndcg10=ndcg10,
                validation_hr10=hr10,
                train_s=self.train_watch.seconds,
                validation_s=self.validation_watch.seconds,
            )

    def _train_epoch(self, epoch: int) -> float:
        self.model.train()
        training, window = self.settings.training, self.masking.training_window(self.settings.encoder.max_length)
        order = training_order(self.train_log, training.batch_size, window, self.streams.order)
        batches = training_batches(self.train_log, order, window)
        # Batches hold sequences of like length, so some hold ten times the targets of others. Each counts by
        # its share: the objective is the mean over targets, as if lengths were mixed.
        usual_length = float(self.train_log.lengths.clamp(max=window).sum()) / len(order)
        # Summed on the device: reading a number every step would stop a GPU every step.
        total = torch.zeros((), dtype=torch.float32, device=self.device)
        n_targets = 0
        for batch in bar(batches, total=len(order), what=f"epoch {epoch}", unit="batch"):
            view = self.masking.training_view(batch, self.streams.masks)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=training.precision == "bfloat16"):
                hidden = self.model(view)
            loss = self.loss(hidden, view.targets, self.model.output_layer(), self.streams.negatives)
            self.optimizer.zero_grad(set_to_none=True)
            (loss * (int(batch.lengths.sum()) / usual_length)).backward()
            self.optimizer.step()
            total += loss.detach() * len(view.targets)
            n_targets += len(view.targets)
        self.steps += len(order)
        mean = float(total) / n_targets
        if not np.isfinite(mean):
            raise FloatingPointError(f"the loss became {mean} in epoch {epoch}; try a smaller training.learning_rate")
        return mean

    def _validate(self) -> tuple[float, float]:
        self.model.eval()
        greater, equal = count_ranks(self.scorer, self.validation, self.catalogue, batch_size=RANKING_BATCH)
        # With several targets per user a user still counts once.
        per_user = pd.DataFrame(
            {
                "user": self.validation.users.numpy(),
                "ndcg": ndcg(greater, equal, 10),
                "hr": hit_rate(greater, equal, 10),
            }
        ).groupby("user")
        means = per_user.mean().mean()
        return float(means["ndcg"]), float(means["hr"])


def train(settings: RunSettings, *, data: Path, protocol: str, seed: int, threads: int, output: Path) -> None:
    """Train one run and write what it leaves behind.

    Parameters
    ----------
    settings
        The run's complete settings.
    data
        Dataset folder, with a folder per protocol.
    protocol
        Which split.
    seed
        The run's seed.
    threads
        CPU threads.
    output
        Run folder; gets `model.safetensors` (best epoch), `history.parquet`, `timing.json` and `manifest.json`.
    """
    prepare_process(threads)
    device = select_device(settings.training.device)
    setup = Stopwatch(device)
    split, with_timestamps = data / protocol, settings.run.model.takes_timestamps
    with setup.running():
        trainer = Trainer(
            settings,
            read_train(split, with_timestamps=with_timestamps),
            read_cases(split, "validation", with_timestamps=with_timestamps),
            read_catalogue(data, split),
            seed=seed,
            device=device,
        )
    history = _train_until_converged(trainer, output / "model.safetensors")
    best = _best(history)
    epoch_seconds = np.diff([0.0, *(epoch.train_s for epoch in history)])
    write_table(pd.DataFrame([vars(epoch) for epoch in history]), output / "history.parquet", HISTORY)
    timing = Timing(
        device=device_name(device),
        threads=threads,
        epochs=len(history),
        best_epoch=best.epoch,
        converged=len(history) - best.epoch >= settings.training.patience,
        parameters=trainer.parameters,
        setup_s=setup.seconds,
        train_s=history[-1].train_s,
        epoch_s=statistics.median(epoch_seconds),
        train_to_best_s=best.train_s,
        validation_s=history[-1].validation_s,
        sequences_per_s=len(trainer.train_log.users) / statistics.median(epoch_seconds),
        peak_memory_mib=peak_memory_mib(),
        peak_gpu_mib=peak_gpu_mib(device),
    )
    write_timing(output, timing)
    write_manifest(
        output / "manifest.json",
        run=settings.run.model_dump(mode="json"),
        settings=settings.model_dump(mode="json"),
        dataset=data.name,
        protocol=protocol,
        seed=seed,
        split=split,
        threads=threads,
        device=device_name(device),
    )


def _train_until_converged(trainer: Trainer, weights: Path) -> list[Epoch]:
    """Train until patience or epochs run out; the best epoch's weights are in `weights` whenever this stops."""
    training = trainer.settings.training
    history: list[Epoch] = []
    for epoch in trainer.epochs():
        history.append(epoch)
        best = _best(history)
        if best is epoch:
            checkpoint.save(trainer.model, trainer.settings, weights)
        log.info(
            "epoch %d loss %.4f validation NDCG@10 %.4f HR@10 %.4f (best %.4f in epoch %d) train %.1f s",
            epoch.epoch,
            epoch.loss,
            epoch.validation_ndcg10,
            epoch.validation_hr10,
            best.validation_ndcg10,
            best.epoch,
            epoch.train_s,
        )
        if epoch.epoch >= training.max_epochs or epoch.epoch - best.epoch >= training.patience:
            return history
    raise AssertionError("epochs never end by themselves")


def _best(history: list[Epoch]) -> Epoch:
    """Return the epoch with the highest validation NDCG@10, the earliest if several have it."""
    return max(history, key=lambda epoch: (epoch.validation_ndcg10, -epoch.epoch))
