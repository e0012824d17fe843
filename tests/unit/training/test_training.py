"""The engine: stopping, clocks, what is kept, and that equal seeds give equal bytes."""

import json
import shutil
import time

import numpy as np
import pytest
import torch

from hydrarec.columns import HISTORY, RANKS, SAMPLED, TRAIN
from hydrarec.config import RunSettings
from hydrarec.data.sampled_candidates import sample_candidates
from hydrarec.losses.cross_entropy import CrossEntropyLoss
from hydrarec.provenance import data_hashes
from hydrarec.sequences.log import read_cases, read_catalogue, read_train
from hydrarec.stopwatch import Stopwatch
from hydrarec.tables import content_hash, read_table, write_table
from hydrarec.training import checkpoint, engine, scorer
from hydrarec.training.engine import Epoch, Trainer, best, converged
from hydrarec.training.inference import rank_test
from hydrarec.training.run import train
from hydrarec.training.streams import Streams, stream_seed
from tests.unit.training.ring import run, settings


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
    assert timing["train_cpu_s"] == history["train_cpu_s"].iloc[-1] > 0
    assert timing["train_to_best_cpu_s"] == history.set_index("epoch")["train_cpu_s"][timing["best_epoch"]]
    inference = json.loads((tmp_path / "inference.json").read_text())
    assert 0 < inference["test_cpu_s"] <= 1.05 * inference["test_s"] * inference["threads"] + 0.05
    # No GPU, no energy.
    assert (timing["train_j"], timing["validation_j"], inference["test_j"]) == (None, None, None)
    assert set(manifest["data"]) == {"train.parquet", "validation.parquet", "test.parquet"}
    assert manifest["settings"] == settings(max_epochs=4).model_dump(mode="json")


def test_sampled_candidates_leave_their_counts_and_change_no_byte(data, tmp_path):
    plain, both = run(data, tmp_path / "plain"), tmp_path / "both"
    paths = [tmp_path / f"candidates-{kind}.parquet" for kind in ("uniform-100", "popularity-100")]
    for kind, path in zip(("uniform-100", "popularity-100"), paths, strict=True):
        sample_candidates(data, "loo", kind, path)
    rank_test(plain / "model.safetensors", data=data, protocol="loo", threads=1, output=both, candidates=paths)
    for name in ("ranks.parquet", "recommendations.parquet"):
        assert (plain / name).read_bytes() == (both / name).read_bytes()
    # The ring has fewer than a hundred items: all candidates are drawn, whatever the kind.
    ranks, sampled = read_table(both / "ranks.parquet", RANKS), read_table(both / "sampled.parquet", SAMPLED)
    for _, of_kind in sampled.groupby("kind"):
        assert of_kind.reset_index(drop=True)[["user", "greater", "equal"]].equals(ranks[["user", "greater", "equal"]])
    hashes = {path.stem.removeprefix("candidates-"): content_hash(path) for path in paths}
    assert json.loads((both / "inference.json").read_text())["candidates"] == hashes
    assert not (plain / "sampled.parquet").exists()


def test_training_needs_no_test_file(data, tmp_path):
    hidden = tmp_path / "ring"
    (hidden / "loo").mkdir(parents=True)
    for name in ("items.parquet", "loo/train.parquet", "loo/validation.parquet"):
        (hidden / name).write_bytes((data / name).read_bytes())
    train(settings(), data=hidden, protocol="loo", seed=0, threads=1, output=tmp_path / "out")
    train(settings(), data=data, protocol="loo", seed=0, threads=1, output=tmp_path / "with")
    assert (tmp_path / "out/model.safetensors").read_bytes() == (tmp_path / "with/model.safetensors").read_bytes()


def test_data_that_change_meanwhile_are_not_taken_for_those_that_were_read(data, tmp_path, monkeypatch):
    ring = tmp_path / "ring"
    shutil.copytree(data, ring)
    before = data_hashes(ring / "loo")
    epoch = Trainer.epoch

    def and_then_prepared_anew(trainer, between):
        write_table(read_table(ring / "loo/train.parquet", TRAIN).iloc[:-1], ring / "loo/train.parquet", TRAIN)
        return epoch(trainer, between)

    monkeypatch.setattr(Trainer, "epoch", and_then_prepared_anew)
    train(settings(), data=ring, protocol="loo", seed=0, threads=1, output=tmp_path)
    assert json.loads((tmp_path / "manifest.json").read_text())["data"] == before
    with pytest.raises(ValueError, match=r"train\.parquet: not the data of the training.*it is trained anew"):
        rank_test(tmp_path / "model.safetensors", data=ring, protocol="loo", threads=1, output=tmp_path)


def test_a_damaged_test_part_is_found_before_anything_is_trained(data, tmp_path, monkeypatch):
    shutil.copytree(data, tmp_path / "ring")
    (tmp_path / "ring/loo/test.parquet").write_bytes(b"PAR1 no more")
    monkeypatch.setattr(Trainer, "epoch", lambda *_: pytest.fail("trained"))
    with pytest.raises((ValueError, OSError), match=r"test\.parquet"):
        train(settings(), data=tmp_path / "ring", protocol="loo", seed=0, threads=1, output=tmp_path / "out")


def test_cold_validation_targets_are_misses_where_there_are_few_candidates(trainer, monkeypatch):
    monkeypatch.setattr(engine, "count_ranks", lambda *_, **__: (np.full(120, 9), np.zeros(120, dtype=int)))
    all_warm = trainer._validate()
    trainer.candidates.warm_target[:30] = False
    assert trainer._validate() == pytest.approx([0.75 * value for value in all_warm])


def scripted(scores):
    return [Epoch(number, number, 1.0, score, score, float(number), 0.0) for number, score in enumerate(scores, 1)]


@pytest.mark.parametrize(
    ("scores", "patience", "ends_after", "kept"),
    [
        ([0.1, 0.3, 0.2, 0.2, 0.9], 2, 4, 2),
        ([0.1, 0.3, 0.2, 0.4, 0.1, 0.1, 0.5], 2, 6, 4),
        ([0.2, 0.2, 0.2, 0.2], 3, 4, 1),
        ([0.1, 0.2, 0.3, 0.4], 2, None, 4),
    ],
)
def test_training_converges_by_patience_and_the_first_best_epoch_counts(scores, patience, ends_after, kept):
    training = settings(patience=patience).training
    ends = [n for n in range(len(scores) + 1) if converged(scripted(scores[:n]), training)]
    assert (ends[0] if ends else None) == ends_after
    assert best(scripted(scores[:ends_after])).epoch == kept


def test_training_stops_at_the_last_allowed_epoch(data, tmp_path):
    run(data, tmp_path, max_epochs=2, patience=50)
    assert len(read_table(tmp_path / "history.parquet", HISTORY)) == 2
    assert not json.loads((tmp_path / "timing.json").read_text())["converged"]


def test_a_loss_that_is_not_finite_stops_the_run(data, tmp_path):
    with pytest.raises(FloatingPointError, match=r"epoch 1; try a smaller training\.learning_rate"):
        train(settings(learning_rate=1e30), data=data, protocol="loo", seed=0, threads=1, output=tmp_path)


def test_a_loss_of_each_target_is_refused_with_what_is_wanted(data, tmp_path, monkeypatch):
    forward = CrossEntropyLoss.forward
    monkeypatch.setattr(CrossEntropyLoss, "forward", lambda *inputs: forward(*inputs).expand(3))
    with pytest.raises(ValueError, match=r"cross_entropy returned a tensor of shape \[3\], not one number: the mean"):
        train(settings(), data=data, protocol="loo", seed=0, threads=1, output=tmp_path)


def test_streams_do_not_touch_each_other():
    device = torch.device("cpu")
    one, two = Streams(5, device), Streams(5, device)
    one.order.random(1000)
    torch.rand(3, generator=one.negatives)
    assert torch.equal(torch.rand(4, generator=one.masks), torch.rand(4, generator=two.masks))
    assert len({stream_seed(5, name) for name in ("order", "masks", "negatives", "dropout")}) == 4
    assert stream_seed(5, "order") != stream_seed(6, "order")


def test_a_stopwatch_counts_only_what_runs():
    watch = Stopwatch(torch.device("cpu"))
    with watch.running():
        time.sleep(0.02)
    time.sleep(0.5)
    with watch.running():
        time.sleep(0.02)
    assert 0.04 <= watch.seconds < 0.5


def trainer_of(data, chosen, seed=0):
    split = data / "loo"
    validation, catalogue = read_cases(split, "validation"), read_catalogue(data, split)
    return Trainer(chosen, read_train(split), validation, catalogue, seed=seed, device=torch.device("cpu"))


@pytest.fixture
def trainer(data):
    return trainer_of(data, settings())


@pytest.mark.parametrize("masking", ["causal", "bidirectional"])
def test_the_objective_is_the_mean_over_targets_however_batches_are_cut(data, masking, monkeypatch):
    """With weights that stand still, an epoch's gradients add up to the mean over all its targets."""
    chosen = settings(masking=masking, batch_size=7)
    chosen = chosen.model_copy(update={"encoder": chosen.encoder.model_copy(update={"dropout": 0.0})})
    trainer = trainer_of(data, chosen)
    weight, steps, summed, n_targets = trainer.model.item_embedding.weight, 0, 0.0, 0
    total = torch.zeros_like(weight)
    loss_of = trainer._loss_of

    def watched(view):
        nonlocal summed, n_targets
        summed, n_targets = summed + loss_of(view) * len(view.targets), n_targets + len(view.targets)
        return loss_of(view)

    def stand_still():
        nonlocal steps
        steps += 1
        total.add_(weight.grad)

    monkeypatch.setattr(trainer, "_loss_of", watched)
    monkeypatch.setattr(trainer.optimizer, "step", stand_still)
    loss = trainer.train_epoch()
    assert loss == pytest.approx(summed.item() / n_targets)
    expected = torch.autograd.grad(summed / n_targets, weight)[0]
    # How many are hidden is drawn, so it is not quite the number expected.
    share = n_targets / trainer._expected_targets()
    assert share == pytest.approx(1, abs=1e-12 if masking == "causal" else 0.1)
    torch.testing.assert_close(total / steps, expected * share, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("attention", ["hydra", "performer"])
@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
def test_warming_up_changes_nothing(data, tmp_path, loss, attention):
    raw = settings().model_dump()
    options = {"redraw_every": 2} if attention == "performer" else {}
    raw |= {"loss": {"kind": loss}, "run": raw["run"] | {"attention": {"kind": attention, **options}}}
    chosen = RunSettings.model_validate(raw)
    epochs, weights = [], []
    for warm in (False, True):
        trainer = trainer_of(data, chosen)
        if warm:
            trainer.warm_up()
        epochs.append([trainer.epoch() for _ in range(2)][-1].loss)
        weights.append(checkpoint.weights_of(trainer.model))
    assert epochs[0] == epochs[1]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_seed_means_the_same_batches_under_every_masking(data):
    causal, cloze = (
        trainer_of(data, settings(masking=masking, batch_size=5)) for masking in ("causal", "bidirectional")
    )
    assert (causal.train_log.lengths > causal._window).any()
    one, other = (trainer._order(trainer.streams.order) for trainer in (causal, cloze))
    assert [rows.tolist() for rows in one] == [rows.tolist() for rows in other]


def test_a_loss_in_low_precision_is_computed_in_it_whatever_the_model_ends_in(data, monkeypatch):
    trainer, seen = trainer_of(data, settings(precision="bfloat16")), []
    monkeypatch.setattr(trainer, "forward", lambda view: trainer.model(view).float())
    loss = trainer.loss
    monkeypatch.setattr(trainer, "loss", lambda hidden, *others: seen.append(hidden.dtype) or loss(hidden, *others))
    trainer.train_epoch()
    assert set(seen) == {torch.bfloat16}


def test_a_model_in_training_mode_is_not_ranked(trainer):
    trainer.model.train()
    with pytest.raises(ValueError, match="training mode"):
        trainer.scorer(torch.arange(2))


def test_a_cpu_encodes_in_parts_what_is_ranked_at_once(trainer, monkeypatch):
    sizes, rows = [], torch.arange(17)
    trainer.model.eval().register_forward_hook(lambda _, inputs, __: sizes.append(len(inputs[0].batch.lengths)))
    whole = trainer.scorer(rows).hidden
    monkeypatch.setattr(scorer, "NUMBERS_PER_PART", 1)
    monkeypatch.setattr(scorer, "ROWS_PER_PART", 7)
    torch.testing.assert_close(trainer.scorer(rows).hidden, whole)
    assert sizes == [17, 7, 7, 3]


def test_a_broken_checkpoint_is_named(tmp_path, data):
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"model\.safetensors: not a checkpoint"):
        rank_test(tmp_path / "model.safetensors", data=data, protocol="loo", threads=1, output=tmp_path)
