"""The engine: stopping, clocks, what is kept, and that equal seeds give equal bytes."""

import json
import time

import numpy as np
import pandas as pd
import pytest
import torch

from hydrarec.columns import HELD_OUT, HISTORY, ITEMS, TRAIN, read_table, write_table
from hydrarec.config import RunSettings
from hydrarec.training import engine
from hydrarec.training.clock import Stopwatch
from hydrarec.training.engine import Epoch, train
from hydrarec.training.streams import Streams, seed_of
from hydrarec.training.test import rank_test


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Write 120 users who walk round a ring of 30 items: learnable, and small enough for seconds."""
    folder = tmp_path_factory.mktemp("data") / "ring"
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
    return folder


def settings(masking="causal", **training):
    return RunSettings.model_validate(
        {
            "run": {
                "id": "x",
                "model": {"kind": "sasrec"},
                "attention": {"kind": "hydra"},
                "masking": {"kind": masking},
            },
            "encoder": {"d_model": 16, "n_layers": 1, "max_length": 12, "dropout": 0.1},
            "loss": {"kind": "cross_entropy"},
            "training": {"device": "cpu", "batch_size": 16, "max_epochs": 3, "learning_rate": 1e-2, **training},
        }
    )


def run(data, output, seed=0, **kwargs):
    train(settings(**kwargs), data=data, protocol="loo", seed=seed, threads=1, output=output)
    rank_test(output / "model.safetensors", data=data, protocol="loo", threads=1, output=output)
    return output


@pytest.mark.parametrize("masking", ["causal", "bidirectional"])
def test_equal_seeds_give_equal_bytes_and_others_do_not(data, tmp_path, masking):
    first, again, other = (
        run(data, tmp_path / name, seed, masking=masking) for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    for name in ("ranks.parquet", "recommendations.parquet", "model.safetensors"):
        assert (first / name).read_bytes() == (again / name).read_bytes()
        assert (first / name).read_bytes() != (other / name).read_bytes()


def test_a_ring_is_learnt(data, tmp_path):
    run(data, tmp_path, max_epochs=40)
    history = read_table(tmp_path / "history.parquet", HISTORY)
    assert history["validation_ndcg10"].max() > 0.95
    assert history["loss"].is_monotonic_decreasing or history["loss"].iloc[-1] < history["loss"].iloc[0] / 3


def test_what_a_run_leaves_behind_is_complete_and_consistent(data, tmp_path):
    run(data, tmp_path, max_epochs=4)
    timing = json.loads((tmp_path / "timing.json").read_text())
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    history = read_table(tmp_path / "history.parquet", HISTORY)
    assert timing["epochs"] == len(history) == 4
    assert timing["best_epoch"] == history.loc[history["validation_ndcg10"].idxmax(), "epoch"]
    assert timing["train_s"] == history["train_s"].iloc[-1]
    assert timing["train_to_best_s"] == history.set_index("epoch")["train_s"][timing["best_epoch"]]
    assert history["train_s"].is_monotonic_increasing
    assert history["validation_s"].is_monotonic_increasing
    assert set(manifest["data"]) == {"train.parquet", "validation.parquet", "test.parquet"}
    assert manifest["settings"] == settings(max_epochs=4).model_dump(mode="json")


def test_training_needs_no_test_file(data, tmp_path):
    hidden = tmp_path / "ring"
    (hidden / "loo").mkdir(parents=True)
    for name in ("items.parquet", "loo/train.parquet", "loo/validation.parquet"):
        (hidden / name).write_bytes((data / name).read_bytes())
    train(settings(), data=hidden, protocol="loo", seed=0, threads=1, output=tmp_path / "out")
    train(settings(), data=data, protocol="loo", seed=0, threads=1, output=tmp_path / "with")
    assert (tmp_path / "out/model.safetensors").read_bytes() == (tmp_path / "with/model.safetensors").read_bytes()


class Scripted:
    """A trainer whose validation scores are given."""

    def __init__(self, scores, **training):
        self.settings = settings(**training)
        self.scores = scores
        self.model = None

    def epochs(self):
        for number, score in enumerate(self.scores, start=1):
            yield Epoch(number, number, 1.0, score, score, float(number), 0.0)


@pytest.mark.parametrize(
    ("scores", "training", "epochs", "saved"),
    [
        ([0.1, 0.3, 0.2, 0.2, 0.9], {"patience": 2, "max_epochs": 9}, 4, [1, 2]),
        ([0.1, 0.3, 0.2, 0.4, 0.1, 0.1, 0.5], {"patience": 2, "max_epochs": 9}, 6, [1, 2, 4]),
        ([0.1, 0.2, 0.3, 0.4], {"patience": 2, "max_epochs": 3}, 3, [1, 2, 3]),
        ([0.2, 0.2, 0.2, 0.2], {"patience": 3, "max_epochs": 9}, 4, [1]),
    ],
)
def test_training_stops_by_patience_and_keeps_the_first_best(monkeypatch, tmp_path, scores, training, epochs, saved):
    kept = []
    monkeypatch.setattr(engine.checkpoint, "save", lambda *_: kept.append(len(kept)))
    history = engine._train_until_converged(Scripted(scores, **training), tmp_path / "model.safetensors")
    assert len(history) == epochs
    assert len(kept) == len(saved)
    assert engine._best(history).epoch == saved[-1]


def test_a_loss_that_is_not_finite_stops_the_run(data, tmp_path):
    with pytest.raises(FloatingPointError, match=r"epoch 1; try a smaller training\.learning_rate"):
        train(settings(learning_rate=1e30), data=data, protocol="loo", seed=0, threads=1, output=tmp_path)


def test_streams_do_not_touch_each_other():
    device = torch.device("cpu")
    one, two = Streams(5, device), Streams(5, device)
    one.order.random(1000)
    torch.rand(3, generator=one.negatives)
    assert torch.equal(torch.rand(4, generator=one.masks), torch.rand(4, generator=two.masks))
    assert len({seed_of(5)(name) for name in ("order", "masks", "negatives", "dropout")}) == 4
    assert seed_of(5)("order") != seed_of(6)("order")


def test_a_stopwatch_counts_only_what_runs():
    watch = Stopwatch(torch.device("cpu"))
    with watch.running():
        time.sleep(0.02)
    time.sleep(0.5)
    with watch.running():
        time.sleep(0.02)
    assert 0.04 <= watch.seconds < 0.5


def test_a_model_in_training_mode_is_not_ranked(data):
    from hydrarec.sequences.log import read_cases, read_catalogue, read_train  # noqa: PLC0415

    split = data / "loo"
    trainer = engine.Trainer(
        settings(),
        read_train(split),
        read_cases(split, "validation"),
        read_catalogue(data, split),
        seed=0,
        device=torch.device("cpu"),
    )
    trainer.model.train()
    with pytest.raises(ValueError, match="training mode"):
        trainer.scorer(torch.arange(2))


def test_a_broken_checkpoint_is_named(tmp_path, data):
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"model\.safetensors: not a checkpoint"):
        rank_test(tmp_path / "model.safetensors", data=data, protocol="loo", threads=1, output=tmp_path)
