"""cosFormer: its limit for large M, and the weights of two positions worked out by hand."""

import math

import pytest
import torch

from hydrarec.attention.cosformer import CosformerAttention
from hydrarec.config.attention import CosformerAttentionConfig
from hydrarec.sequences.visibility import Visibility

D, H, T = 16, 4, 40


def build(max_length, d_model=D, n_heads=H):
    return CosformerAttention(CosformerAttentionConfig(), d_model=d_model, n_heads=n_heads, max_length=max_length)


def draw():
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(2, T, D, generator=generator, dtype=torch.float64) for _ in range(3)]


def relu_linear(q, k, v, causal):
    q, k, v = (x.unflatten(-1, (H, -1)).transpose(1, 2) for x in (q, k, v))
    weights = q.relu() @ k.relu().mT
    weights = weights.tril() if causal else weights
    return (weights @ v / (weights.sum(-1, keepdim=True) + 1e-6)).transpose(1, 2).flatten(2)


@pytest.mark.parametrize("causal", [True, False])
def test_for_large_m_it_is_linear_attention_with_relu(causal):
    """A cosine near 0 is 1 - x^2 / 2: the difference falls with the square of M."""
    inputs = draw()
    expected = relu_linear(*inputs, causal)
    differences = [(build(m)(*inputs, Visibility(causal, None)) - expected).abs().max() for m in (10**3, 10**4, 10**6)]
    assert differences[0] > 1e-6
    assert differences[0] / differences[1] == pytest.approx(100, rel=0.05)
    assert differences[2] < 1e-8


def test_two_positions_by_hand():
    """At a distance of half of M the weight is cos(pi / 4)."""
    q, k = torch.tensor([[[1.0], [2.0]]]), torch.tensor([[[3.0], [1.0]]])
    v = torch.tensor([[[1.0], [0.0]]])
    outputs = build(2, d_model=1, n_heads=1)(q, k, v, Visibility(causal=True, padding_mask=None))
    far, near = 6 * math.cos(math.pi / 4), 2
    assert outputs.flatten().tolist() == pytest.approx([1.0, far / (far + near)], rel=1e-5)


def test_negative_features_give_zeros():
    """Where ReLU leaves nothing there is nothing to mean; `eps` keeps the quotient finite."""
    _, k, v = draw()
    assert (build(T)(-torch.ones_like(k), k, v, Visibility(causal=True, padding_mask=None)) == 0).all()


def test_steps_go_beyond_what_a_full_pass_was_given():
    """The state counts positions: the step after a state is that of a sequence one longer."""
    operator, inputs = build(T), draw()
    state = None
    for t in range(T):
        output, state = operator.step(*(x[:, t] for x in inputs), state)
    assert state[-1] == T - 1
    full = operator(*inputs, Visibility(causal=True, padding_mask=None))
    torch.testing.assert_close(output, full[:, -1])
