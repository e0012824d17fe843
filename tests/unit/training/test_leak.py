"""A causal model that sees the future is refused before it is trained; one that does not is trained as ever."""

import pytest
import torch

from hydrarec.models.sasrec import SasrecModel
from hydrarec.sequences.log import Log, read_train
from hydrarec.training import checkpoint
from hydrarec.training.leak import refuse_leak
from tests.contract.test_models import CAUSAL
from tests.unit.training.ring import run, settings, write_ring


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ring")
    write_ring(folder)
    return folder


def leaking(encode, leak):
    def with_leak(self, batch, visibility, output_positions=None):
        if output_positions is not None:
            return encode(self, batch, visibility, output_positions)
        return encode(self, batch, visibility) + leak(self.item_embedding(batch.items))

    return with_leak


@pytest.mark.parametrize(
    "leak",
    [
        lambda x: x.roll(-1, dims=1),
        lambda x: x.mean(dim=1, keepdim=True).expand_as(x),
        lambda x: 0.2 * x.amax(dim=1, keepdim=True).expand_as(x),
    ],
    ids=["next item", "mean of all", "a little of the largest"],
)
def test_a_model_that_sees_the_future_is_refused_and_nothing_is_written(ring, leak, monkeypatch, tmp_path):
    monkeypatch.setattr(SasrecModel, "encode", leaking(SasrecModel.encode, leak))
    with pytest.raises(ValueError, match=r"model sasrec sees the future: with other items after position 6, .* % of"):
        run(ring, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_trained_bidirectionally_it_may(ring, monkeypatch, tmp_path):
    monkeypatch.setattr(SasrecModel, "encode", leaking(SasrecModel.encode, lambda x: x.roll(-1, dims=1)))
    assert run(ring, tmp_path / "out", masking="bidirectional", max_epochs=1)


@pytest.mark.parametrize("of_run", CAUSAL)
def test_no_causal_model_of_this_package_is(ring, of_run):
    model, _ = checkpoint.build(of_run, 30)
    model.train()
    weights = {name: weight.clone() for name, weight in model.state_dict().items()}
    refuse_leak(model, read_train(ring / "loo"), 24)
    assert model.training
    assert all(torch.equal(weight, weights[name]) for name, weight in model.state_dict().items())


def test_sequences_of_one_item_have_no_future():
    model, _ = checkpoint.build(settings(), 30)
    items = torch.tensor([1, 2], dtype=torch.int32)
    refuse_leak(model, Log(items, torch.tensor([0, 1, 2]), torch.arange(2, dtype=torch.int32)), 12)
