"""A loss that is no number: the run stops, keeps its last good state, and is reported as failed."""

import json

import pytest
import torch
from safetensors import safe_open

from hydrarec.layout import run_folder
from hydrarec.training.engine import Trainer
from hydrarec.training.state import LATEST_STATE
from tests.hostile.conftest import snapshot, training
from tests.unit.training.ring import settings

CONFIG = {
    "report": "test",
    "datasets": ["synthetic"],
    "seeds": [0],
    "runs": [settings().model_dump(mode="json")["run"]],
    "evaluation": {"reference": "x"},
}


@pytest.fixture
def output(tmp_path):
    return run_folder(tmp_path / "results", "synthetic", "loo", "x", 0)


def epochs_saved(folder):
    with safe_open(folder / "state" / LATEST_STATE, framework="pt") as file:
        return len(json.loads(file.metadata()["hydrarec"])["history"])


@pytest.fixture
def breaks(monkeypatch):
    """Return how to make a training's loss, or its weights, no numbers from an epoch on."""

    def run(epoch, loss_of=Trainer._loss_of, weights=False):
        def broken(self, view):
            loss = loss_of(self, view)
            if len(self.history) + 1 < epoch:
                return loss
            if weights:
                with torch.no_grad():
                    next(self.model.parameters()).fill_(torch.nan)
            return loss * torch.nan if not weights else loss

        monkeypatch.setattr(Trainer, "_loss_of", broken)

    return run


def test_steps_that_are_too_large(ring, output, command):
    words = ("the loss became", "in epoch 1", "try a smaller training.learning_rate")
    command.refuses(*training(ring, output, learning_rate=1e30), words=words)


@pytest.mark.parametrize("weights", [False, True], ids=["loss", "weights"])
def test_the_last_good_state_stays_and_leads_on(weights, ring, output, command, breaks, monkeypatch):
    breaks(3, weights=weights)
    latest, previous = (
        str(output.relative_to(command.folder) / "state" / n) for n in (LATEST_STATE, "previous.safetensors")
    )
    error = command.refuses(*training(ring, output, max_epochs=5), words=(), leaves=(latest, previous))
    assert "epoch 3" in error or "not finite" in error
    assert epochs_saved(output) == 2
    before = snapshot(output)
    command.refuses(*training(ring, output, max_epochs=5), words=())
    assert snapshot(output) == before, "a second try changes nothing"
    monkeypatch.undo()
    monkeypatch.chdir(command.folder)
    command.works(*training(ring, output, max_epochs=5))
    assert json.loads((output / "manifest.json").read_text())["resumed"] == 1
    assert not (output / "state").exists()


def test_it_is_reported_as_failed(ring, output, command, breaks, tmp_path):
    """What Snakemake does with the message: it is the run's log, and `hydrarec status` reads it."""
    breaks(2)
    _, _, error = command(*training(ring, output, max_epochs=5))
    log = tmp_path / "logs/train/synthetic/loo/x/seed-0.log"
    log.parent.mkdir(parents=True)
    log.write_text(error)
    said = command.works("status", "--config", json.dumps(CONFIG), "--folder", tmp_path)
    assert "1 run: 1 interrupted." in said
    assert "x seed 0: interrupted, epochs saved: 1" in said
    assert "the loss became nan in epoch 2" in said


def test_one_that_fails_at_once_is_reported_too(ring, output, command, breaks, tmp_path):
    breaks(1)
    _, _, error = command(*training(ring, output))
    log = tmp_path / "logs/train/synthetic/loo/x/seed-0.log"
    log.parent.mkdir(parents=True)
    log.write_text(error)
    said = command.works("status", "--config", json.dumps(CONFIG), "--folder", tmp_path)
    assert "1 run: 1 stopped." in said
    assert "the loss became nan in epoch 1" in said


def test_a_failed_run_is_in_no_table(ring, output, command, breaks, tmp_path):
    breaks(1)
    command(*training(ring, output))
    arguments = ("--config", json.dumps(CONFIG), "--results", tmp_path / "results", "--output", "comparison")
    words = ("needs 5 file(s) that are not there", output / "ranks.parquet")
    command.refuses("collect", *arguments, words=words)
