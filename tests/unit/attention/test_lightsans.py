"""LightSANs: its two parts apart, and what positions learn from."""

import pytest
import torch

from hydrarec.attention.lightsans import LightsansAttention
from hydrarec.config.attention import LightsansAttentionConfig
from hydrarec.sequences.visibility import Visibility

D, H, T = 16, 4, 20
BIDIRECTIONAL = Visibility(causal=False, padding_mask=None)


def build(max_length=T, **settings):
    torch.manual_seed(0)
    return LightsansAttention(LightsansAttentionConfig(**settings), d_model=D, n_heads=H, max_length=max_length)


def draw():
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(2, T, D, generator=generator) for _ in range(3)]


def test_with_one_interest_all_positions_get_the_same_mean_of_the_items():
    """Uniform weights over positions, too, when nothing tells these apart: twice a mean of the values."""
    operator, (q, k, v) = build(k_interests=1), draw()
    with torch.no_grad():
        operator.position_embedding.weight.zero_()
        outputs = operator(q, k, v, BIDIRECTIONAL)
    expected = (v @ operator.value_interests).softmax(1).mT @ v + v.mean(1, keepdim=True)
    torch.testing.assert_close(outputs, expected.expand(-1, T, -1))


def test_what_positions_give_does_not_depend_on_queries_and_keys():
    operator, (q, k, v) = build(), draw()
    with torch.no_grad():
        operator.value_interests.zero_()
        same = v - v.mean(1, keepdim=True)
        # Interests are then means of values that are zero on average, so that only the positions' part is left.
        first, second = operator(q, k, same, BIDIRECTIONAL), operator(-q, 3 * k, same, BIDIRECTIONAL)
    assert first.abs().max() > 0.01
    torch.testing.assert_close(first, second)


@pytest.mark.parametrize("r", [1, 5])
def test_parameters_are_counted(r):
    own = 2 * D * r + T * D + 2 * D + 2 * (D * D + D)
    assert sum(p.numel() for p in build(k_interests=r).parameters()) == own


def test_padding_between_the_items_is_skipped():
    """Places count real positions, wherever the padding stands."""
    operator, inputs = build(), draw()
    real = torch.rand(2, T, generator=torch.Generator().manual_seed(3)) < 0.6
    outputs = operator(*inputs, Visibility(causal=False, padding_mask=real))
    for row in range(2):
        alone = operator(*(x[row, real[row]][None] for x in inputs), BIDIRECTIONAL)
        torch.testing.assert_close(outputs[row, real[row]], alone[0])


def test_every_parameter_learns():
    operator, inputs = build(), draw()
    operator(*inputs, BIDIRECTIONAL).square().sum().backward()
    for name, parameter in operator.named_parameters():
        assert parameter.grad is not None, name
    # A bias of the positions' keys shifts all scores of a query alike.
    silent = {name for name, p in operator.named_parameters() if p.grad.abs().max() < 1e-4}
    assert silent <= {"position_key.bias"}
