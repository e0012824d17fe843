"""A compiled model: the same graph does for all batches, or a training would compile until it gives up."""

import functools
import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch._dynamo.utils import counters

from hydrarec import devices
from hydrarec.attention.parts import hydra_kernels
from hydrarec.config import RunSettings
from hydrarec.config.attention import PerformerAttentionConfig
from hydrarec.sequences.chunks import chunks
from hydrarec.sequences.log import Cases, Catalogue, Log
from hydrarec.sequences.output_positions import OutputPositions, select_positions
from hydrarec.sequences.visibility import Visibility
from hydrarec.training.checkpoint import build
from hydrarec.training.engine import Trainer
from tests.contract.batches import batch_of
from tests.unit.training.ring import settings

COMBINATIONS = [
    *(
        (model, operator, masking)
        for model in ("sasrec", "bert4rec")
        for operator in ("softmax", "hydra", "linear")
        for masking in ("causal", "bidirectional")
    ),
    *(("sasrec", operator, "causal") for operator in ("retention", "gla")),
    *((model, None, "causal") for model in ("caser", "fmlp", "hstu", "hstu with times", "lru", "ssd")),
]


@pytest.fixture(autouse=True)
def _fresh():
    torch._dynamo.reset()
    counters.clear()
    yield
    torch._dynamo.reset()


def test_a_compiler_is_not_asked_to_look_into_kernels(monkeypatch):
    """On a GPU an operator with a kernel would cut the graph in two, and be compared with others that do not."""
    monkeypatch.setattr(hydra_kernels, "triton_kernels", lambda module: object())
    on_gpu = SimpleNamespace(device=torch.device("cuda"), shape=(2, 3, 64), dtype=torch.float32)
    assert hydra_kernels.should_use_kernel(on_gpu)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert not hydra_kernels.should_use_kernel(on_gpu)


@pytest.mark.parametrize("redraw_every", [None, 3])
def test_counting_steps_compiles_nothing_anew(redraw_every):
    config = PerformerAttentionConfig(redraw_every=redraw_every)
    operator = config.implementation()(config, d_model=8, n_heads=2, max_length=10).train()
    compiled = torch.compile(operator, dynamic=True, backend="eager")
    x, visibility = torch.randn(2, 10, 8), Visibility(causal=True, padding_mask=None)
    for _ in range(12):
        compiled(x, x, x, visibility)
    # Where features are drawn anew, the graph breaks there; that is a few pieces, and not one for each of twelve steps.
    assert counters["stats"]["unique_graphs"] <= (1 if redraw_every is None else 6)
    assert not counters["recompiles"]


def send_to_a_gpu(tensor, device):
    """Pin what is sent from inside a graph, which compilers refuse; outside, a CPU without a GPU could not."""
    return tensor.pin_memory() if torch.compiler.is_compiling() else tensor.to(device)


@pytest.mark.parametrize(("model", "operator", "masking"), COMBINATIONS, ids=str)
def test_a_graph_does_for_batches_of_all_shapes(model, operator, masking, monkeypatch):
    monkeypatch.setattr(devices.send, "__code__", send_to_a_gpu.__code__)
    kind, _, timed = model.partition(" with ")
    run = {"id": "x", "model": {"kind": kind} | ({"timestamps": True} if timed else {}), "masking": {"kind": masking}}
    run |= {"attention": {"kind": operator}} if operator else {}
    # Dropout is left out: on a CPU it draws its bits outside of any graph.
    encoder = {"d_model": 16, "n_heads": 2, "max_length": 40, "dropout": 0.0}
    settings = RunSettings.model_validate(
        {"run": run, "encoder": encoder, "loss": {"kind": "cross_entropy"}, "training": {}}
    )
    plain, arrange = build(settings, n_items=60)
    compiled = torch.compile(plain, dynamic=True, backend="eager")
    stream = torch.Generator().manual_seed(0)
    for n_rows in range(8, 20):
        rows = [torch.randint(1, 61, (2 + 2 * (row % n_rows),)).tolist() for row in range(n_rows)]
        batch = batch_of(*rows)
        batch = replace(batch, timestamps=batch.items * 86_400) if timed else batch
        view = arrange.training_view(batch, stream)
        torch.testing.assert_close(compiled(view), plain(view))
    # A second one where sizes of the first batch are equal by chance, which is then taken for a rule. Operators that
    # work in chunks have one for each number of them: half a chunk, one, and two.
    in_chunks = operator in ("retention", "gla") or model in ("lru", "ssd")
    assert counters["stats"]["unique_graphs"] <= (4 if in_chunks else 2)
    assert not counters["graph_break"]


def test_selecting_all_positions_takes_no_graph_of_its_own():
    compiled = torch.compile(select_positions, dynamic=True, backend="eager")
    for n_rows, width, n_outputs in [(3, 5, 4), (4, 6, 24), (5, 7, 11), (6, 8, 48)]:
        x, index = torch.randn(n_rows, width, 2), torch.arange(n_outputs)
        torch.testing.assert_close(compiled(x, OutputPositions(index)), x.flatten(0, 1)[index])
    assert counters["stats"]["unique_graphs"] == 1


def in_chunks(model, view):
    """Add up the output positions, with as little as has a graph for every number of chunks, and for padding."""
    x = model.item_embedding(view.batch.items)
    if view.visibility.padding_mask is not None:
        x = x * view.visibility.padding_mask[..., None]
    x = chunks(x.shape[1], 16).cut(x).cumsum(-2).flatten(1, 2)[:, : x.shape[1]]
    hidden = select_positions(x, view.output_positions)
    if (full_context := view.output_positions.full_context) is not None:
        hidden = full_context.unpad(full_context.pad(hidden).cumsum(1))
    return hidden


@pytest.mark.parametrize("masking", ["causal", "bidirectional"])
def test_no_graph_is_made_in_an_epoch_after_a_warm_up(masking, monkeypatch):
    stream = np.random.default_rng(0)
    # Of one length each, so that nearly every batch has padding, and many of equal lengths, whose batches have none.
    lengths = torch.from_numpy(np.r_[2:26, [16] * 12, [17] * 12])
    offsets = torch.nn.functional.pad(lengths.cumsum(0), (1, 0))
    items = torch.from_numpy(stream.integers(1, 31, int(lengths.sum())).astype(np.int32))
    users = torch.arange(len(lengths), dtype=torch.int32)
    log = Log(items, offsets, users)
    cases = Cases(log, users, torch.zeros_like(users), items[offsets[1:] - 1], offsets[:-1], offsets[1:] - 1)
    catalogue = Catalogue(30, torch.ones(31, dtype=torch.bool), torch.ones(31, dtype=torch.int64), True)
    base = settings(masking, batch_size=5)
    encoder = base.encoder.model_copy(update={"max_length": 40, "d_model": 4})
    changed = {"encoder": encoder, "training": base.training.model_copy(update={"compile": True})}
    trainer = Trainer(base.model_copy(update=changed), log, cases, catalogue, seed=0, device=torch.device("cpu"))
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    trainer.forward = devices.compiled(functools.partial(in_chunks, trainer.model))
    trainer.warm_up()
    before = counters["stats"]["unique_graphs"]
    assert before >= 5
    trainer.train_epoch()
    assert counters["stats"]["unique_graphs"] == before


def test_models_of_one_kind_do_not_take_each_others_graphs_away(monkeypatch):
    """Graphs are counted by the code they are of; several models of one process would be beyond a limit for one."""
    monkeypatch.setattr(devices, "MOST_GRAPHS", 2)
    monkeypatch.setattr(devices, "_COMPILED", itertools.count(1))
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    for width in (3, 5, 7, 9):
        model = devices.compiled(torch.nn.Linear(width, 1))
        for n_rows in (2, 6):
            model(torch.zeros(n_rows, width))
    with pytest.raises(torch._dynamo.exc.FailOnRecompileLimitHit):
        for n_dimensions in range(2, 12):
            model(torch.zeros(*(2,) * n_dimensions, 9))
