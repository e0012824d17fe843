"""Softmax attention with dropout on a CPU, where no fused kernel drops weights."""

import pytest
import torch

from hydrarec.attention import softmax
from hydrarec.attention.softmax import SoftmaxAttention, naive_softmax
from hydrarec.config.attention import SoftmaxAttentionConfig
from hydrarec.sequences.visibility import Visibility

B, T, D, H = 5, 9, 8, 2
PADDING = torch.arange(T) < torch.tensor([9, 4, 1, 7, 0])[:, None]
VISIBILITIES = [
    Visibility(causal=True, padding_mask=None),
    Visibility(causal=False, padding_mask=None),
    Visibility(causal=True, padding_mask=PADDING),
    Visibility(causal=False, padding_mask=PADDING),
]


def operator(dropout):
    config = SoftmaxAttentionConfig(dropout=dropout)
    return SoftmaxAttention(config, d_model=D, n_heads=H, max_length=T).train()


def draw():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(B, T, D, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(3)]


@pytest.mark.parametrize("visibility", VISIBILITIES)
@pytest.mark.parametrize("cached", [1, 2 * H * T * T, 2**18])
def test_with_nothing_dropped_it_is_the_definition(visibility, cached, monkeypatch):
    monkeypatch.setattr(softmax, "CACHED_WEIGHTS", cached)
    tensors = draw()
    # Rounded to 16 bits this probability is 0.
    outputs = operator(1e-6)(*tensors, visibility)
    mask = visibility.attention_mask(T, torch.device("cpu"))
    expected = naive_softmax(*tensors, mask, H)
    somebody = mask.any(-1).expand(B, T)
    torch.testing.assert_close(outputs[somebody], expected[somebody], rtol=1e-10, atol=1e-12)
    assert torch.isfinite(outputs).all()
    weights = torch.randn(outputs.shape, dtype=torch.float64) * somebody[..., None]
    both = [torch.autograd.grad((x * weights).sum(), tensors, retain_graph=True) for x in (outputs, expected)]
    for fast, naive in zip(*both, strict=True):
        torch.testing.assert_close(fast, naive, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("visibility", [one for one in VISIBILITIES if not one.causal])
@pytest.mark.parametrize("cached", [1, 2**18])
def test_a_query_subset_gets_what_it_gets_among_all(visibility, cached, monkeypatch):
    monkeypatch.setattr(softmax, "CACHED_WEIGHTS", cached)
    q, k, v = draw()
    outputs = operator(1e-6)(q[:, 2:4], k, v, visibility)
    torch.testing.assert_close(outputs, operator(1e-6)(q, k, v, visibility)[:, 2:4], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("visibility", VISIBILITIES[:2])
def test_dropped_weights_leave_the_mean(visibility):
    torch.manual_seed(0)
    q, k, v = draw()
    layer = operator(0.3)
    with torch.no_grad():
        mean = torch.stack([layer(q, k, v, visibility) for _ in range(4000)]).mean(0)
        expected = layer.eval()(q, k, v, visibility)
    torch.testing.assert_close(mean, expected, rtol=0, atol=0.08)


def test_the_first_position_is_dropped_whole_or_kept():
    """Causal, it has one weight, 1: what comes out is 0 or the value divided by 1 - p."""
    torch.manual_seed(0)
    q, k, v = draw()
    outputs = operator(0.5)(q, k, v, VISIBILITIES[0])[:, 0]
    per_head = (outputs / v[:, 0]).detach().unflatten(-1, (H, -1))
    assert {round(float(x), 4) for x in per_head.flatten()} == {0.0, 2.0}
