"""Efficient attention: what its causal form is, and its numerical limits."""

import pytest
import torch

from hydrarec.attention.efficient import EfficientAttention
from hydrarec.config.attention import EfficientAttentionConfig
from hydrarec.sequences.visibility import Visibility

D, H, T = 16, 4, 70


def build():
    return EfficientAttention(EfficientAttentionConfig(), d_model=D, n_heads=H, max_length=T)


def draw(dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(2, T, D, generator=generator, dtype=dtype) for _ in range(3)]


def test_the_causal_form_gives_what_the_bidirectional_one_gives_at_the_end_of_the_sequence_so_far():
    operator, inputs = build(), draw()
    causal = operator(*inputs, Visibility(causal=True, padding_mask=None))
    for t in (0, 1, 40, T - 1):
        until = operator(*(x[:, : t + 1] for x in inputs), Visibility(causal=False, padding_mask=None))
        torch.testing.assert_close(causal[:, t], until[:, t])


@pytest.mark.parametrize("causal", [True, False])
def test_outputs_are_means_of_values(causal):
    """Weights sum to 1, so equal values come out as they went in."""
    q, k, v = draw()
    same = v[:, :1].expand(-1, T, -1)
    torch.testing.assert_close(build()(q, k, same, Visibility(causal, None)), same.contiguous())


@pytest.mark.parametrize("causal", [True, False])
def test_single_precision_suffices_for_keys_at_the_limits(causal):
    """Keys from -39 to 39, the largest first and last: sums of float32 neither overflow nor vanish."""
    q, k, v = draw()
    k = 78 * torch.rand(k.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64) - 39
    k[:, 0], k[:, -1] = -39, 39
    inputs = [x.requires_grad_() for x in (q, k, v)]
    exact = build()(*inputs, Visibility(causal, None))
    single = build()(*(x.float() for x in inputs), Visibility(causal, None))
    torch.testing.assert_close(single.double(), exact, rtol=1e-4, atol=1e-4)
    for ours, theirs in zip(*(torch.autograd.grad(x.sum(), inputs) for x in (single, exact)), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)


def test_keys_beyond_the_limits_give_finite_values():
    q, k, v = draw(torch.float32)
    for scale in (1e3, -1e3):
        assert torch.isfinite(build()(q, scale * k.abs(), v, Visibility(causal=True, padding_mask=None))).all()
