"""Linformer: the case in which it is softmax attention, and its parameters."""

import pytest
import torch

from hydrarec.attention.linformer import LinformerAttention
from hydrarec.attention.softmax import naive_softmax
from hydrarec.config.attention import LinformerAttentionConfig
from hydrarec.sequences.visibility import Visibility

D, H, T = 16, 4, 20
BIDIRECTIONAL = Visibility(causal=False, padding_mask=None)


def build(max_length=T, **settings):
    torch.manual_seed(0)
    config = LinformerAttentionConfig(**settings)
    return LinformerAttention(config, d_model=D, n_heads=H, max_length=max_length)


def draw(length=T):
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(2, length, D, generator=generator) for _ in range(3)]


@torch.no_grad()
def test_with_the_identity_as_projection_it_is_softmax_attention():
    operator, inputs = build(k_projection=T, shared=True), draw()
    operator.key_projection.copy_(torch.eye(T))
    expected = naive_softmax(*inputs, BIDIRECTIONAL.attention_mask(T, inputs[0].device).expand(2, -1, -1), n_heads=H)
    torch.testing.assert_close(operator(*inputs, BIDIRECTIONAL), expected)


def test_shared_projections_are_one_matrix():
    apart, shared = build(), build(shared=True)
    assert sum(p.numel() for p in apart.parameters()) == 2 * sum(p.numel() for p in shared.parameters())
    with torch.no_grad():
        apart.key_projection.copy_(shared.key_projection)
        apart.value_projection.copy_(shared.key_projection)
    inputs = draw()
    torch.testing.assert_close(apart(*inputs, BIDIRECTIONAL), shared(*inputs, BIDIRECTIONAL))


@pytest.mark.parametrize(
    ("max_length", "settings", "rank"), [(200, {}, 50), (50, {}, 13), (200, {"k_projection": 7}, 7)]
)
def test_the_number_of_mixtures(max_length, settings, rank):
    assert build(max_length, **settings).key_projection.shape == (max_length, rank)


def test_projections_start_with_variance_one_over_their_number():
    variance = build(max_length=400).key_projection.var() * 100
    # 40,000 draws: the standard error of a variance of 1 is sqrt(2 / 40,000) = .007.
    assert abs(variance - 1) < 0.03


@torch.no_grad()
def test_an_item_counts_by_its_place():
    operator, (q, k, v) = build(), draw()
    order = [1, 0, *range(2, T)]
    plain, swapped = operator(q, k, v, BIDIRECTIONAL), operator(q, k[:, order], v[:, order], BIDIRECTIONAL)
    assert not torch.allclose(plain, swapped, atol=1e-3)
