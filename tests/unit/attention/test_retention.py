"""Retention against closed forms, its limits and the public package of linear attentions."""

import math

import pytest
import torch

from hydrarec.attention.parts.outer_sums import outer_sums
from hydrarec.attention.retention import RetentionAttention
from hydrarec.config.attention import RetentionAttentionConfig
from hydrarec.sequences.visibility import Visibility

D, H, T = 16, 4, 80
CAUSAL = pytest.mark.parametrize("causal", [True, False])


def build(d_model=D, n_heads=H, **settings):
    config = RetentionAttentionConfig(**settings)
    return RetentionAttention(config, d_model=d_model, n_heads=n_heads, max_length=T)


def draw(width=D, length=T):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, length, width, generator=generator, dtype=torch.float64) for _ in range(3)]


def heads(x):
    return x.unflatten(-1, (H, -1)).transpose(1, 2)


@CAUSAL
def test_without_decay_rotation_and_norm_it_is_the_unnormalised_linear_sum(causal):
    inputs, visibility = draw(), Visibility(causal, None)
    outputs = build(decay=1.0, rotation=False, normalise=False)(*inputs, visibility)
    expected = outer_sums(*(heads(x) for x in inputs), visibility) / math.sqrt(D // H)
    torch.testing.assert_close(heads(outputs), expected)


@CAUSAL
def test_one_pair_of_features_turns_by_one_radian_per_position(causal):
    """With q = k = (1, 0) at every position, the weight of s for t is gamma^|t - s| cos(t - s) / sqrt(2)."""
    x = torch.tensor([1.0, 0.0], dtype=torch.float64).expand(1, T, 2)
    v = draw(width=2)[2][:1]
    outputs = build(2, 1, decay=0.9, normalise=False)(x, x, v, Visibility(causal, None))
    distance = torch.arange(T, dtype=torch.float64)[:, None] - torch.arange(T)
    weights = 0.9 ** distance.abs() * distance.cos() / math.sqrt(2)
    torch.testing.assert_close(outputs, (weights.tril() if causal else weights) @ v)


def test_decays_are_those_of_the_paper():
    operator = build(8, 4)
    expected = torch.tensor([[31 / 32], [63 / 64], [127 / 128], [255 / 256]], dtype=torch.float64)
    torch.testing.assert_close(operator.log_decay.exp(), expected)
    assert not operator.state_dict()


@CAUSAL
def test_normalised_outputs_have_mean_zero_and_scale_one_whatever_the_scale_of_the_inputs(causal):
    q, k, v = draw()
    visibility = Visibility(causal, None)
    outputs = heads(build(eps=1e-12)(q, k, v, visibility))
    torch.testing.assert_close(outputs.mean(-1), torch.zeros(2, H, T, dtype=torch.float64))
    torch.testing.assert_close(outputs.square().mean(-1), torch.ones(2, H, T, dtype=torch.float64))
    torch.testing.assert_close(heads(build(eps=1e-12)(q, 1000 * k, v, visibility)), outputs)


def test_single_features_are_allowed_where_nothing_turns_or_normalises_them():
    inputs = draw()
    outputs = build(D, D, rotation=False, normalise=False)(*inputs, Visibility(True, None))
    assert torch.isfinite(outputs).all()


def test_equals_the_public_package():
    """`fla` computes the parallel form in single precision, without rotation and norm."""
    reference = pytest.importorskip("fla.ops.retention.naive", reason="flash-linear-attention is not installed")
    inputs = [x.float() for x in draw()]
    ours = build(rotation=False, normalise=False)(*inputs, Visibility(True, None))
    torch.testing.assert_close(
        heads(ours), reference.naive_retention(*(heads(x) for x in inputs)), rtol=1e-4, atol=1e-4
    )
