"""Counts are those of PyTorch's counter where it sees anything, and of a count by hand where it does not."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from hydrarec.config.attention import HydraAttentionConfig, SoftmaxAttentionConfig
from hydrarec.efficiency.operations import COUNTS, Operations, Shape, least_bytes, linear_layers, mixing
from hydrarec.sequences.visibility import Visibility
from tests.contract.kinds import ATTENTIONS, VARIANTS

SHAPES = [(17, 24, 2, 2), (64, 32, 2, 3), (130, 64, 2, 2), (200, 48, 1, 1)]
"""T, D, H, B: within a chunk, exactly one, chunks with a rest."""


def seen_by_the_counter(config, shape):
    operator = config.implementation()(
        config, d_model=shape.d_model, n_heads=shape.n_heads, max_length=shape.length
    ).eval()
    q, k, v = (torch.randn(shape.batch, n, shape.d_model) for n in (int(shape.queries), shape.length, shape.length))
    # The counter knows the products of the unfused form only, and operators that use it inside follow this.
    with FlopCounterMode(display=False) as counter, sdpa_kernel([SDPBackend.MATH]):
        operator(q, k, v, Visibility(causal=shape.causal, padding_mask=None))
    return counter.get_total_flops()


FORMS = [
    pytest.param(config, causal, id=f"{config.kind}-{'causal' if causal else 'bidirectional'}")
    for config in [*ATTENTIONS, *VARIANTS]
    for causal in (True, False)
    # Hydra has none; its running sums may be computed by products, which are not what the method needs.
    if not config.why_no_form(causal) and config.kind != "hydra" and getattr(config, "backend", "math") == "math"
]


@pytest.mark.parametrize(("config", "causal"), FORMS)
def test_matrix_products_are_those_that_the_counter_sees(config, causal):
    for length, d_model, n_heads, batch in SHAPES:
        if getattr(config, "n_heads", None) and d_model % config.n_heads:
            continue
        shape = Shape(length, d_model, n_heads, causal, batch)
        seen, counted = seen_by_the_counter(config, shape), mixing(config, shape)
        if config.kind == "softmax" and causal:
            # It counts the hidden half too, which fused kernels leave out.
            assert counted.matmul == pytest.approx(seen * (length + 1) / (2 * length))
        else:
            assert counted.matmul == seen


@pytest.mark.parametrize(
    "config", [p.values[0] for p in FORMS if not p.values[1] and p.values[0].implementation().supports_query_subset]
)
def test_fewer_queries_take_less(config):
    few, all_ = (Shape(200, 48, 1, causal=False, batch=3, n_queries=n) for n in (7, 200))
    assert mixing(config, few).matmul == seen_by_the_counter(config, few)
    assert mixing(config, few).other < mixing(config, all_).other
    assert mixing(config, all_) == mixing(config, Shape(200, 48, 1, causal=False, batch=3))


def test_the_counter_sees_nothing_of_hydra_nor_of_the_fused_kernel_on_a_cpu():
    shape = Shape(64, 32, 2, causal=False)
    for config in (HydraAttentionConfig(), SoftmaxAttentionConfig()):
        assert seen_by_the_counter(config, shape) == 0
        assert mixing(config, shape).total > 0
    assert mixing(HydraAttentionConfig(), shape) == Operations(0.0, 9.0 * 64 * 32)


def test_every_operator_is_counted():
    assert set(COUNTS) == {config.kind for config in ATTENTIONS}


@pytest.mark.parametrize("config", ATTENTIONS, ids=lambda config: config.kind)
def test_counts_grow_with_the_batch_and_with_length(config):
    causal = not config.no_causal_form
    one, two, long = (mixing(config, Shape(n, 32, 2, causal, b, 512)).total for n, b in ((128, 1), (128, 2), (512, 1)))
    assert one < two <= 2 * one
    # Four times as long: linear kernels four times, softmax sixteen times.
    assert 3.9 * one < long < 16.1 * one


def test_linear_layers_are_counted_without_those_of_a_part_left_out():
    inner = torch.nn.Linear(3, 5)
    whole = torch.nn.Sequential(torch.nn.Linear(2, 3), inner)
    assert linear_layers(whole) == 2 * (2 * 3 + 3 * 5)
    assert linear_layers(whole, inner) == 2 * 2 * 3


def test_bytes_are_of_the_tensors_that_cannot_be_avoided():
    shape = Shape(10, 4, 1, causal=True, batch=3)
    assert least_bytes(shape, training=False, number_bytes=4) == 4 * 4 * 120
    assert least_bytes(shape, training=True, number_bytes=2) == 2 * 11 * 120
