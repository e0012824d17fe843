"""HSTU against its equations written as loops, and what it may know of time."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention

from hydrarec.columns import HELD_OUT, ITEMS, TRAIN
from hydrarec.config import RunSettings, load
from hydrarec.config.base import ConfigError
from hydrarec.models.hstu import TIME_BUCKETS, bucket_begins, time_buckets
from hydrarec.sequences.batches import Batch
from hydrarec.sequences.visibility import Visibility
from hydrarec.tables import write_table
from hydrarec.training import checkpoint
from hydrarec.training.inference import rank_test
from hydrarec.training.run import train

N, T, D, H = 20, 7, 8, 2
DAY = 86_400


def settings(masking="causal", timestamps=True, model="hstu", **training):
    attention = {"kind": "hydra"} if model == "sasrec" else None
    block = {"kind": "hstu", "timestamps": timestamps} if model == "hstu" else {"kind": model}
    return RunSettings.model_validate(
        {
            "run": {"id": "x", "model": block, "attention": attention, "masking": {"kind": masking}},
            "encoder": {"d_model": D, "n_heads": H, "n_layers": 2, "max_length": T, "dropout": 0.1},
            "loss": {"kind": "cross_entropy"},
            "training": {"device": "cpu", "batch_size": 16, "max_epochs": 2, "learning_rate": 1e-2, **training},
        }
    )


def build(masking="causal", timestamps=True):
    model, mask = checkpoint.build(settings(masking, timestamps), N, seed=0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(20 if parameter.dim() > 1 else 1)
    return model.double().eval(), mask


def batch():
    items = torch.tensor([[3, 7, 9, 4, 11, 2], [5, 6, 8, 0, 0, 0], [12, 1, 13, 14, 0, 0]])
    times = [[0, 0, 1, 90, 5 * DAY, 900 * DAY], [7, 8, 3000, 0, 0, 0], [50, 50, 50, DAY, 0, 0]]
    return Batch(items, torch.tensor([6, 3, 4]), torch.tensor(times) + 1_000_000_000)


def naive_hstu(weights, items, timestamps, causal):
    """Compute the hidden states of one sequence, weight by weight."""
    length = len(items)
    x = weights["item_embedding.weight"][items] * math.sqrt(D) + weights["position_embedding.weight"][:length]
    for layer in ("layers.0.", "layers.1."):
        w = {name.removeprefix(layer): value for name, value in weights.items() if name.startswith(layer)}
        mean, variance = x.mean(-1, keepdim=True), x.var(-1, unbiased=False, keepdim=True)
        projected = (x - mean) / (variance + 1e-6).sqrt() @ w["input.weight"].T
        u, v, q, k = (projected * projected.sigmoid()).split(D, dim=-1)
        mixed = torch.zeros(length, D, dtype=x.dtype)
        for t in range(length):
            for s in range(t + 1 if causal else length):
                bias = w["bias.by_position.weight"][t - s + T - 1, 0]
                if timestamps is not None:
                    seconds = abs(timestamps[t] - timestamps[s])
                    bias = bias + w["bias.by_time.weight"][int(math.log(max(seconds, 1)) / 0.301), 0]
                for head in range(H):
                    own = slice(head * D // H, (head + 1) * D // H)
                    score = (q[t, own] * k[s, own]).sum() + bias
                    mixed[t, own] += score * score.sigmoid() / T * v[s, own]
        mean, variance = mixed.mean(-1, keepdim=True), mixed.var(-1, unbiased=False, keepdim=True)
        x = x + ((mixed - mean) / (variance + 1e-6).sqrt() * u) @ w["output.weight"].T + w["output.bias"]
    return F.layer_norm(x, (D,), weights["final_norm.weight"], weights["final_norm.bias"])


@pytest.mark.parametrize("timestamps", [False, True])
@pytest.mark.parametrize("causal", [True, False])
def test_it_computes_its_equations(causal, timestamps):
    model, _ = build("causal" if causal else "bidirectional", timestamps)
    given = batch()
    with torch.no_grad():
        hidden = model.encode(given, Visibility(causal, None if causal else given.real))
        for row, length in enumerate(given.lengths.tolist()):
            items, times = given.items[row, :length], given.timestamps[row, :length].tolist()
            expected = naive_hstu(model.state_dict(), items, times if timestamps else None, causal)
            torch.testing.assert_close(hidden[row, :length], expected, rtol=1e-9, atol=1e-9)


def test_buckets_are_floors_of_logarithms():
    seconds = [0, 1, 2, 3, 59, 60, 3600, DAY, 7 * DAY, 3653 * DAY, 10**12, 2**62]
    found = time_buckets(torch.tensor([[0, s] for s in seconds]), bucket_begins())
    assert found[:, 0, 0].tolist() == [0] * len(seconds)
    assert torch.equal(found[:, 0, 1], found[:, 1, 0])
    expected = [min(int(math.log(max(s, 1)) / 0.301), TIME_BUCKETS) for s in seconds]
    assert found[:, 0, 1].tolist() == expected
    assert expected[-1] == TIME_BUCKETS


@pytest.mark.parametrize("timestamps", [False, True])
def test_its_parameters_are_those_of_the_equations(timestamps):
    model, _ = build(timestamps=timestamps)
    layer = 4 * D * D + (D * D + D) + (2 * T - 1) + (TIME_BUCKETS + 1) * timestamps
    assert sum(p.numel() for p in model.parameters()) == (N + 1) * D + T * D + 2 * layer + 2 * D
    # Checkpoints hold nothing else.
    assert set(model.state_dict()) == set(dict(model.named_parameters()))


def test_time_counts():
    model, _ = build()
    given = batch()
    slower = Batch(given.items, given.lengths, given.timestamps * 3)
    shifted = Batch(given.items, given.lengths, given.timestamps + 12345)
    visibility = Visibility(causal=True, padding_mask=None)
    with torch.no_grad():
        hidden, other, same = (model.encode(b, visibility) for b in (given, slower, shifted))
    assert not torch.allclose(hidden[0, -1], other[0, -1], atol=1e-4)
    torch.testing.assert_close(hidden[given.real], same[given.real])


@pytest.mark.parametrize("place", range(1, 6))
def test_a_later_time_never_changes_an_earlier_hidden_state(place):
    model, _ = build()
    given = batch()
    times = given.timestamps.clone()
    times[:, place:] += 4000 * DAY
    visibility = Visibility(causal=True, padding_mask=None)
    with torch.no_grad():
        before = model.encode(given, visibility)
        after = model.encode(Batch(given.items, given.lengths, times), visibility)
    assert torch.equal(before[:, :place], after[:, :place])
    assert not torch.allclose(before[0, place:], after[0, place:])


@pytest.mark.parametrize("masking", ["causal", "bidirectional"])
def test_the_time_of_a_target_changes_nothing(masking):
    model, mask = build(masking)
    if masking == "bidirectional":
        mask.config = mask.config.model_copy(update={"last_item_probability": 1.0})
    given = batch()
    times = given.timestamps.scatter_add(1, given.lengths[:, None] - 1, torch.full((3, 1), 40 * DAY))
    views = [
        mask.training_view(b, torch.Generator().manual_seed(0))
        for b in (given, Batch(given.items, given.lengths, times))
    ]
    with torch.no_grad():
        assert torch.equal(model(views[0]), model(views[1]))


def test_a_batch_without_times_is_refused():
    model, _ = build()
    given = batch()
    with pytest.raises(ValueError, match="timestamps: true got a batch without"):
        model.encode(Batch(given.items, given.lengths), Visibility(causal=True, padding_mask=None))


def test_planning_refuses_data_that_cannot_have_times():
    raw = {
        "report": "r",
        "datasets": ["ml-1m", "beauty-5core"],
        "seeds": [0],
        "runs": [{"id": "timed", "model": {"kind": "hstu", "timestamps": True}, "masking": {"kind": "causal"}}],
        "evaluation": {"reference": "timed"},
    }
    with pytest.raises(ConfigError, match=r"run timed: model hstu needs times.*none in beauty-5core \(sequences\)"):
        load(raw)
    load({**raw, "datasets": ["ml-1m"]})


def write_data(folder, with_times):
    """Write 60 users on a ring of 20 items who go on after a day and jump three items after a second, none twice."""
    generator = np.random.default_rng(0)
    rows = []
    for user in range(1, 61):
        item, seconds = int(generator.integers(N)), int(generator.integers(10**9))
        for place in range(int(generator.integers(5, 7))):
            rows.append((user, item + 1, place, seconds))
            quick = bool(generator.integers(2))
            item, seconds = (item + (3 if quick else 1)) % N, seconds + (1 if quick else DAY)
    frame = pd.DataFrame(rows, columns=["user", "item", "position", "timestamp"])
    frame = frame.astype({"user": "int32", "item": "int32", "position": "int32", "timestamp": "Int64"})
    if not with_times:
        frame["timestamp"] = pd.array([None] * len(frame), dtype="Int64")
    left = frame.groupby("user")["item"].transform("size") - frame["position"]
    write_table(frame[left > 2], folder / "loo/train.parquet", TRAIN)
    for name, at in (("validation", 2), ("test", 1)):
        write_table(frame[left == at].assign(step=np.int32(0)), folder / f"loo/{name}.parquet", HELD_OUT)
    items = pd.DataFrame({"item": range(1, N + 1), "raw_item": list(map(str, range(N))), "n_interactions": [9] * N})
    write_table(items.astype({"item": "int32", "n_interactions": "int32"}), folder / "items.parquet", ITEMS)
    return folder


def run(given, data, output):
    train(given, data=data, protocol="loo", seed=0, threads=1, output=output)
    rank_test(output / "model.safetensors", data=data, protocol="loo", threads=1, output=output)
    return [(output / name).read_bytes() for name in ("model.safetensors", "ranks.parquet", "recommendations.parquet")]


@pytest.mark.parametrize("masking", ["causal", "bidirectional"])
def test_it_trains_and_ranks_with_times(masking, tmp_path):
    data = write_data(tmp_path / "timed", with_times=True)
    timed, untimed = (run(settings(masking, t), data, tmp_path / f"{t}") for t in (True, False))
    assert timed != untimed


def test_data_without_times_are_refused_when_they_are_read(tmp_path):
    data = write_data(tmp_path / "untimed", with_times=False)
    with pytest.raises(ValueError, match="have no timestamp, and the model needs them"):
        train(settings(), data=data, protocol="loo", seed=0, threads=1, output=tmp_path / "out")


@pytest.mark.parametrize("model", ["hstu", "sasrec"])
def test_models_that_take_no_times_do_not_notice_them(model, tmp_path):
    given = settings(timestamps=False, model=model)
    with_times, without = (
        run(given, write_data(tmp_path / f"data{t}/ring", with_times=t), tmp_path / f"out{t}") for t in (True, False)
    )
    assert with_times == without
