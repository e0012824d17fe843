"""What every attention operator must do, whatever it computes."""

import functools
import inspect
from importlib import import_module

import pytest
import torch

from hydrarec.attention.base import IncrementalOperator
from hydrarec.config.attention import CosineAttentionConfig, HydraAttentionConfig
from hydrarec.sequences.visibility import Visibility
from tests.contract.kinds import ATTENTIONS, VARIANTS

D, H = 16, 4
LENGTHS = (1, 2, 63, 200)


def name_of(config):
    """Return the kind and what is set otherwise than by default."""
    return "-".join(
        [config.kind, *(f"{key}={value}" for key, value in config.model_dump(exclude_defaults=True).items())]
    )


MASKED = [
    pytest.param(config, causal, id=f"{name_of(config)}-{'causal' if causal else 'bidirectional'}")
    for config in ATTENTIONS + VARIANTS
    for causal in (True, False)
    if not config.why_no_form(causal)
]


def build(config, dtype=torch.float64):
    torch.manual_seed(0)
    return config.implementation()(config, d_model=D, n_heads=H, max_length=max(LENGTHS)).to(dtype).eval()


def naive(config):
    """Return the file's definition, with the arguments beyond (q, k, v, attention_mask) filled in by name."""
    definition = getattr(import_module(f"hydrarec.attention.{config.kind}"), f"naive_{config.kind}")
    tensors = {name.replace(".", "_"): tensor for name, tensor in build(config).state_dict().items()}
    settings = config.model_dump()
    known = {**settings, "n_heads": settings.get("n_heads") or H, "max_length": max(LENGTHS), **tensors}
    wanted = set(list(inspect.signature(definition).parameters)[4:])
    return functools.partial(definition, **{name: known[name] for name in wanted & set(known)})


def draw(length, rows=3, dtype=torch.float64, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(rows, length, D, generator=generator, dtype=dtype) for _ in range(3)]


def right_padded(length, lengths):
    return torch.arange(length) < torch.tensor(lengths)[:, None]


@pytest.mark.parametrize(("config", "causal"), MASKED)
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("padded", [False, True])
def test_outputs_and_gradients_equal_the_definition(config, causal, length, padded):
    mask = right_padded(length, [length, max(1, length // 2), 1]) if padded else None
    visibility = Visibility(causal, mask)
    inputs = [x.requires_grad_() for x in draw(length)]
    real = torch.ones(3, length, dtype=torch.bool) if mask is None else mask
    weights = torch.randn(3, length, D, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    weights = weights * real[..., None]

    fast = build(config)(*inputs, visibility)
    slow = naive(config)(*inputs, visibility.attention_mask(length, torch.device("cpu")).expand(3, -1, -1))

    torch.testing.assert_close(fast[real], slow[real], rtol=1e-9, atol=1e-11)
    fast_gradients = torch.autograd.grad((fast * weights).sum(), inputs)
    slow_gradients = torch.autograd.grad((slow * weights).sum(), inputs)
    for ours, theirs in zip(fast_gradients, slow_gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    "config", [c for c in ATTENTIONS + VARIANTS if c.implementation().supports_query_subset], ids=name_of
)
@pytest.mark.parametrize("length", LENGTHS)
def test_a_query_subset_gets_what_it_gets_among_all(config, length):
    operator, (q, k, v), real = build(config), draw(length), right_padded(length, [length, max(1, length // 2), 1])
    some = torch.tensor([length // 3, 0, length - 1])
    for mask in (None, real):
        visibility = Visibility(causal=False, padding_mask=mask)
        if not config.why_no_form(causal=False):
            torch.testing.assert_close(operator(q[:, some], k, v, visibility), operator(q, k, v, visibility)[:, some])
        if not config.why_no_form(causal=True):
            last = real.sum(1) - 1 if mask is not None else torch.full((3,), length - 1)
            rows = torch.arange(3)
            expected = operator(q, k, v, Visibility(causal=True, padding_mask=None))[rows, last]
            torch.testing.assert_close(operator(q[rows, last][:, None], k, v, visibility)[:, 0], expected)


@pytest.mark.parametrize("config", [c for c in ATTENTIONS + VARIANTS if not c.no_causal_form], ids=name_of)
def test_a_later_item_never_changes_an_earlier_output(config):
    operator, visibility = build(config, torch.float32), Visibility(causal=True, padding_mask=None)
    before = draw(20, dtype=torch.float32)
    others = draw(20, dtype=torch.float32, seed=9)
    after = [torch.cat([x[:, :12], y[:, 12:]], dim=1) for x, y in zip(before, others, strict=True)]

    outputs, changed = operator(*before, visibility), operator(*after, visibility)

    assert torch.equal(outputs[:, :12], changed[:, :12])
    assert not torch.allclose(outputs[:, 12:], changed[:, 12:])


@pytest.mark.parametrize("config", ATTENTIONS, ids=lambda c: c.kind)
def test_the_leak_detector_works(config):
    """Without the causal mask a later item does change earlier outputs; otherwise the test above proves nothing."""
    operator, visibility = build(config), Visibility(causal=False, padding_mask=None)
    before = draw(20)
    after = [torch.cat([x[:, :12], y[:, 12:]], dim=1) for x, y in zip(before, draw(20, seed=9), strict=True)]
    assert not torch.allclose(operator(*before, visibility)[:, :12], operator(*after, visibility)[:, :12])


@pytest.mark.parametrize(("config", "causal"), MASKED)
@pytest.mark.parametrize("window", [12, 50, 200])
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_changes_nothing(config, causal, window, side):
    length, operator = 12, build(config)
    short = draw(length, rows=2)
    fill = window - length
    # Padding is not zero in practice: biases make it arbitrary, so it is filled with noise here.
    noise = [torch.randn(2, fill, D, dtype=torch.float64) for _ in range(3)]
    pairs = zip(short, noise, strict=True)
    padded = [torch.cat([x, n] if side == "right" else [n, x], dim=1) for x, n in pairs]
    real = torch.zeros(2, window, dtype=torch.bool)
    place = slice(0, length) if side == "right" else slice(fill, window)
    real[:, place] = True

    expected = operator(*short, Visibility(causal, None))

    torch.testing.assert_close(operator(*padded, Visibility(causal, real))[:, place], expected)
    if causal and side == "right":
        # The fast path: behind the real positions padding cannot be seen, so no mask is needed.
        torch.testing.assert_close(operator(*padded, Visibility(causal, None))[:, place], expected)


@pytest.mark.parametrize(("config", "causal"), MASKED)
def test_an_all_padding_row_gives_finite_values_and_gradients(config, causal):
    inputs = [x.requires_grad_() for x in draw(7, rows=2, dtype=torch.float32)]
    mask = torch.tensor([[True] * 7, [False] * 7])
    outputs = build(config, torch.float32)(*inputs, Visibility(causal, mask))
    assert torch.isfinite(outputs).all()
    for gradient in torch.autograd.grad(outputs.sum(), inputs):
        assert torch.isfinite(gradient).all()


@pytest.mark.parametrize(("config", "causal"), MASKED)
def test_zero_vectors_give_finite_values_and_gradients(config, causal):
    inputs = [torch.zeros(2, 5, D, requires_grad=True) for _ in range(3)]
    outputs = build(config, torch.float32)(*inputs, Visibility(causal, None))
    assert torch.isfinite(outputs).all()
    for gradient in torch.autograd.grad(outputs.sum(), inputs):
        assert torch.isfinite(gradient).all()


incremental = pytest.mark.parametrize(
    "config",
    [c for c in ATTENTIONS + VARIANTS if issubclass(c.implementation(), IncrementalOperator)],
    ids=name_of,
)


@incremental
def test_steps_give_what_the_full_pass_gives(config):
    operator, inputs = build(config), draw(100)
    state, outputs = None, []
    for t in range(100):
        output, state = operator.step(*(x[:, t] for x in inputs), state)
        outputs.append(output)
    full = operator(*inputs, Visibility(causal=True, padding_mask=None))
    torch.testing.assert_close(torch.stack(outputs, dim=1), full, rtol=1e-9, atol=1e-11)


@incremental
def test_steps_count_and_add_up_in_half_precision_too(config):
    operator, inputs = build(config, torch.float32), [x.bfloat16() for x in draw(300)]
    state, outputs = None, []
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for t in range(300):
            output, state = operator.step(*(x[:, t] for x in inputs), state)
            outputs.append(output)
        full = operator(*inputs, Visibility(causal=True, padding_mask=None))
    # Beyond 256 a bfloat16 cannot count.
    apart = (torch.stack(outputs, dim=1) - full)[:, 200:].float().abs().amax()
    assert outputs[0].dtype == full.dtype
    assert apart < 0.02 * full[:, 200:].float().abs().amax()


@incremental
def test_the_state_does_not_grow(config):
    operator, inputs = build(config), draw(10)
    sizes, state = [], None
    for t in range(10):
        _, state = operator.step(*(x[:, t] for x in inputs), state)
        sizes.append(sum(part.numel() for part in state))
    assert len(set(sizes)) == 1


def parameters(config):
    """Return how many numbers an operator learns by its card; operators that are not named learn none."""
    length = max(LENGTHS)
    match config.kind:
        case "hydra":
            return int(config.length_scaling == "learned")
        case "cottention":
            return H
        case "linformer":
            return (1 if config.shared else 2) * length * (config.k_projection or length // 4)
        case "lightsans":
            return 2 * D * config.k_interests + length * D + 2 * D + 2 * (D * D + D)
        case "gla":
            return 2 * D * config.gate_rank + D
        case _:
            return 0


@pytest.mark.parametrize("config", ATTENTIONS + VARIANTS, ids=name_of)
def test_parameters_are_counted(config):
    assert sum(p.numel() for p in build(config).parameters()) == parameters(config)


@pytest.mark.parametrize("causal", [True, False])
def test_as_many_heads_as_features_make_the_cosine_kernel_hydra(causal):
    inputs, visibility = draw(30), Visibility(causal, right_padded(30, [30, 11, 1]))
    cosine, hydra = (
        build(config)(*inputs, visibility) for config in (CosineAttentionConfig(n_heads=D), HydraAttentionConfig())
    )
    torch.testing.assert_close(cosine, hydra, rtol=1e-12, atol=1e-14)


def test_hydra_keeps_its_accuracy_over_long_sequences():
    """A float32 running sum over 20,000 positions stays within 1e-5 of float64."""
    config = HydraAttentionConfig()
    inputs = draw(20_000, rows=1)
    visibility = Visibility(causal=True, padding_mask=None)
    exact = build(config)(*inputs, visibility)
    fast = build(config, torch.float32)(*(x.float() for x in inputs), visibility)
    error = (fast.double() - exact).norm() / exact.norm()
    assert error < 1e-5
