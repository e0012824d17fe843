"""Performer: its estimate of softmax attention, its random features, and when they are redrawn."""

import itertools
import math

import pytest
import torch

from hydrarec.attention.performer import PerformerAttention
from hydrarec.attention.softmax import naive_softmax
from hydrarec.config.attention import PerformerAttentionConfig
from hydrarec.sequences.visibility import Visibility

D, T = 8, 12
CAUSAL = Visibility(causal=True, padding_mask=None)


def build(seed=0, d_model=D, n_heads=1, **settings):
    torch.manual_seed(seed)
    return PerformerAttention(
        PerformerAttentionConfig(**settings), d_model=d_model, n_heads=n_heads, max_length=T
    ).eval()


def draw(scale=1.0):
    generator = torch.Generator().manual_seed(1)
    return [scale * torch.randn(2, T, D, generator=generator) for _ in range(3)]


def error(orthogonal, n_features, draws):
    """Return the root mean squared difference from softmax attention over draws of the features."""
    # With longer vectors the estimate has heavy tails, and its error falls more slowly at first.
    q, k, v = draw(scale=0.3)
    exact = naive_softmax(q, k, v, CAUSAL.attention_mask(T, q.device).expand(2, -1, -1), n_heads=1)
    outputs = [
        build(seed, orthogonal=orthogonal, n_features=n_features)(q, k, v, CAUSAL) - exact for seed in range(draws)
    ]
    return float(torch.stack(outputs).square().mean().sqrt())


@pytest.mark.parametrize("orthogonal", [True, False])
def test_the_estimate_of_the_softmax_kernel_is_unbiased(orthogonal):
    """The mean of phi(x) . phi(y) / m over draws is exp(x . y), for vectors on one side and on two."""
    y = torch.tensor([[0.6, 0.2, 0.0, 0.0], [-0.6, 0.2, 0.3, 0.0]])
    w = build(d_model=4, n_features=4 * 20_000, orthogonal=orthogonal).projection.unflatten(0, (-1, 4))
    features = torch.exp(y @ w.mT - y.square().sum(-1, keepdim=True) / 2)
    estimates = features @ features.mT / 4
    standard_error = estimates.std(0) / math.sqrt(len(estimates))
    assert ((estimates.mean(0) - torch.exp(y @ y.T)).abs() < 4 * standard_error).all()
    assert standard_error.max() < 0.02


@pytest.mark.parametrize("orthogonal", [True, False])
def test_the_error_falls_with_the_root_of_the_number_of_features(orthogonal):
    few, many = error(orthogonal, 32, draws=60), error(orthogonal, 32 * 16, draws=60)
    assert few / many == pytest.approx(4, rel=0.15)


def test_orthogonal_features_are_better_than_independent_ones():
    assert error(True, D, draws=200) < 0.95 * error(False, D, draws=200)


def test_orthogonal_features_are_orthogonal_and_as_long_as_gaussian_vectors():
    n_blocks = 100
    w = build(d_model=16, n_features=n_blocks * 16 + 3).projection
    blocks = w[:-3].unflatten(0, (n_blocks, 16))
    products = blocks @ blocks.mT
    off_diagonal = products - torch.diag_embed(products.diagonal(dim1=-2, dim2=-1))
    assert off_diagonal.abs().max() < 1e-4
    # A sum of 16 squares of standard normal numbers: mean 16, variance 32.
    squares = w.square().sum(-1)
    assert abs(squares.mean() - 16) < 4 * math.sqrt(32 / len(w))
    assert w.shape == (n_blocks * 16 + 3, 16)


@pytest.mark.parametrize(("d_model", "n_heads", "expected"), [(64, 1, 266), (64, 2, 111), (16, 4, 6), (8, 8, 1)])
def test_the_default_number_of_features_is_d_log_d(d_model, n_heads, expected):
    assert build(d_model=d_model, n_heads=n_heads).projection.shape == (expected, d_model // n_heads)


def test_features_are_redrawn_in_training_only_and_by_the_global_generator():
    operator, inputs = build(redraw_every=3), draw()
    first = operator.projection
    for _ in range(5):
        operator(*inputs, CAUSAL)
    assert operator.projection is first
    operator.train()
    seen = []
    for _ in range(7):
        torch.manual_seed(5)
        operator(*inputs, CAUSAL)
        seen.append(operator.projection)
    assert [a is b for a, b in itertools.pairwise(seen)] == [True, True, False, True, True, False]
    assert not torch.equal(seen[0], seen[3])
    assert torch.equal(seen[3], seen[6])
    assert torch.equal(operator.state_dict()["projection"], seen[6])


def test_a_redraw_does_not_disturb_a_backward_pass_that_is_still_to_come():
    operator, inputs = build(redraw_every=1).train(), [x.requires_grad_() for x in draw()]
    losses = [operator(*inputs, CAUSAL).sum() for _ in range(2)]
    sum(losses).backward()
    assert all(torch.isfinite(x.grad).all() for x in inputs)


def test_by_default_features_stay_as_they_were_drawn():
    operator = build().train()
    first = operator.projection
    for _ in range(3):
        operator(*draw(), CAUSAL)
    assert operator.projection is first


def test_very_long_queries_and_keys_give_finite_values():
    q, k, v = draw(scale=100.0)
    assert torch.isfinite(build()(q, k, v, CAUSAL)).all()


def test_a_key_along_a_long_feature_gives_finite_values_in_wide_heads():
    operator = build(d_model=256)
    longest = operator.projection[operator.projection.square().sum(1).argmax()]
    q, k, v = (torch.randn(1, T, 256, generator=torch.Generator().manual_seed(i)) for i in range(3))
    # Where the exponent is largest: y = w.
    k[0, 3] = longest * 256**0.25
    mixed = operator(q, k, v, CAUSAL)
    assert torch.isfinite(mixed).all()
    # Whoever sees it sees nothing else.
    torch.testing.assert_close(mixed[0, 3:], v[:, 3].expand(T - 3, -1), rtol=1e-4, atol=1e-4)
