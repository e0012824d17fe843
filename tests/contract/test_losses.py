"""Losses against their definitions."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention

from hydrarec.config.losses import (
    BinaryCrossEntropyLossConfig,
    CrossEntropyLossConfig,
    SampledSoftmaxLossConfig,
)
from hydrarec.losses import base, cross_entropy
from hydrarec.losses.base import draw_negatives
from hydrarec.models.base import OutputLayer
from tests.contract.kinds import LOSSES

M, N, D = 37, 23, 8


def inputs(bias, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(M, D, generator=generator, dtype=dtype, requires_grad=True)
    weight = torch.randn(N + 1, D, generator=generator, dtype=dtype, requires_grad=True)
    offsets = torch.randn(N + 1, generator=generator, dtype=dtype, requires_grad=True) if bias else None
    targets = torch.randint(1, N + 1, (M,), generator=generator)
    return hidden, targets, OutputLayer(weight, offsets)


def gradients(value, hidden, output):
    wanted = [hidden, output.weight] + ([output.bias] if output.bias is not None else [])
    return torch.autograd.grad(value, wanted)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("scores_per_chunk", [1, 100, 10**6])
@pytest.mark.parametrize("items_per_product", [1, 7, 4096])
def test_cross_entropy_equals_torch_whatever_the_chunks(bias, scores_per_chunk, items_per_product, monkeypatch):
    monkeypatch.setattr(cross_entropy, "ITEMS_PER_PRODUCT", items_per_product)
    monkeypatch.setattr(cross_entropy, "SCORES_PER_CHUNK", scores_per_chunk)
    monkeypatch.setattr(cross_entropy, "POSITIONS_PER_CHUNK", 1)
    hidden, targets, output = inputs(bias)
    loss = CrossEntropyLossConfig().implementation()(CrossEntropyLossConfig())
    ours = loss(hidden, targets, output, torch.Generator())
    scores = hidden @ output.weight[1:].T + (0 if output.bias is None else output.bias[1:])
    theirs = F.cross_entropy(scores, targets - 1)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)
    # Scaled, as gradient accumulation would: the stored gradients must follow.
    for a, b in zip(gradients(3 * ours, hidden, output), gradients(3 * theirs, hidden, output), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("scores_per_chunk", [100, 10**6])
def test_cross_entropy_as_on_a_gpu_equals_torch(bias, scores_per_chunk, monkeypatch):
    """There items are padded, so that rows of scores begin with a cache line in every product."""
    monkeypatch.setattr(cross_entropy, "is_on_cpu", lambda x: False)
    monkeypatch.setattr(cross_entropy, "SCORES_PER_CHUNK_GPU", scores_per_chunk)
    monkeypatch.setattr(cross_entropy, "POSITIONS_PER_CHUNK", 1)
    hidden, targets, output = inputs(bias)
    ours = CrossEntropyLossConfig().implementation()(CrossEntropyLossConfig())(hidden, targets, output, None)
    scores = hidden @ output.weight[1:].T + (0 if output.bias is None else output.bias[1:])
    theirs = F.cross_entropy(scores, targets - 1)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)
    for a, b in zip(gradients(3 * ours, hidden, output), gradients(3 * theirs, hidden, output), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_cross_entropy_survives_extreme_scores():
    hidden, targets, output = inputs(bias=False, dtype=torch.float32)
    loss = CrossEntropyLossConfig().implementation()(CrossEntropyLossConfig())
    value = loss(hidden * 1e4, targets, output, torch.Generator())
    # The chances of most targets are smaller than a float32 can hold, and the loss is right all the same.
    torch.testing.assert_close(value, F.cross_entropy(hidden * 1e4 @ output.weight[1:].T, targets - 1))
    assert all(torch.isfinite(g).all() for g in gradients(value, hidden, output))


@pytest.mark.parametrize("items_per_product", [7, 4096])
def test_cross_entropy_of_an_autocast_encoder_is_that_of_rounded_numbers(items_per_product, monkeypatch):
    """Products run in bfloat16; sums do not, so only the rounding of inputs and of single products is seen."""
    monkeypatch.setattr(cross_entropy, "ITEMS_PER_PRODUCT", items_per_product)
    hidden, targets, output = inputs(bias=True, dtype=torch.float32)
    loss = CrossEntropyLossConfig().implementation()(CrossEntropyLossConfig())
    low = hidden.detach().bfloat16().requires_grad_()
    exact, rounded = (loss(h, targets, output, torch.Generator()) for h in (hidden, low))
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, exact, rtol=5e-3, atol=0)
    for a, b in zip(gradients(rounded, low, output), gradients(exact, hidden, output), strict=True):
        torch.testing.assert_close(a.float(), b, rtol=0.05, atol=1e-3)


@pytest.mark.parametrize("n_targets", [333, 1001])
def test_no_constant_factor_is_left_on_what_an_autocast_encoder_gets(n_targets):
    """The number of targets is no bfloat16 number, and its rounding would be on all of the gradient alike."""
    stream = torch.Generator().manual_seed(0)
    low = torch.randn(n_targets, 16, generator=stream).bfloat16().requires_grad_()
    output = OutputLayer(torch.randn(51, 16, generator=stream).bfloat16().float().requires_grad_(), None)
    targets = torch.randint(1, 51, (n_targets,), generator=stream)
    value = CrossEntropyLossConfig().implementation()(CrossEntropyLossConfig())(low, targets, output, stream)
    exact = low.detach().float().requires_grad_()
    wanted = gradients(F.cross_entropy(exact @ output.weight[1:].T, targets - 1), exact, output)[0]
    found = gradients(value, low, output)[0].float()
    assert (found * wanted).sum() / wanted.square().sum() == pytest.approx(1, abs=4e-4)


@pytest.mark.parametrize("config", LOSSES, ids=lambda c: c.kind)
def test_padding_is_never_an_answer(config):
    """Row 0 of the output layer is padding: it is neither a target nor a negative and gets no gradient."""
    hidden, targets, output = inputs(bias=True)
    value = config.implementation()(config)(hidden, targets, output, torch.Generator().manual_seed(0))
    _, weight, bias = gradients(value, hidden, output)
    assert weight[0].abs().max() == 0
    assert bias[0] == 0


@pytest.mark.parametrize("config", LOSSES, ids=lambda c: c.kind)
def test_raising_the_target_lowers_the_loss(config):
    hidden, targets, output = inputs(bias=True)
    value = config.implementation()(config)(hidden, targets, output, torch.Generator().manual_seed(0))
    (gradient,) = torch.autograd.grad(value, hidden)
    towards = (gradient * output.weight[targets]).sum(1)
    assert (towards < 0).double().mean() > 0.9


@pytest.mark.parametrize("config", LOSSES, ids=lambda c: c.kind)
def test_a_loss_is_a_mean_over_targets(config):
    """Ten times as many of the same targets are no larger loss but for the negatives, which are drawn anew."""
    hidden, targets, output = inputs(bias=True)
    loss = config.implementation()(config)
    once, tenfold = (
        loss(hidden.repeat(n, 1), targets.repeat(n), output, torch.Generator().manual_seed(0)).item() for n in (1, 10)
    )
    assert 0.5 < tenfold / once < 2


def test_negatives_are_uniform_over_all_other_items():
    targets = torch.full((20_000,), 5)
    drawn = draw_negatives(targets, 3, 10, torch.Generator().manual_seed(0))
    counts = torch.bincount(drawn.flatten(), minlength=11)
    assert counts[0] == counts[5] == 0
    others = counts[[1, 2, 3, 4, 6, 7, 8, 9, 10]].double()
    expected = 60_000 / 9
    # Chi-square with 8 degrees of freedom: 26.1 is its 0.999 quantile.
    assert ((others - expected) ** 2 / expected).sum() < 26.1


def test_sampled_softmax_with_every_negative_is_the_full_softmax(monkeypatch):
    hidden, targets, output = inputs(bias=False)
    everything = torch.stack([torch.tensor([i for i in range(1, N + 1) if i != t]) for t in targets.tolist()])
    monkeypatch.setattr("hydrarec.losses.sampled_softmax.draw_negatives", lambda *_: everything)
    config = SampledSoftmaxLossConfig(n_negatives=N - 1)
    value = config.implementation()(config)(hidden, targets, output, torch.Generator())
    expected = F.cross_entropy(hidden @ output.weight[1:].T, targets - 1)
    torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("numbers", [1, 40, 2**18])
def test_scores_of_few_items_are_products_with_their_embeddings(bias, numbers, monkeypatch):
    monkeypatch.setitem(base.NUMBERS, "cpu", numbers)
    stream = torch.Generator().manual_seed(0)
    hidden, weight = (torch.randn(n, 4, generator=stream).requires_grad_() for n in (7, 6))
    # Items that stand twice in a row, and one, 5, in none.
    items = torch.randint(1, 5, (7, 6), generator=stream)
    output = OutputLayer(weight, torch.randn(6, generator=stream).requires_grad_() if bias else None)
    upstream = torch.randn(7, 6, generator=stream)
    leaves = [x for x in (hidden, weight, output.bias) if x is not None]
    expected = (hidden[:, None] * weight[items]).sum(2) + (output.bias[items] if bias else 0)
    found = base.score_items(hidden, items, output)
    torch.testing.assert_close(found, expected)
    for one, other in zip(
        *(torch.autograd.grad(scores, leaves, upstream) for scores in (found, expected)), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_gbce_calibration_has_its_limits():
    plain = BinaryCrossEntropyLossConfig(n_negatives=4, calibration=0.0)
    full = BinaryCrossEntropyLossConfig(n_negatives=4, calibration=1.0)
    assert plain.implementation()(plain).beta(101) == pytest.approx(1.0)
    assert full.implementation()(full).beta(101) == pytest.approx(4 / 100)


def test_binary_cross_entropy_equals_torch(monkeypatch):
    hidden, targets, output = inputs(bias=True)
    negatives = torch.randint(1, N + 1, (M, 2), generator=torch.Generator().manual_seed(3))
    monkeypatch.setattr("hydrarec.losses.binary_cross_entropy.draw_negatives", lambda *_: negatives)
    config = BinaryCrossEntropyLossConfig(n_negatives=2)
    value = config.implementation()(config)(hidden, targets, output, torch.Generator())
    items = torch.cat([targets[:, None], negatives], dim=1)
    scores = (hidden[:, None] * output.weight[items]).sum(-1) + output.bias[items]
    labels = torch.zeros_like(scores)
    labels[:, 0] = 1
    torch.testing.assert_close(value.double(), F.binary_cross_entropy_with_logits(scores, labels), rtol=1e-5, atol=1e-6)
