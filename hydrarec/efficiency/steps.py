"""Whole training steps of the configured runs: batch, masking, model, loss, gradients, optimiser.

A repetition is an epoch of the training engine over a few batches of users, so that nothing is timed that training does
not do and nothing left out that it does; validation and set-up are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import torch

from hydrarec import heap
from hydrarec.config import BenchmarkConfig
from hydrarec.config.losses import CrossEntropyLossConfig
from hydrarec.efficiency.no_mixing import without_mixing
from hydrarec.efficiency.pieces import Counted, Piece
from hydrarec.efficiency.rounds import Work
from hydrarec.efficiency.samples import Data, read_data, some_cases, some_users
from hydrarec.efficiency.variants import Variant, count, scaled, variants
from hydrarec.training.checkpoint import build
from hydrarec.training.engine import Trainer

STEPS = 4
"""Steps of a repetition: batches hold sequences of like length, so one would not be like the others."""


@dataclass(frozen=True, kw_only=True)
class StepPiece(Piece):
    """Training steps of a run."""

    part: str = "steps"
    variant: Variant
    data: Data
    """The users of the steps."""
    seed: int

    def build(self, device: torch.device) -> Work:
        """Build the trainer; see `Piece.build`."""
        data = self.data
        # As every training does.
        heap.keep_freed()
        trainer = Trainer(
            self.variant.settings, data.train, data.validation, data.catalogue, seed=self.seed, device=device
        )
        if not self.variant.mixes:
            without_mixing(trainer.model)
        if trainer.compiles:
            # As every such training does; else the round in which a shape comes first would be timed with compilation.
            trainer.warm_up()
        return trainer.train_epoch

    def count(self) -> Counted:
        """Count the operations of a step; see `Piece.count`."""
        settings = self.variant.settings
        model, masking = build(settings, self.data.catalogue.n_items)
        causal, loss, window = settings.run.masking.causal, settings.loss, settings.encoder.max_length
        inside = self.data.train.lengths.clamp(max=masking.training_window(window))
        n_targets = masking.expected_targets(inside)
        # Causal, the last item is a target only.
        lengths = inside - int(causal)
        full = isinstance(loss, CrossEntropyLossConfig)
        scored = self.data.catalogue.n_items if full else getattr(loss, "n_negatives", 0) + 1
        counted = count(self.variant, model, lengths, n_targets, scored, full_context=not causal)
        return scaled(counted, self.units, training=True)


def step_piece(variant: Variant, data: Data, n_steps: int, seed: int) -> StepPiece:
    """Return training steps of a run, on as many users as they take; fewer steps where there are fewer users."""
    settings = variant.settings
    users = some_users(data.train, n_steps * settings.training.batch_size)
    return StepPiece(
        **variant.in_common,
        work="training",
        units=float(ceil(len(users.users) / settings.training.batch_size)),
        data=Data(users, some_cases(data.validation, 1), data.catalogue),
        seed=seed,
    )


def step_pieces(config: BenchmarkConfig, results: Path) -> Iterator[StepPiece]:
    """Return a training step of every run, and of its twins, on every data set."""
    for dataset in config.datasets:
        for variant in variants(config, dataset.id):
            with_timestamps = variant.settings.run.model.takes_timestamps
            data = read_data(results, dataset.id, config.protocols[0], with_timestamps=with_timestamps)
            yield step_piece(variant, data, STEPS, config.seeds[0])
