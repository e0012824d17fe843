"""Inference of the configured runs: histories are encoded, the whole catalogue is scored and ranked, lists are made.

Weights are those that training begins with: what they are worth changes no time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from hydrarec.config import BenchmarkConfig
from hydrarec.config.protocol import LIST_LENGTH
from hydrarec.efficiency.no_mixing import without_mixing
from hydrarec.efficiency.pieces import Counted, Piece
from hydrarec.efficiency.rounds import Work
from hydrarec.efficiency.samples import read_data, some_cases
from hydrarec.efficiency.variants import Variant, count, scaled, variants
from hydrarec.ranking.full import BATCH_SIZE, rank
from hydrarec.sequences.log import Cases, Catalogue
from hydrarec.training.checkpoint import build
from hydrarec.training.scorer import ModelScorer

USERS = 4 * BATCH_SIZE
"""Users of a repetition."""


@dataclass(frozen=True, kw_only=True)
class InferencePiece(Piece):
    """Ranking of some users by a run."""

    part: str = "inference"
    variant: Variant
    cases: Cases
    """The users."""
    catalogue: Catalogue
    seed: int

    def build(self, device: torch.device) -> Work:
        """Build the model; see `Piece.build`."""
        cases, catalogue = self.cases, self.catalogue
        model, masking = build(self.variant.settings, catalogue.n_items, self.seed)
        if not self.variant.mixes:
            without_mixing(model)
        score = ModelScorer(model.to(device).eval(), masking, cases)
        return lambda: rank(score, cases, catalogue, batch_size=BATCH_SIZE, top_k=LIST_LENGTH)

    def count(self) -> Counted:
        """Count the operations for a user; see `Piece.count`."""
        settings, cases, n_items = self.variant.settings, self.cases, self.catalogue.n_items
        model, masking = build(settings, n_items)
        window = settings.encoder.max_length
        # What is left of the window is for the mask token, which stands behind the history.
        more = window - masking.inference_window(window)
        lengths = (cases.stops - cases.starts + more).clamp(max=window)
        counted = count(self.variant, model, lengths, torch.ones(len(cases)), n_items, full_context=True)
        return scaled(counted, self.units, training=False)


def inference_pieces(config: BenchmarkConfig, results: Path) -> Iterator[InferencePiece]:
    """Return the inference of every run, and of its twins, on every data set."""
    for dataset in config.datasets:
        for variant in variants(config, dataset.id):
            settings = variant.settings
            with_timestamps = settings.run.model.takes_timestamps
            data = read_data(results, dataset.id, config.protocols[0], with_timestamps=with_timestamps)
            cases = some_cases(data.validation, USERS)
            yield InferencePiece(
                **variant.in_common,
                work="forward",
                units=float(len(cases)),
                cases=cases,
                catalogue=data.catalogue,
                seed=config.seeds[0],
            )
