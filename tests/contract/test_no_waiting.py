"""A training step never waits for the device: on tensors without values, whatever needs a value raises an error."""

from contextlib import nullcontext

import pytest
import torch

from hydrarec.sequences.batches import gather
from hydrarec.sequences.log import Log
from hydrarec.training import checkpoint
from tests.contract.test_models import ALL, ROWS, N, T

META = torch.device("meta")


def timed(settings):
    """Return the settings with a model that asks for the times of events."""
    model = settings.run.model.model_copy(update={"timestamps": True})
    return settings.model_copy(update={"run": settings.run.model_copy(update={"model": model})})


TIMED = [timed(one) for (one,) in (p.values for p in ALL) if "timestamps" in type(one.run.model).model_fields]


def log_of(rows):
    lengths = torch.tensor([len(row) for row in rows])
    items = torch.tensor([item for row in rows for item in row], dtype=torch.int32)
    offsets = torch.nn.functional.pad(lengths.cumsum(0), (1, 0))
    return Log(items, offsets, torch.arange(1, len(rows) + 1, dtype=torch.int32), timestamps=items.long() * 86400)


@pytest.mark.parametrize("settings", [*ALL, *TIMED])
def test_a_step_asks_for_no_value(settings, monkeypatch):
    # There is no autocast for this device, and no precision to cast to.
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    model, masking = checkpoint.build(settings, N)
    model.to(META)
    loss = settings.loss.implementation()(settings.loss)
    log = log_of([row for row in ROWS if len(row) > 1])
    batch = gather(log.to(META), log.offsets[:-1], log.offsets[1:], masking.training_window(T))
    view = masking.training_view(batch, torch.Generator().manual_seed(0))
    loss(model(view), view.targets, model.output_layer(), torch.Generator()).backward()
    assert {parameter.grad.device for parameter in model.parameters() if parameter.grad is not None} == {META}


def test_the_device_is_known_to_raise():
    """What the test above rests on."""
    with pytest.raises((RuntimeError, NotImplementedError)):
        torch.ones(3, device=META).nonzero()
    with pytest.raises((RuntimeError, NotImplementedError)):
        bool(torch.ones(3, device=META).any())
