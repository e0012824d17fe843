"""The Triton kernels of Hydra against its definition: on a GPU where there is one, else in Triton's interpreter."""

import pytest
import torch

from hydrarec.attention.hydra import naive_hydra
from hydrarec.sequences.visibility import Visibility

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
pytest.importorskip("triton")

from hydrarec.attention.parts import hydra_triton  # noqa: E402

EPS = 1e-6
BOTH = pytest.mark.parametrize("causal", [True, False])
ONE, MANY = 1, 64
"""Programs wanted: sequences stay whole, or are cut into parts."""


@pytest.fixture(autouse=True)
def _small_tiles(monkeypatch):
    """With 16 features, tiles of 8 positions and parts of 32."""
    monkeypatch.setattr(hydra_triton, "TILE", 128)


def draw(*shape, dtype=torch.float64, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, generator=generator, dtype=dtype).to(DEVICE) for _ in range(3)]


def with_gradients(function, tensors, weights):
    tensors = [x.detach().requires_grad_() for x in tensors]
    outputs = function(*tensors)
    return [outputs, *torch.autograd.grad(outputs, tensors, weights)]


def by_kernels(offsets, causal, mask=None):
    longest = int(offsets.diff().max())
    return lambda q, k, v: hydra_triton.TritonHydra.apply(q, k, v, offsets, mask, longest, causal, EPS)


def by_definition(offsets, causal, mask=None):
    """Return the definition over sequences that stand one behind the other."""
    cuts = list(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True))

    def function(q, k, v):
        outputs = []
        for first, last in cuts:
            own = None if mask is None else mask[None, first:last]
            seen = Visibility(causal, own).attention_mask(last - first, q.device)
            rows = (x[None, first:last] for x in (q, k, v))
            outputs.append(naive_hydra(*rows, seen, EPS, "cosine", "none")[0] if last > first else q[:0])
        return torch.cat(outputs)

    return function


def cut(*lengths):
    return torch.tensor([0, *lengths], device=DEVICE).cumsum(0)


@pytest.mark.parametrize("programs", [ONE, MANY])
@pytest.mark.parametrize("masked", [False, True])
@BOTH
def test_outputs_and_gradients_equal_the_definition(causal, masked, programs, monkeypatch):
    """Lengths of several parts, of none, of one tile and of two parts."""
    monkeypatch.setattr(hydra_triton, "PROGRAMS", programs)
    offsets = cut(75, 0, 1, 40)
    inputs, weights = draw(116, 16), draw(116, 16, seed=2)[0]
    mask = (torch.rand(116, generator=torch.Generator().manual_seed(3)) < 0.7).to(DEVICE) if masked else None
    ours = with_gradients(by_kernels(offsets, causal, mask), inputs, weights)
    theirs = with_gradients(by_definition(offsets, causal, mask), inputs, weights)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("width", [1, 3, 100, 2048])
@BOTH
def test_any_width(causal, width):
    inputs, weights = draw(9, width), draw(9, width, seed=2)[0]
    offsets = cut(5, 4)
    ours = with_gradients(by_kernels(offsets, causal), inputs, weights)
    theirs = with_gradients(by_definition(offsets, causal), inputs, weights)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-6), (torch.bfloat16, 8e-3), (torch.float16, 1e-3)])
@BOTH
def test_low_precision_inputs_are_summed_in_float32(causal, dtype, error, monkeypatch):
    monkeypatch.setattr(hydra_triton, "PROGRAMS", MANY)
    inputs, weights = draw(150, 16, dtype=dtype), draw(150, 16, dtype=dtype, seed=2)[0]
    ours = with_gradients(by_kernels(cut(150), causal), inputs, weights)
    exact = with_gradients(by_definition(cut(150), causal), [x.double() for x in inputs], weights.double())
    for a, b in zip(ours, exact, strict=True):
        assert a.dtype == dtype
        assert (a.double() - b).norm() < error * b.norm()


@BOTH
def test_vectors_shorter_than_eps_are_divided_by_eps(causal):
    q, k, v = draw(6, 8)
    for x in (q, k):
        x[1:3] *= 1e-9
    weights = draw(6, 8, seed=2)[0]
    ours = with_gradients(by_kernels(cut(6), causal), (q, k, v), weights)
    theirs = with_gradients(by_definition(cut(6), causal), (q, k, v), weights)
    for a, b in zip(ours, theirs, strict=True):
        # eps reaches the kernels as a float32.
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6)
    zeros = with_gradients(by_kernels(cut(6), causal), [torch.zeros(6, 8, device=DEVICE)] * 3, weights.float())
    assert all(x.isfinite().all() for x in zeros)


def test_strided_inputs_and_expanded_gradients():
    q, both = draw(30, 8)[0], torch.cat(draw(30, 8, seed=4)[:2], dim=-1)
    ones = torch.ones((), dtype=torch.float64, device=DEVICE).expand(30, 8)
    ours, theirs = (
        with_gradients(lambda q, x, way=way: way(q, *x.chunk(2, dim=-1)), (q, both), ones)
        for way in (by_kernels(cut(30), True), by_definition(cut(30), True))
    )
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@BOTH
def test_sums_over_20_000_positions_keep_five_digits(causal, monkeypatch):
    monkeypatch.setattr(hydra_triton, "TILE", 2048)
    inputs, weights = draw(20_000, 64), draw(20_000, 64, seed=2)[0]
    ours = with_gradients(by_kernels(cut(20_000), causal), [x.float() for x in inputs], weights.float())
    exact = with_gradients(by_kernels(cut(20_000), causal), inputs, weights)
    assert all((a.double() - b).norm() < 1e-5 * b.norm() for a, b in zip(ours, exact, strict=True))
