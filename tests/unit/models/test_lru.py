"""LRURec: the chunked scan against the recurrence, the unit against its equations, initial values and counts."""

import math

import pytest
import torch

from hydrarec.config.encoder import EncoderConfig
from hydrarec.config.models import LruModelConfig
from hydrarec.models.base import Blueprint
from hydrarec.models.lru import CHUNK, LinearRecurrentUnit, LruModel, scan

S = 5
LENGTHS = [1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 200, CHUNK**2 + CHUNK + 3]


def recurrence(u, log_eigenvalues):
    """Compute the states one after the other."""
    eigenvalues, state, states = log_eigenvalues.exp(), torch.zeros_like(u[:, 0]), []
    for t in range(u.shape[1]):
        state = eigenvalues * state + u[:, t]
        states.append(state)
    return torch.stack(states, dim=1)


def draw(length, decay=0.1, dtype=torch.complex128):
    generator = torch.Generator().manual_seed(0)
    u = torch.randn(2, length, S, dtype=torch.complex128, generator=generator)
    phase = 2 * math.pi * torch.rand(S, dtype=torch.float64, generator=generator)
    log_eigenvalues = torch.complex(torch.full_like(phase, -decay), phase)
    return u.to(dtype).requires_grad_(), log_eigenvalues.to(dtype).requires_grad_()


def unit(d_model=4, **settings):
    torch.manual_seed(0)
    return LinearRecurrentUnit(LruModelConfig(**settings), d_model).double()


@pytest.mark.parametrize("length", LENGTHS)
def test_the_scan_is_the_recurrence(length):
    inputs = draw(length)
    fast, slow = scan(*inputs), recurrence(*inputs)
    torch.testing.assert_close(fast, slow, rtol=1e-11, atol=1e-11)
    weights = torch.randn(fast.shape, dtype=torch.complex128)
    gradients = [torch.autograd.grad((y * weights).real.sum(), inputs) for y in (fast, slow)]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("decay", [1e-7, 1e-3, 0.1, 5.0, 60.0], ids=lambda decay: f"decay {decay:g}")
def test_long_sequences_stay_exact_for_slow_and_fast_decay(decay):
    """In single precision, from |lambda| of nearly 1, where states grow, to where its powers underflow."""
    inputs = draw(2000, decay, torch.complex64)
    states = scan(*inputs)
    exact = recurrence(*(x.detach().to(torch.complex128) for x in inputs))
    size = exact.abs().square().mean().sqrt()
    assert ((states - exact).abs().max() / size).item() < 2e-3
    states.abs().square().sum().backward()
    assert all(torch.isfinite(torch.view_as_real(x.grad)).all() for x in inputs)


def test_the_unit_computes_its_equations():
    module = unit()
    x = torch.randn(2, 40, 4, dtype=torch.float64)
    w = {name: value.detach() for name, value in module.named_parameters()}
    eigenvalues = torch.exp(torch.complex(-w["nu"].exp(), w["theta"].exp()))
    b = torch.complex(w["input.weight"][0::2], w["input.weight"][1::2])
    shift = torch.complex(w["input.bias"][0::2], w["input.bias"][1::2])
    # Re(C h) = Re C Re h - Im C Im h.
    c = torch.complex(w["output.weight"][:, 0::2], -w["output.weight"][:, 1::2])
    for row, outputs in zip(x, module(x), strict=True):
        state = torch.zeros(8, dtype=torch.complex128)
        for x_t, y_t in zip(row, outputs, strict=True):
            state = eigenvalues * state + w["log_gamma"].exp() * (b @ x_t.to(b.dtype) + shift)
            torch.testing.assert_close(y_t, (c @ state).real + w["output.bias"], rtol=1e-11, atol=1e-12)


def test_eigenvalues_begin_on_the_ring_and_gamma_with_them():
    module = unit(d_model=500, r_min=0.5, r_max=0.9, max_phase=0.3)
    radius, phase = torch.exp(-module.nu.exp()), module.theta.exp()
    assert 0.5 <= radius.min() < 0.51 and 0.89 < radius.max() <= 0.9 + 1e-6
    assert 0 <= phase.min() < 0.01 and 0.29 < phase.max() <= 0.3 + 1e-6
    # Uniform on the area of the ring: half of it lies outside the radius of the mean square.
    assert (radius.square() > (0.5**2 + 0.9**2) / 2).double().mean().item() == pytest.approx(0.5, abs=0.05)
    torch.testing.assert_close(module.log_gamma.exp(), (1 - radius.square()).sqrt(), rtol=1e-5, atol=0)


def test_gamma_keeps_the_states_as_large_as_what_drives_them():
    module = unit(d_model=16)
    white = torch.randn(200, 200, 32, dtype=torch.complex128)
    log_eigenvalues = torch.complex(-module.nu.exp(), module.theta.exp()).detach()
    states = scan(white * module.log_gamma.exp().detach(), log_eigenvalues)[:, -1]
    torch.testing.assert_close(states.abs().square().mean(0), torch.ones(32).double(), rtol=0, atol=0.35)


def test_states_stay_in_single_precision_under_autocast():
    module = unit().float()
    x = torch.randn(2, 200, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low, (_, (state,)) = module(x), module.step(x[:, 0], None)
    assert state.dtype == torch.complex64
    torch.testing.assert_close(low.float(), module(x), rtol=0.05, atol=0.05)


def test_parameters_are_counted():
    n, d, layers, f = 40, 16, 3, 24
    encoder = EncoderConfig(d_model=d, n_layers=layers, d_ff=f, max_length=20)
    model = LruModel(Blueprint(LruModelConfig(), encoder, None, n_items=n, n_special_tokens=0))
    recurrences = 3 * 2 * d + (4 * d * d + 4 * d) + (4 * d * d + d)
    expected = (n + 1) * d + 2 * d + layers * (recurrences + 2 * d * f + f + d + 4 * d) + (n + 1)
    assert sum(p.numel() for p in model.parameters()) == expected


def test_a_ring_without_width_is_refused():
    with pytest.raises(ValueError, match=r"r_min 0\.9 is not below r_max 0\.9"):
        LruModelConfig(r_min=0.9, r_max=0.9)
