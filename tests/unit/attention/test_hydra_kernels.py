"""Hydra's fused form against its definition, packed against padded, at the edges, and what it keeps in memory."""

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrarec.attention.hydra import HydraAttention, naive_hydra
from hydrarec.attention.parts import hydra_kernels, running_sums
from hydrarec.attention.parts.hydra_kernels import MAX_WIDTH, hydra, hydra_packed, should_use_kernel
from hydrarec.config.attention import HydraAttentionConfig
from hydrarec.sequences.visibility import Visibility

EPS = 1e-6
BOTH = pytest.mark.parametrize("causal", [True, False])


def draw(*shape, dtype=torch.float64, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, generator=generator, dtype=dtype) for _ in range(3)]


def definition(q, k, v, causal, mask=None):
    seen = Visibility(causal, mask).attention_mask(q.shape[1], q.device).expand(len(q), -1, -1)
    return naive_hydra(q, k, v, seen, EPS, "cosine", "none")


def plain(q, k, v, causal):
    def unit(x):
        # The root has no derivative at 0, which the definition leaves open: below eps the norm must not be asked.
        return x / x.square().sum(-1, keepdim=True).clamp(min=1e-30).sqrt().clamp(min=EPS)

    terms = unit(k) * v
    return unit(q) * (terms.cumsum(1) if causal else terms.sum(1, keepdim=True))


def relative(ours, exact):
    return float(((ours.double() - exact).norm() / exact.norm()).detach())


def with_gradients(function, tensors, weights):
    tensors = [x.detach().requires_grad_() for x in tensors]
    outputs = function(*tensors)
    return [outputs, *torch.autograd.grad(outputs, tensors, weights)]


@pytest.fixture(params=[4, 2])
def small_blocks(monkeypatch, request):
    """Blocks of 40 positions with 8 features, in 4 chunks of 10 or 2 of 20, so that sequences cross both."""
    monkeypatch.setattr(running_sums, "BLOCK", 40 * 8)
    monkeypatch.setattr(running_sums, "CHUNKS", 4)
    monkeypatch.setattr(running_sums, "CHUNK_NUMBERS", request.param * 8)


@BOTH
@pytest.mark.parametrize("padded", [False, True])
def test_gradients_are_those_of_finite_differences(causal, padded, small_blocks):
    mask = torch.rand(2, 45, generator=torch.Generator().manual_seed(3)) < 0.7 if padded else None
    inputs = [x.requires_grad_() for x in draw(2, 45, 8)]
    assert torch.autograd.gradcheck(
        lambda q, k, v: hydra(q, k, v, causal=causal, padding_mask=mask, eps=EPS), inputs, fast_mode=True
    )


@BOTH
@settings(max_examples=20)
@given(lengths=st.lists(st.integers(0, 90), min_size=1, max_size=6), width=st.sampled_from([1, 3, 64]))
def test_packed_sequences_are_each_computed_by_themselves(causal, lengths, width):
    offsets = torch.tensor([0, *lengths]).cumsum(0)
    inputs = draw(sum(lengths), width)
    weights = draw(sum(lengths), width, seed=2)[0]
    packed = with_gradients(lambda q, k, v: hydra_packed(q, k, v, offsets, causal=causal, eps=EPS), inputs, weights)
    for first, last in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        alone = with_gradients(
            lambda q, k, v: definition(q[None], k[None], v[None], causal)[0],
            [x[first:last] for x in inputs],
            weights[first:last],
        ) if last > first else [torch.empty(0, width, dtype=torch.float64)] * 4  # fmt: skip
        for ours, exact in zip(packed, alone, strict=True):
            torch.testing.assert_close(ours[first:last], exact, rtol=1e-9, atol=1e-9)


@BOTH
def test_packed_is_padded_without_the_padding(causal, small_blocks):
    lengths = torch.tensor([50, 1, 0, 93, 40])
    mask = torch.arange(93) < lengths[:, None]
    inputs, weights = draw(5, 93, 8), draw(5, 93, 8, seed=2)[0] * mask[..., None]
    padded = with_gradients(lambda q, k, v: hydra(q, k, v, causal=causal, padding_mask=mask, eps=EPS), inputs, weights)
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
    packed = with_gradients(
        lambda q, k, v: hydra_packed(q, k, v, offsets, causal=causal, eps=EPS), [x[mask] for x in inputs], weights[mask]
    )
    for ours, theirs in zip(packed, padded, strict=True):
        torch.testing.assert_close(ours, theirs[mask], rtol=1e-10, atol=1e-12)


@BOTH
def test_vectors_shorter_than_eps_are_divided_by_eps(causal):
    q, k, v = draw(2, 6, 8)
    for x in (q, k):
        x[:, 1:3] *= 1e-9
        x[:, 4] = 0
    weights = draw(2, 6, 8, seed=2)[0]
    ours = with_gradients(lambda *x: hydra(*x, causal=causal, eps=EPS), (q, k, v), weights)
    for theirs, expected in zip(ours, with_gradients(lambda *x: plain(*x, causal), (q, k, v), weights), strict=True):
        torch.testing.assert_close(theirs, expected, rtol=1e-9, atol=1e-9)


@BOTH
def test_an_all_zero_batch_has_finite_gradients(causal):
    zeros = [torch.zeros(2, 5, 8) for _ in range(3)]
    for gradient in with_gradients(lambda *x: hydra(*x, causal=causal), zeros, torch.ones(2, 5, 8)):
        assert not gradient.isnan().any()


@pytest.mark.parametrize("shape", [(0, 5, 8), (3, 0, 8), (1, 1, 8)])
@BOTH
def test_nothing_and_one_position(causal, shape):
    inputs = draw(*shape)
    outputs = with_gradients(lambda *x: hydra(*x, causal=causal), inputs, torch.ones(shape, dtype=torch.float64))
    if 0 not in shape:
        torch.testing.assert_close(outputs[0], definition(*inputs, causal))
    assert all(x.shape == shape for x in outputs)


@BOTH
@pytest.mark.parametrize("drift", [0.0, 1.0])
def test_sums_over_20_000_positions_keep_five_digits(causal, drift):
    inputs = [x + drift for x in draw(1, 20_000, 16)]
    weights = draw(1, 20_000, 16, seed=2)[0]
    exact = with_gradients(lambda *x: plain(*x, causal), inputs, weights)
    ours = with_gradients(lambda *x: hydra(*x, causal=causal), [x.float() for x in inputs], weights.float())
    assert max(relative(a, b) for a, b in zip(ours, exact, strict=True)) < 2e-6


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@BOTH
def test_low_precision_inputs_are_summed_in_float32(causal, dtype):
    """What is left is the rounding of inputs and outputs; a bfloat16 running sum would be wrong by a tenth."""
    inputs = draw(1, 5000, 16, dtype=dtype)
    exact = hydra(*(x.double() for x in inputs), causal=causal)
    outputs = hydra(*inputs, causal=causal)
    assert outputs.dtype == dtype
    assert relative(outputs, exact) < torch.finfo(dtype).eps / 2


def test_autocast_does_not_reach_the_sums():
    inputs, weights = draw(2, 700, 16, dtype=torch.float32), draw(2, 700, 16, dtype=torch.float32, seed=2)[0]
    outside = with_gradients(lambda *x: hydra(*x, causal=True), inputs, weights)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = with_gradients(lambda *x: hydra(*x, causal=True), inputs, weights)
    assert all(torch.equal(a, b) for a, b in zip(inside, outside, strict=True))


@BOTH
def test_only_inputs_and_norms_are_kept(causal):
    """Counted over all tensors that the graph holds, so that a saved sum or product would be seen."""
    sizes, length, width = [], 300, 64

    def pack(x):
        sizes.append(x.numel())
        return x

    inputs = [x.requires_grad_() for x in draw(4, length, width)]
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        outputs = hydra(*inputs, causal=causal)
    sums, *_ = outputs.grad_fn.next_functions[0][0].settings
    held = [x for x in vars(sums).values() if isinstance(x, torch.Tensor)]
    assert sorted(sizes) == sorted([4 * length * width] * 3 + [4 * length] * 2)
    assert max(x.numel() for x in held) < 4 * length * width / 8


@pytest.mark.parametrize("threads", [1, 2])
@BOTH
def test_the_same_number_of_threads_gives_the_same_bits(causal, threads):
    inputs, weights = draw(2, 700, 64, dtype=torch.float32), draw(2, 700, 64, dtype=torch.float32, seed=2)[0]
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        first, second = (with_gradients(lambda *x: hydra(*x, causal=causal), inputs, weights) for _ in range(2))
        exact = with_gradients(lambda *x: plain(*x, causal), [x.double() for x in inputs], weights.double())
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert max(relative(a, b) for a, b in zip(first, exact, strict=True)) < 1e-6


def test_an_earlier_output_does_not_change_by_a_bit(small_blocks):
    before = draw(2, 90, 8, dtype=torch.float32)
    after = [torch.cat([x[:, :41], y[:, 41:]], 1) for x, y in zip(before, draw(2, 90, 8, seed=5), strict=True)]
    after = [x.float() for x in after]
    assert torch.equal(hydra(*before, causal=True)[:, :41], hydra(*after, causal=True)[:, :41])


def test_strided_inputs_and_expanded_gradients():
    """Models hand keys and values over as halves of one tensor, and a sum's gradient is one number repeated."""
    q, both = draw(3, 70, 8)[0], torch.cat(draw(3, 70, 8, seed=4)[:2], dim=-1)
    ones = torch.ones((), dtype=torch.float64).expand(3, 70, 8)
    split = with_gradients(lambda q, x: hydra(q, *x.chunk(2, dim=-1), causal=True), (q, both), ones)
    exact = with_gradients(lambda q, x: definition(q, *x.chunk(2, dim=-1), True), (q, both), ones)
    for ours, theirs in zip(split, exact, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_second_derivatives_are_refused():
    inputs = [x.requires_grad_() for x in draw(1, 4, 8)]
    outputs = hydra(*inputs, causal=True).square().sum()
    (gradient,) = torch.autograd.grad(outputs, inputs[0], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


@pytest.mark.parametrize("offsets", [[1, 3], [0, 2], [0, 4], [0, 2, 1, 3], []])
def test_offsets_that_do_not_cut_the_positions_are_refused(offsets):
    with pytest.raises(ValueError, match="offsets"):
        hydra_packed(*draw(3, 8), torch.tensor(offsets, dtype=torch.int64), causal=True)


def test_offsets_of_another_type_are_refused():
    with pytest.raises(ValueError, match=r"allowed: torch\.int64"):
        hydra_packed(*draw(3, 8), torch.tensor([0, 3], dtype=torch.int32), causal=True)


@pytest.mark.parametrize(
    ("options", "length", "fused"),
    [
        ({}, 20_000, True),
        ({"eps": 1e-4}, 20_000, True),
        ({}, 20, False),
        ({"kernel": "tanh"}, 20_000, False),
        ({"length_scaling": "inverse"}, 20_000, False),
    ],
)
def test_the_operator_uses_it_for_the_papers_form_where_it_pays(options, length, fused):
    operator = HydraAttention(HydraAttentionConfig(**options), d_model=8, n_heads=2, max_length=length)
    outputs = operator(*(x.requires_grad_() for x in draw(2, length, 8)), Visibility(causal=True, padding_mask=None))
    assert ("BlockedHydra" in type(outputs.grad_fn.next_functions[0][0]).__name__) == fused


@pytest.mark.parametrize(
    ("dtype", "width", "capability", "hip", "used"),
    [
        (torch.float32, 64, (7, 5), None, True),
        (torch.float16, 64, (7, 5), None, True),
        (torch.bfloat16, 64, (7, 5), None, False),
        (torch.bfloat16, 64, (8, 0), None, True),
        (torch.bfloat16, 64, (7, 5), "6.2", True),
        (torch.float32, MAX_WIDTH, (9, 0), None, True),
        (torch.float32, MAX_WIDTH + 1, (9, 0), None, False),
    ],
)
def test_the_triton_kernels_are_used_where_the_gpu_can_run_them(dtype, width, capability, hip, used, monkeypatch):
    monkeypatch.setattr(hydra_kernels, "triton_kernels", lambda module: object())
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.version, "hip", hip)
    assert should_use_kernel(SimpleNamespace(device=torch.device("cuda"), shape=(2, 3, width), dtype=dtype)) == used
