"""Caser against its equations at one position after the other, and what its window leaves out."""

import pytest
import torch

from hydrarec.config.encoder import EncoderConfig
from hydrarec.config.models import CaserModelConfig
from hydrarec.models.base import Blueprint
from hydrarec.models.caser import CaserModel
from hydrarec.sequences.batches import Batch
from hydrarec.sequences.visibility import Visibility

N, D = 30, 6
CAUSAL = Visibility(causal=True, padding_mask=None)


def build(**settings):
    torch.manual_seed(0)
    config = CaserModelConfig.model_validate({"n_horizontal": 3, "n_vertical": 2, **settings})
    model = CaserModel(Blueprint(config, EncoderConfig(d_model=D, max_length=20), None, n_items=N, n_special_tokens=0))
    return model.double().eval()


def naive_caser(weights, items, window):
    """Compute the hidden state after `items`, number by number."""
    embeddings = torch.zeros(window, D, dtype=torch.float64)
    for place, item in zip(range(window - 1, -1, -1), reversed(items), strict=False):
        embeddings[place] = weights["item_embedding.weight"][item]
    pooled = []
    vertical = zip(weights["vertical.weight"], weights["vertical.bias"], strict=True)
    found = [sum(w[i] * embeddings[i] for i in range(window)) + b for w, b in vertical]
    for height in range(1, window + 1):
        name = f"horizontal.{height - 1}"
        for w, b in zip(weights[f"{name}.weight"], weights[f"{name}.bias"], strict=True):
            places = range(window - height + 1)
            responses = [(embeddings[i : i + height] * w.T).sum() + b for i in places]
            pooled.append(max(response.clamp(min=0) for response in responses))
    features = torch.cat([torch.stack(pooled), *found])
    return (weights["output.weight"] @ features + weights["output.bias"]).clamp(min=0)


@pytest.mark.parametrize("window", [1, 2, 5, 9])
def test_every_position_computes_the_equations_over_its_own_window(window):
    model = build(window=window)
    weights = dict(model.named_parameters())
    rows = torch.randint(1, N + 1, (3, 8), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        hidden = model.encode(Batch(rows, torch.full((3,), 8)), CAUSAL)
        for row, states in zip(rows.tolist(), hidden, strict=True):
            for t, state in enumerate(states):
                torch.testing.assert_close(state, naive_caser(weights, row[: t + 1], window), rtol=1e-11, atol=1e-12)


def test_an_item_is_seen_for_as_long_as_the_window():
    model = build(window=3)
    items = torch.arange(1, 9)[None]
    other = items.clone()
    other[0, 2] = 20
    lengths = torch.tensor([8])
    with torch.no_grad():
        change = model.encode(Batch(items, lengths), CAUSAL) - model.encode(Batch(other, lengths), CAUSAL)
    assert change.abs().amax(-1)[0].ne(0).tolist() == [False, False, True, True, True, False, False, False]


def test_parameters_are_counted():
    model = build(window=5)
    horizontal = sum(3 * (height * D + 1) for height in range(1, 6))
    expected = (N + 1) * D + horizontal + 2 * (5 + 1) + D * (5 * 3 + 2 * D) + D + (N + 1)
    assert sum(p.numel() for p in model.parameters()) == expected
