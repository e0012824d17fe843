"""How blocks are run: what the last one leaves out, and what a state is."""

import pytest
import torch

from hydrarec.config.attention import (
    AttentionConfig,
    HydraAttentionConfig,
    LinearAttentionConfig,
    RetentionAttentionConfig,
)
from hydrarec.config.encoder import EncoderConfig
from hydrarec.config.models import Bert4recModelConfig, FmlpModelConfig, SasrecModelConfig
from hydrarec.masking.base import View, bidirectional_visibility, last_positions
from hydrarec.models.base import Blueprint
from hydrarec.sequences.batches import Batch
from hydrarec.sequences.output_positions import OutputPositions
from hydrarec.sequences.visibility import Visibility

N, D, T = 30, 8, 6
OUTPUTS = OutputPositions(torch.tensor([2, 5, 9]))


def build(config, attention: AttentionConfig | None, n_layers=3):
    torch.manual_seed(0)
    encoder = EncoderConfig(d_model=D, n_layers=n_layers, max_length=T)
    return config.implementation()(Blueprint(config, encoder, attention, n_items=N, n_special_tokens=1)).double().eval()


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(
    ("config", "attention"),
    [
        (SasrecModelConfig(), HydraAttentionConfig()),
        (Bert4recModelConfig(), HydraAttentionConfig()),
        (FmlpModelConfig(), None),
    ],
)
def test_after_the_last_mixing_only_output_positions_are_computed(config, attention, causal):
    model = build(config, attention)
    rows = []
    for block in model.blocks:
        block.feed_forward.register_forward_hook(lambda _, inputs, __: rows.append(inputs[0].numel() // D))
    batch = Batch(torch.randint(1, N + 1, (2, T)), torch.full((2,), T))
    assert model(View(batch, Visibility(causal, padding_mask=None), OUTPUTS)).shape == (3, D)
    assert rows == [2 * T, 2 * T, 3]


@pytest.mark.parametrize("attention", [HydraAttentionConfig(), RetentionAttentionConfig()])
def test_only_output_positions_attend_if_the_operator_can_do_with_their_queries(attention):
    model, rows = build(SasrecModelConfig(), attention), []
    for block in model.blocks:
        block.attention.query.register_forward_hook(lambda _, inputs, __: rows.append(inputs[0].numel() // D))
    batch = Batch(torch.randint(1, N + 1, (2, T)), torch.full((2,), T))
    newest = last_positions(batch, bidirectional_visibility(batch))
    model(View(batch, Visibility(causal=True, padding_mask=None), newest))
    assert rows == [2 * T, 2 * T, 2 if model.blocks[-1].attention.operator.supports_query_subset else 2 * T]


@pytest.mark.parametrize("n_layers", [1, 3])
def test_the_state_is_the_position_and_every_block_s_own(n_layers):
    model = build(SasrecModelConfig(), LinearAttentionConfig(), n_layers)
    _, first = model.step(torch.tensor([4, 7]), None)
    _, second = model.step(torch.tensor([4, 7]), first)
    assert [len(first), int(first[0]), int(second[0])] == [1 + n_layers, 1, 2]
    # A step changes no state in place: a history can be continued in two ways.
    again, _ = model.step(torch.tensor([1, 2]), first)
    once_more, _ = model.step(torch.tensor([1, 2]), first)
    assert torch.equal(again, once_more)
