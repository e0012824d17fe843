"""Cottention against closed forms and its limits."""

import pytest
import torch

from hydrarec.attention.cottention import CottentionAttention
from hydrarec.attention.parts.outer_sums import outer_sums
from hydrarec.config.attention import CottentionAttentionConfig
from hydrarec.sequences.visibility import Visibility

D, H, T = 8, 2, 12
CAUSAL = pytest.mark.parametrize("causal", [True, False])


def build(exponent=None):
    operator = CottentionAttention(CottentionAttentionConfig(), d_model=D, n_heads=H, max_length=T).double()
    if exponent is not None:
        torch.nn.init.constant_(operator.exponent, exponent)
    return operator


def draw():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(3, T, D, generator=generator, dtype=torch.float64) for _ in range(3)]


def unscaled(q, k, v, visibility):
    """Return the sums of cosines times values, divided by nothing."""
    heads = [x.unflatten(-1, (H, -1)).transpose(1, 2) for x in (q, k, v)]
    q, k = (x / x.norm(dim=-1, keepdim=True) for x in heads[:2])
    return outer_sums(q, k, heads[2], visibility).transpose(1, 2).flatten(-2)


def test_there_is_one_exponent_per_head_and_it_begins_where_the_authors_begin():
    torch.testing.assert_close(build().exponent, torch.full((H,), 0.5, dtype=torch.float64))


@pytest.mark.parametrize("side", ["left", "right"])
def test_equal_tokens_give_a_power_of_the_number_of_visible_positions(side):
    """With every cosine 1 and every value 1 the sum is n, the output n^(1 - sigmoid(m))."""
    x = torch.ones(1, T, D, dtype=torch.float64)
    real = torch.ones(1, T, dtype=torch.bool)
    place = slice(4, T) if side == "left" else slice(0, T - 4)
    real[:, :4] = side == "right"
    real[:, -4:] = side == "left"
    power = 1 - torch.tensor(0.5, dtype=torch.float64).sigmoid()

    causal = build()(x, x, x, Visibility(True, real))[0, place, 0]
    both = build()(x, x, x, Visibility(False, real))[0, place, 0]

    counts = torch.arange(1, 9, dtype=torch.float64)
    torch.testing.assert_close(causal, counts**power)
    torch.testing.assert_close(both, (counts[-1] ** power).expand(8))


@CAUSAL
def test_the_limits_of_the_exponent_are_the_sum_and_the_mean(causal):
    inputs, visibility = draw(), Visibility(causal, None)
    total = unscaled(*inputs, visibility)
    counts = torch.arange(1, T + 1)[:, None] if causal else T
    torch.testing.assert_close(build(-100.0)(*inputs, visibility), total)
    torch.testing.assert_close(build(100.0)(*inputs, visibility), total / counts)


@CAUSAL
def test_the_exponent_of_every_head_is_learned(causal):
    operator = build()
    operator(*draw(), Visibility(causal, None)).square().sum().backward()
    assert (operator.exponent.grad != 0).all()


def test_without_a_mask_and_with_a_full_one_it_is_the_same():
    inputs, operator, full = draw(), build(), torch.ones(3, T, dtype=torch.bool)
    for causal in (True, False):
        outputs = operator(*inputs, Visibility(causal, None))
        torch.testing.assert_close(operator(*inputs, Visibility(causal, full)), outputs)
