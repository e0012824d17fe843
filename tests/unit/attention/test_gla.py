"""Gated linear attention against its limits and the public package of linear attentions."""

import math

import pytest
import torch

from hydrarec.attention.gla import GlaAttention
from hydrarec.attention.parts.outer_sums import outer_sums
from hydrarec.attention.retention import RetentionAttention
from hydrarec.config.attention import GlaAttentionConfig, RetentionAttentionConfig
from hydrarec.sequences.visibility import Visibility

D, H, T = 16, 4, 80
SIZES = {"d_model": D, "n_heads": H, "max_length": T}
CAUSAL = pytest.mark.parametrize("causal", [True, False])


def build(dtype=torch.float64, **settings):
    torch.manual_seed(0)
    return GlaAttention(GlaAttentionConfig(**settings), **SIZES).to(dtype)


def with_constant_gates(operator, logit):
    torch.nn.init.zeros_(operator.gate_up.weight)
    torch.nn.init.constant_(operator.gate_up.bias, logit)
    return operator


def draw():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, T, D, generator=generator, dtype=torch.float64) for _ in range(3)]


def heads(x):
    return x.unflatten(-1, (H, -1)).transpose(1, 2)


@CAUSAL
def test_with_gates_at_one_it_is_the_unnormalised_linear_sum(causal):
    inputs, visibility = draw(), Visibility(causal, None)
    outputs = with_constant_gates(build(normalise=False), 100.0)(*inputs, visibility)
    expected = outer_sums(*(heads(x) for x in inputs), visibility) / math.sqrt(D // H)
    torch.testing.assert_close(heads(outputs), expected)


@CAUSAL
def test_with_constant_gates_it_is_retention_without_rotation(causal):
    """A logit of 0 is a gate of one half, of which the 16th root is taken."""
    inputs, visibility = draw(), Visibility(causal, None)
    retention = RetentionAttention(RetentionAttentionConfig(decay=0.5 ** (1 / 16), rotation=False), **SIZES)
    outputs = with_constant_gates(build(), 0.0)(*inputs, visibility)
    torch.testing.assert_close(outputs, retention(*inputs, visibility))


def test_gates_depend_on_the_token_and_are_learned():
    operator, inputs = build(), draw()
    operator(*inputs, Visibility(True, None)).square().sum(-1)[:, 1::2].sum().backward()
    for parameter in operator.parameters():
        assert parameter.grad.abs().max() > 0
    gates = operator._log_decay(inputs[1]).exp()
    assert gates.min() > 0
    assert gates.max() < 1
    assert gates.std(dim=1).min() > 0


def test_a_closed_gate_forgets_everything_before_the_token():
    """Where every logit is very negative, the output is that of the token alone."""
    q, k, v = draw()
    outputs = with_constant_gates(build(normalise=False, gate_temperature=1.0), -1e4)(q, k, v, Visibility(True, None))
    expected = (heads(q) * heads(k)).sum(-1, keepdim=True) * heads(v) / math.sqrt(D // H)
    torch.testing.assert_close(heads(outputs), expected)


def test_equals_the_public_package():
    """`fla` walks over the positions in single precision, without the norm."""
    reference = pytest.importorskip("fla.ops.gla.naive", reason="flash-linear-attention is not installed")
    operator, inputs = build(torch.float32, normalise=False, gate_temperature=1.0), [x.float() for x in draw()]
    q, k, v, gates = (x.unflatten(-1, (H, -1)) for x in (*inputs, operator._log_decay(inputs[1])))
    expected, _ = reference.naive_recurrent_gla(q, k, v, gates)
    torch.testing.assert_close(operator(*inputs, Visibility(True, None)), expected.flatten(-2), rtol=1e-4, atol=1e-5)
