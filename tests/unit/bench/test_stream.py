"""What the streaming benchmark times does the same work in every way."""

from pathlib import Path

import pytest
import torch

from hydrarec.bench import stream
from hydrarec.bench.base import Conditions

CPU = torch.device("cpu")


@pytest.mark.parametrize("attention", ["hydra", "linear", "softmax"])
def test_a_step_gives_what_encoding_all_again_gives(attention):
    model, masking = stream._build(attention, 100, 12, CPU)
    with torch.no_grad():
        for parameter in model.parameters():
            # The small initial weights would hide differences.
            parameter.mul_(20 if parameter.dim() > 1 else 1)
    items = torch.randint(1, 100, (1, 12), generator=torch.Generator().manual_seed(1))
    step, encode = stream._stepping(model.double(), items), stream._encoding(model, masking, items)
    with torch.inference_mode():
        torch.testing.assert_close(step(), encode(), rtol=1e-8, atol=1e-9)
        torch.testing.assert_close(step(), encode(), rtol=1e-8, atol=1e-9)


def test_every_case_has_its_alternative_and_runs():
    conditions = Conditions(CPU, threads=1, quick=True, data=Path(), scratch=Path())
    cases = list(stream.cases(conditions))
    assert len({case.name for case in cases}) == len(cases) == 4
    for case in cases:
        names = [subject.name for subject in case.subjects]
        assert case.against in names
        assert set(case.needs) <= set(names)
        assert len(set(names)) == len(names) == 6
        for subject in case.subjects:
            subject.work()


def test_a_step_needs_its_weights_and_scores_need_the_table():
    model, _ = stream._build("hydra", 100, 12, CPU)
    # Projections, both layers of the feed-forward part and their norms, twice; input norm and output transform once.
    block = 4 * (64 * 64 + 64) + (64 * 256 + 256) + (256 * 64 + 64) + 4 * 64
    weights = 2 * block + 2 * 64 + (64 * 64 + 64 + 2 * 64)
    hidden, scored = stream._need(model, scored=False), stream._need(model, scored=True)
    assert (hidden.flops, hidden.nbytes) == (2 * weights, 4 * weights)
    assert scored.flops - hidden.flops == 2 * 64 * (100 + 1)
