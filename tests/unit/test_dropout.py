"""Dropout against what it is said to do."""

import pytest
import torch

from hydrarec.dropout import Dropout


def drop(p, x, seed=0):
    torch.manual_seed(seed)
    return Dropout(p)(x)


@pytest.mark.parametrize("p", [0.1, 0.2, 0.5, 0.9])
def test_the_share_is_dropped_and_the_mean_stays(p):
    dropped = drop(p, torch.ones(1000, 1001))
    # Five standard errors of a share of a million.
    assert (dropped == 0).double().mean() == pytest.approx(p, abs=5 * (p * (1 - p) / 1e6) ** 0.5)
    kept = dropped[dropped != 0]
    assert kept.unique().numel() == 1
    assert kept[0] == pytest.approx(1 / (1 - p), rel=1e-3)


def test_neighbours_are_dropped_independently():
    """Four neighbours share one random word."""
    kept = drop(0.5, torch.ones(1000, 1000)).flatten() != 0
    for distance in (1, 2, 3, 4, 1000):
        both = (kept[distance:] & kept[:-distance]).double().mean()
        assert both == pytest.approx(0.25, abs=5 * (0.25 * 0.75 / 1e6) ** 0.5)


def test_the_gradient_passes_where_the_value_did():
    x = torch.randn(7, 3, 5, requires_grad=True)
    dropped = drop(0.3, x)
    (gradient,) = torch.autograd.grad(dropped.sum(), x)
    torch.testing.assert_close(gradient, (dropped / x).detach())


def test_a_seed_gives_the_same_and_another_gives_another():
    x = torch.randn(50, 9).mT
    assert torch.equal(drop(0.2, x, seed=1), drop(0.2, x, seed=1))
    assert not torch.equal(drop(0.2, x, seed=1), drop(0.2, x, seed=2))


@pytest.mark.parametrize("p", [0.0, 0.999999])
def test_limits_are_finite(p):
    x = torch.randn(4, 4)
    assert drop(p, x).isfinite().all()
    assert p or torch.equal(drop(p, x), x)


def test_nothing_is_drawn_where_nothing_is_dropped():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    x = torch.randn(3, 3, generator=torch.Generator())
    assert Dropout(0.0)(x) is x
    assert torch.equal(torch.get_rng_state(), before)


def test_nothing_is_dropped_outside_training():
    x = torch.randn(3, 3)
    assert torch.equal(Dropout(0.5).eval()(x), x)
