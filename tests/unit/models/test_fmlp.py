"""FMLP-Rec: the filter against the convolutions it stands for, and how its two forms hang together."""

import pytest
import torch

from hydrarec.config.encoder import EncoderConfig
from hydrarec.config.models import FmlpModelConfig
from hydrarec.models import fmlp
from hydrarec.models.base import Blueprint
from hydrarec.models.fmlp import Filter, FmlpBlock, FmlpModel
from hydrarec.sequences.batches import Batch
from hydrarec.sequences.visibility import Visibility

D = 3
CAUSAL = Visibility(causal=True, padding_mask=None)
BOTH_SIDES = Visibility(causal=False, padding_mask=None)
WINDOWS = [(12, 12), (12, 7), (13, 13), (13, 5), (1, 1)]


def build(max_length):
    torch.manual_seed(0)
    module = Filter(D, max_length).double()
    with torch.no_grad():
        module.spectrum.mul_(50)
    return module


def draw(length, rows=2):
    return torch.randn(rows, length, D, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def full_spectrum(module):
    """Return all max_length frequencies: those above the half are the conjugates of those below it."""
    half = torch.view_as_complex(module.spectrum.detach())
    n = module.max_length
    rows = [half[k] if k <= n // 2 else half[n - k].conj() for k in range(n)]
    for k in {0, n / 2} & set(range(n)):
        rows[int(k)] = rows[int(k)].real + 0j
    return torch.stack(rows)


def kernel(module):
    """Return the real kernel by the definition of the inverse transform, frequency by frequency."""
    spectrum, n = full_spectrum(module), module.max_length
    places = torch.arange(n, dtype=torch.float64)
    terms = [spectrum[k] * torch.exp(2j * torch.pi * k * places / n)[:, None] for k in range(n)]
    return (sum(terms) / n).real


@pytest.mark.parametrize(("max_length", "length"), WINDOWS)
def test_the_filter_is_a_circular_convolution_over_the_window(max_length, length):
    module, x = build(max_length), draw(length)
    window = torch.cat([x, torch.zeros(2, max_length - length, D, dtype=x.dtype)], dim=1)
    w = kernel(module)
    rows = [sum(w[(t - s) % max_length] * window[:, s] for s in range(max_length)) for t in range(length)]
    torch.testing.assert_close(module(x, BOTH_SIDES), torch.stack(rows, dim=1), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("max_length", "length"), WINDOWS)
def test_the_filter_is_a_product_of_complete_spectra(max_length, length):
    module, x = build(max_length), draw(length)
    product = torch.fft.fft(x, n=max_length, dim=1) * full_spectrum(module)
    expected = torch.fft.ifft(product, dim=1)[:, :length]
    torch.testing.assert_close(expected.imag, torch.zeros_like(x), rtol=0, atol=1e-11)
    torch.testing.assert_close(module(x, BOTH_SIDES), expected.real, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("max_length", "length"), WINDOWS)
def test_the_causal_filter_sums_over_the_past(max_length, length):
    module, x = build(max_length), draw(length).requires_grad_()
    w = kernel(module)
    rows = [sum(w[t - s] * x[:, s] for s in range(t + 1)) for t in range(length)]
    fast, slow = module(x, CAUSAL), torch.stack(rows, dim=1)
    torch.testing.assert_close(fast, slow, rtol=1e-11, atol=1e-11)
    weights = torch.randn(slow.shape, dtype=torch.float64)
    gradients = [torch.autograd.grad((y * weights).sum(), x)[0] for y in (fast, slow)]
    torch.testing.assert_close(*gradients, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("on_cpu", [True, False])
@pytest.mark.parametrize("visibility", [CAUSAL, BOTH_SIDES], ids=["causal", "bidirectional"])
@pytest.mark.parametrize("max_length", [1, 2, 12, 13])
def test_imaginary_parts_that_no_real_signal_has_change_nothing(max_length, visibility, on_cpu, monkeypatch):
    """On a GPU they are not handed to its library; a CPU's transform leaves them out."""
    handed, irfft = [], torch.fft.irfft
    monkeypatch.setattr(fmlp, "is_on_cpu", lambda x: on_cpu)
    monkeypatch.setattr(torch.fft, "irfft", lambda x, **of: handed.append(x) or irfft(x, **of))
    module, x = build(max_length), draw(max_length)
    without = [0, max_length // 2] if max_length % 2 == 0 else [0]
    before = module(x, visibility)
    (gradient,) = torch.autograd.grad(before.square().sum(), module.spectrum)
    assert not gradient[without][..., 1].any()
    with torch.no_grad():
        module.spectrum[without, :, 1] += 7
    assert torch.equal(module(x, visibility), before)
    assert on_cpu or not any(spectrum.movedim(-2, 0)[without].imag.any() for spectrum in handed)


@pytest.mark.parametrize("visibility", [CAUSAL, BOTH_SIDES], ids=["causal", "bidirectional"])
@pytest.mark.parametrize("max_length", [12, 13])
def test_what_a_gpu_computes_is_what_a_cpu_computes(max_length, visibility, monkeypatch):
    module, x, found = build(max_length), draw(max_length).requires_grad_(), []
    for on_cpu in (True, False):
        monkeypatch.setattr(fmlp, "is_on_cpu", lambda x, on_cpu=on_cpu: on_cpu)
        output = module(x, visibility)
        found.append((output, *torch.autograd.grad(output.square().sum(), [x, module.spectrum])))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_both_forms_are_one_at_the_newest_position_of_a_full_window():
    torch.manual_seed(0)
    block = FmlpBlock(EncoderConfig(d_model=D, max_length=12, dropout=0.0)).double()
    with torch.no_grad():
        block.filter.spectrum.mul_(50)
    causal, circular = block(draw(12), CAUSAL), block(draw(12), BOTH_SIDES)
    torch.testing.assert_close(causal[:, -1], circular[:, -1], rtol=1e-11, atol=1e-11)
    assert not torch.allclose(causal[:, :-1], circular[:, :-1], atol=1e-3)


def test_what_stands_at_padded_positions_is_not_filtered():
    module = build(12)
    x, mask = draw(6), torch.arange(6) < torch.tensor([6, 4])[:, None]
    visibility = Visibility(causal=False, padding_mask=mask)
    noisy = torch.where(mask[..., None], x, 1e3)
    torch.testing.assert_close(module(noisy, visibility)[mask], module(x, visibility)[mask], rtol=0, atol=0)
    torch.testing.assert_close(module(x[1:, :4], BOTH_SIDES)[0], module(x, visibility)[1, :4], rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("visibility", [CAUSAL, BOTH_SIDES], ids=["causal", "bidirectional"])
def test_sums_stay_in_single_precision_under_autocast(visibility):
    module = build(200).float()
    x = draw(200).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = module(x, visibility)
    assert low.dtype == torch.bfloat16
    torch.testing.assert_close(low, module(x.float(), visibility).bfloat16(), rtol=0, atol=0)


def test_the_spectrum_starts_normal_with_the_standard_deviation_of_all_weights():
    torch.manual_seed(0)
    spectrum = Filter(16, 200).spectrum.detach()
    n = spectrum.numel()
    # Five standard errors.
    assert spectrum.mean() == pytest.approx(0, abs=5 * 0.02 / n**0.5)
    assert spectrum.std() == pytest.approx(0.02, rel=5 / (2 * n) ** 0.5)
    # Not cut: as many beyond two standard deviations as of a normal distribution.
    beyond = (spectrum.abs() > 0.04).double().mean()
    assert beyond == pytest.approx(0.0455, abs=5 * (0.0455 / n) ** 0.5)


@pytest.mark.parametrize("max_length", [20, 21])
def test_parameters_are_counted(max_length):
    n, d, layers, f = 40, 16, 3, 24
    encoder = EncoderConfig(d_model=d, n_layers=layers, d_ff=f, max_length=max_length)
    model = FmlpModel(Blueprint(FmlpModelConfig(), encoder, None, n_items=n, n_special_tokens=1))
    frequencies = max_length // 2 + 1
    expected = (n + 2) * d + max_length * d + 2 * d + layers * (2 * frequencies * d + 2 * d * f + f + d + 4 * d)
    assert sum(p.numel() for p in model.parameters()) == expected


def test_it_forgets_nothing_of_the_window_and_knows_nothing_beyond_it():
    """The last kernel tap of a full window reaches the oldest item, and an item changes all later states."""
    torch.manual_seed(0)
    encoder = EncoderConfig(d_model=D, n_layers=1, max_length=9)
    model = FmlpModel(Blueprint(FmlpModelConfig(), encoder, None, n_items=30, n_special_tokens=0)).eval()
    items = torch.arange(1, 10)[None]
    other = items.clone()
    other[0, 0] = 20
    lengths = torch.tensor([9])
    with torch.no_grad():
        model.blocks[0].filter.spectrum.mul_(50)
        change = model.encode(Batch(items, lengths), CAUSAL) - model.encode(Batch(other, lengths), CAUSAL)
    assert (change.abs().amax(-1) > 1e-4).all()
