"""Decayed sums of outer products: equal to the recurrence, finite and exact however strong the decay is."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrarec.attention.parts import decayed
from hydrarec.attention.parts.decayed import decayed_step, decayed_sums
from hydrarec.attention.parts.outer_sums import outer_sums
from hydrarec.sequences.visibility import Visibility

B, H, F, E = 2, 3, 4, 5
PER_FEATURE = pytest.mark.parametrize("per_feature", [False, True])
CAUSAL = pytest.mark.parametrize("causal", [True, False])


def draw(length, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(B, H, length, width, generator=generator, dtype=dtype) for width in (F, F, E)]


def log_decays(length, per_feature, seed=1, strength=1.0, dtype=torch.float64):
    shape = (B, H, length, F) if per_feature else (B, H, length)
    return -strength * torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def recurrence(q, k, v, log_decay, causal, real):
    """Walk over the positions, forwards and back; what is not real leaves the state alone."""
    there = real[:, None, :, None, None]
    added = k[..., :, None] * v[..., None, :] * there
    alpha = (log_decay if log_decay.dim() == 4 else log_decay[..., None]).exp()
    kept = torch.where(there, alpha[..., None], 1)
    total = torch.zeros_like(added) if causal else -added
    forwards = list(range(q.shape[2]))
    for order in [forwards] if causal else [forwards, forwards[::-1]]:
        state = torch.zeros_like(added[:, :, 0])
        for t in order:
            state = kept[:, :, t] * state + added[:, :, t]
            total[:, :, t] += state
    return (q[..., None] * total).sum(-2)


@given(
    length=st.integers(1, 150),
    chunk=st.sampled_from([1, 2, 16, 64]),
    per_feature=st.booleans(),
    causal=st.booleans(),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40)
def test_equals_the_recurrence_with_any_chunk_and_padding_anywhere(length, chunk, per_feature, causal, seed):
    inputs, log_decay = draw(length, seed), log_decays(length, per_feature, seed)
    real = torch.rand(B, length, generator=torch.Generator().manual_seed(seed)) < 0.7
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decayed, "CHUNK", chunk)
        fast = decayed_sums(*inputs, log_decay, Visibility(causal, real))
    torch.testing.assert_close(fast, recurrence(*inputs, log_decay, causal, real), rtol=1e-10, atol=1e-12)


@PER_FEATURE
@CAUSAL
def test_the_chunk_size_never_changes_gradients(monkeypatch, per_feature, causal):
    inputs = [x.requires_grad_() for x in (*draw(100), log_decays(100, per_feature))]
    gradients = []
    for chunk in (4, 128):
        monkeypatch.setattr(decayed, "CHUNK", chunk)
        outputs = decayed_sums(*inputs, Visibility(causal, None))
        gradients.append(torch.autograd.grad(outputs.square().sum(), inputs))
    for small, large in zip(*gradients, strict=True):
        torch.testing.assert_close(small, large, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("shape", [(H, 1), (B, H, 40), (B, H, 40, F)])
@CAUSAL
def test_without_decay_these_are_the_plain_sums(shape, causal):
    inputs, visibility = draw(40), Visibility(causal, torch.arange(40) < torch.tensor([[40], [13]]))
    decayed = decayed_sums(*inputs, torch.zeros(shape), visibility)
    torch.testing.assert_close(decayed, outer_sums(*inputs, visibility), rtol=1e-12, atol=1e-12)


@PER_FEATURE
@CAUSAL
def test_with_everything_forgotten_only_the_position_itself_is_left(per_feature, causal):
    q, k, v = draw(70)
    log_decay = torch.full_like(log_decays(70, per_feature), -torch.inf)
    outputs = decayed_sums(q, k, v, log_decay, Visibility(causal, None))
    torch.testing.assert_close(outputs, (q * k).sum(-1, keepdim=True) * v)


@PER_FEATURE
@CAUSAL
def test_long_sequences_stay_finite_and_exact_with_extreme_decays(per_feature, causal):
    """Single precision, T = 2,000, decays from nothing to everything side by side."""
    length = 2000
    kinds = torch.tensor([0.0, -1e-6, -0.01, -1.0, -30.0, -1e4, -torch.inf])
    log_decay = log_decays(length, per_feature)
    log_decay = kinds[torch.randint(7, log_decay.shape, generator=torch.Generator().manual_seed(2))]
    inputs = [x.requires_grad_() for x in (*draw(length, dtype=torch.float32), log_decay)]

    outputs = decayed_sums(*inputs, Visibility(causal, None))

    real = torch.ones(B, length, dtype=torch.bool)
    exact = recurrence(*(x.detach().double() for x in inputs), causal, real)
    assert (outputs - exact).norm() / exact.norm() < 1e-5
    for gradient in torch.autograd.grad(outputs.sum(), inputs):
        assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("log_decay", [-1e-9, -0.03, -200.0])
def test_a_constant_decay_over_a_long_sequence_stays_finite(log_decay):
    inputs = draw(2000, dtype=torch.float32)
    for causal in (True, False):
        outputs = decayed_sums(*inputs, torch.full((H, 1), log_decay), Visibility(causal, None))
        assert torch.isfinite(outputs).all()


@PER_FEATURE
def test_steps_give_what_the_full_pass_gives(per_feature):
    (q, k, v), log_decay = draw(50), log_decays(50, per_feature)
    state, outputs = None, []
    for t in range(50):
        output, state = decayed_step(q[:, :, t], k[:, :, t], v[:, :, t], log_decay[:, :, t], state)
        outputs.append(output)
    full = decayed_sums(q, k, v, log_decay, Visibility(True, None))
    torch.testing.assert_close(torch.stack(outputs, dim=2), full, rtol=1e-10, atol=1e-12)


@CAUSAL
def test_queries_and_keys_can_be_shared_by_the_heads(causal):
    (q, k, v), log_decay = draw(80), log_decays(80, False)
    shared = decayed_sums(q[:, :1], k[:, :1], v, log_decay, Visibility(causal, None))
    repeated = (x[:, :1].expand(-1, H, -1, -1) for x in (q, k))
    torch.testing.assert_close(shared, decayed_sums(*repeated, v, log_decay, Visibility(causal, None)))


def test_sums_keep_single_precision_under_autocast():
    inputs, log_decay = draw(300, dtype=torch.bfloat16), torch.full((H, 1), -0.001)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = decayed_sums(*inputs, log_decay, Visibility(True, None))
    exact = decayed_sums(*(x.double() for x in inputs), log_decay, Visibility(True, None))
    assert outputs.dtype == torch.float32
    assert (outputs - exact).norm() / exact.norm() < 1e-5
