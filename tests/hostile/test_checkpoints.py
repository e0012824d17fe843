"""Checkpoints and saved states that are truncated, foreign, pickled or lie."""

import io
import json
import os
import pickle
import shutil
import struct

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from hydrarec.training.run import train
from hydrarec.training.state import LATEST_STATE, PREVIOUS_STATE, TrainingState
from tests.hostile.conftest import snapshot, training
from tests.unit.training.ring import settings


class Payload:
    """What unpickling runs."""

    def __reduce__(self):
        return os.system, ("touch pwned",)


def pickled_by_torch():
    buffer = io.BytesIO()
    torch.save({"weights": torch.zeros(2), "payload": Payload()}, buffer)
    return buffer.getvalue()


@pytest.fixture
def refuses(tmp_path, command, ring, trained):
    """Return how to rank with a checkpoint that must be refused."""
    path = tmp_path / "model.safetensors"
    shutil.copy(trained / path.name, path)

    def run(*words, data=ring):
        arguments = ("--model", path, "--data", data, "--protocol", "loo", "--output", "out")
        error = command.refuses("rank", *arguments, words=(path, *words))
        assert not (tmp_path / "pwned").exists()
        return error

    return path, run


def parts(path):
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["hydrarec"])  # noqa: SIM118


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.3, 0.9, 0.9999])
def test_truncated(kept, refuses):
    path, run = refuses
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    run("not a checkpoint", "train again")


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(Payload()),
        pickled_by_torch(),
        b"not a checkpoint",
        struct.pack("<Q", 2**60) + b"{}",
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 100_000) + b"[" * 100_000,
        struct.pack("<Q", 4) + b"\xff\xff\xff\xff",
    ],
    ids=["pickle", "torch", "text", "huge header", "empty header", "deep header", "no utf-8"],
)
def test_foreign(content, refuses):
    path, run = refuses
    path.write_bytes(content)
    run("not a checkpoint", "train again")


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        (None, ("not a checkpoint",)),
        ({"format": "pt"}, ("no 'hydrarec'",)),
        ({"hydrarec": "{"}, ("not a checkpoint",)),
        ({"hydrarec": "[]"}, ("not a checkpoint",)),
        ({"hydrarec": "{}"}, ("no 'settings'",)),
        ({"hydrarec": "[" * 100_000}, ("not a checkpoint",)),
    ],
)
def test_foreign_description(metadata, words, refuses):
    path, run = refuses
    save_file(parts(path)[0], path, metadata)
    run(*words)


def described(change):
    def spoil(tensors, description):
        change(description)
        return tensors, description

    return spoil


def without(tensors, description):
    return dict(list(tensors.items())[1:]), description


def larger(tensors, description):
    return {name: torch.cat([tensor, tensor]) for name, tensor in tensors.items()}, description


def not_finite(tensors, description):
    name = next(name for name in tensors if "embedding" in name)
    tensors[name][0, 0] = torch.nan
    return tensors, description


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (described(lambda d: d.update(n_items="30")), ("n_items is '30'",)),
        (described(lambda d: d.update(n_items=-1)), ("n_items is -1",)),
        (described(lambda d: d.update(n_items=True)), ("n_items is True",)),
        (described(lambda d: d.update(n_items=31)), ("another version",)),
        (described(lambda d: d.pop("n_items")), ("no 'n_items'",)),
        (described(lambda d: d["settings"].update(encoder=3)), ("encoder",)),
        (described(lambda d: d["settings"]["encoder"].update(d_model=32)), ("another version",)),
        (described(lambda d: d["settings"]["run"]["attention"].update(kind="os")), ("attention",)),
        (described(lambda d: d["settings"]["run"].update(id="../../x")), ("id",)),
        (without, ("another version", "Missing key")),
        (larger, ("another version", "size mismatch")),
        (lambda tensors, description: ({**tensors, "x": torch.zeros(1)}, description), ("Unexpected key",)),
        (not_finite, ("not finite", "train again")),
    ],
)
def test_checkpoint_that_lies(spoil, words, refuses):
    path, run = refuses
    tensors, description = spoil(*parts(path))
    save_file(tensors, path, {"hydrarec": json.dumps(description)})
    run(*words)


def test_checkpoint_of_another_data_set(tmp_path, ring, refuses):
    shutil.copytree(ring, tmp_path / "other")
    items = pq.read_table(tmp_path / "other/items.parquet")
    more = items.slice(29).set_column(0, items.field("item"), pa.array([31], pa.int32()))
    pq.write_table(pa.concat_tables([items, more]), tmp_path / "other/items.parquet")
    _, run = refuses
    run("trained on 30 items", "has 31", "the data that it was trained on", data=tmp_path / "other")


def test_absent_and_a_folder(refuses):
    path, run = refuses
    path.unlink()
    run("no such file; train it first")
    path.mkdir()
    run()


@pytest.fixture(scope="module")
def saved(ring, tmp_path_factory):
    """Return the state that a training leaves which is killed when all epochs are done."""
    folder = tmp_path_factory.mktemp("saved")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingState, "remove", lambda self: None)
        train(settings(max_epochs=1), data=ring, protocol="loo", seed=0, threads=1, output=folder)
    return folder / "state"


@pytest.fixture
def state(tmp_path, saved):
    shutil.copytree(saved, tmp_path / "run/state")
    return tmp_path / "run/state"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tensors, values: ({k: v for k, v in tensors.items() if not k.startswith("model.")}, values),
        lambda tensors, values: ({k: v for k, v in tensors.items() if not k.startswith("stream.")}, values),
        lambda tensors, values: ({**tensors, "optimizer.x.step": torch.zeros(1)}, values),
        lambda tensors, values: ({**tensors, "stream.masks": torch.zeros(3, dtype=torch.uint8)}, values),
        described(lambda values: values.pop("history")),
        described(lambda values: values.update(history=[{"epoch": 1}])),
        described(lambda values: values.update(history=3)),
        described(lambda values: values.update(order={"bit_generator": "MT19937"})),
        described(lambda values: values.update(resumed="often")),
    ],
)
def test_state_of_this_training_that_is_incomplete(spoil, state, ring, command):
    tensors, values = spoil(*parts(state / LATEST_STATE))
    save_file(tensors, state / LATEST_STATE, {"hydrarec": json.dumps(values)})
    command.refuses(*training(ring, max_epochs=1), words=("run/state/latest.safetensors: not complete", "run/state to"))


@pytest.mark.parametrize(
    "content",
    [b"", pickle.dumps(Payload()), pickled_by_torch(), struct.pack("<Q", 100_000) + b"[" * 100_000],
    ids=["empty", "pickle", "torch", "deep"],
)
def test_state_that_cannot_be_read_costs_time_and_nothing_else(content, state, ring, trained, tmp_path, command):
    for name in (LATEST_STATE, PREVIOUS_STATE):
        (state / name).write_bytes(content)
    command.works(*training(ring, max_epochs=1))
    assert not (tmp_path / "pwned").exists()
    assert (tmp_path / "run/model.safetensors").read_bytes() == (trained / "model.safetensors").read_bytes()


@pytest.mark.parametrize("metadata", [None, {"hydrarec": "{}"}, {"hydrarec": '{"identity": []}'}, {"hydrarec": "[]"}])
def test_state_that_does_not_say_whose_it_is_is_not_used(metadata, state, ring, command):
    save_file(parts(state / LATEST_STATE)[0], state / LATEST_STATE, metadata)
    command.works(*training(ring, max_epochs=1))


def test_state_folder_that_is_a_link_does_not_lead_deletion_astray(state, ring, tmp_path, command):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/keep").write_text("keep")
    shutil.rmtree(state)
    state.symlink_to(tmp_path / "precious")
    command.works(*training(ring, max_epochs=1))
    assert (tmp_path / "precious/keep").read_text() == "keep"
    assert "keep" in snapshot(tmp_path / "precious")
