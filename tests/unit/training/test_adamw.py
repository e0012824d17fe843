"""The optimiser: PyTorch's, to the bit, without the compiler that comes with it."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn

from hydrarec.training.adamw import AdamW
from tests.conftest import ROOT


@pytest.fixture
def pair():
    """Two equal models with a parameter that never has a gradient, and an optimiser of each: ours and PyTorch's."""
    torch.manual_seed(0)
    ours = nn.ModuleDict({"embedding": nn.Embedding(30, 7), "linear": nn.Linear(7, 5), "idle": nn.Linear(2, 2)})
    theirs = copy.deepcopy(ours)
    settings = {"weight_decay": 0.1}
    return (
        (ours, AdamW(ours.parameters(), learning_rate=0.02, **settings)),
        (theirs, torch.optim.AdamW(theirs.parameters(), lr=0.02, fused=True, **settings)),
    )


def _step(model, optimizer, seed):
    items = torch.randint(30, (11,), generator=torch.Generator().manual_seed(seed))
    optimizer.zero_grad()
    model["linear"](model["embedding"](items)).square().sum().backward()
    optimizer.step()


def test_it_is_pytorchs_to_the_bit(pair):
    for seed in range(20):
        for model, optimizer in pair:
            _step(model, optimizer, seed)
    (ours, optimizer), (theirs, reference) = pair
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    state = optimizer.state()
    for number, tensors in reference.state_dict()["state"].items():
        assert torch.equal(state["step"], tensors["step"])
        for mean in ("exp_avg", "exp_avg_sq"):
            assert torch.equal(state[f"{number}.{mean}"], tensors[mean])


def test_from_a_state_it_goes_on_as_if_nothing_had_happened(pair):
    (model, optimizer), _ = pair
    for seed in range(3):
        _step(model, optimizer, seed)
    again = copy.deepcopy(model)
    resumed = AdamW(again.parameters(), learning_rate=0.02, weight_decay=0.1)
    resumed.load_state({name: tensor.clone() for name, tensor in optimizer.state().items()})
    for seed in range(3, 6):
        _step(model, optimizer, seed)
        _step(again, resumed, seed)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: state | {"0.exp_avg": torch.zeros(1)},
        lambda state: state | {"9.exp_avg": torch.zeros(1)},
        lambda state: {name: tensor for name, tensor in state.items() if name != "step"},
    ],
)
def test_the_state_of_other_parameters_is_refused(spoil, pair):
    (_, optimizer), _ = pair
    with pytest.raises(ValueError, match="other parameters"):
        optimizer.load_state(spoil(optimizer.state()))


def test_a_training_does_not_wait_for_a_compiler_it_has_no_use_for(data, tmp_path):
    """PyTorch's takes as long to import as PyTorch."""
    program = """
import pathlib, sys
from tests.unit.training.ring import run
run(*map(pathlib.Path, sys.argv[1:]), max_epochs=1)
print("torch._dynamo" in sys.modules)
"""
    words = [sys.executable, "-c", program, data, tmp_path]
    done = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True, timeout=120)
    assert done.stdout == "False\n"
