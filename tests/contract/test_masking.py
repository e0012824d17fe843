"""What every masking must do: nothing that is to be predicted may be seen."""

import pytest
import torch

from tests.contract.batches import batch_of
from tests.contract.kinds import MASKINGS

N = 30
ROWS = ([3, 7, 9, 4, 11, 2], [5, 6, 8], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [12, 13])


def build(config):
    return config.implementation()(config, N)


@pytest.mark.parametrize("config", MASKINGS, ids=lambda c: c.kind)
def test_each_row_has_targets_and_they_are_its_own_items(config):
    view = build(config).training_view(batch_of(*ROWS), torch.Generator().manual_seed(0))
    rows = view.output_positions.index // view.batch.items.shape[1]
    assert set(rows.tolist()) == set(range(len(ROWS)))
    for row, target in zip(rows.tolist(), view.targets.tolist(), strict=True):
        assert target in ROWS[row]


@pytest.mark.parametrize("config", MASKINGS, ids=lambda c: c.kind)
def test_a_target_is_never_visible_to_the_position_that_predicts_it(config):
    """Leak canary: every row's items are distinct, so a target among what its position sees is a leak."""
    for seed in range(20):
        view = build(config).training_view(batch_of(*ROWS), torch.Generator().manual_seed(seed))
        width = view.batch.items.shape[1]
        may_see = view.visibility.attention_mask(width, torch.device("cpu")).expand(len(ROWS), -1, -1)
        for index, target in zip(view.output_positions.index.tolist(), view.targets.tolist(), strict=True):
            row, position = divmod(index, width)
            assert target not in view.batch.items[row][may_see[row, position]].tolist()


@pytest.mark.parametrize("config", MASKINGS, ids=lambda c: c.kind)
def test_inference_has_one_output_position_behind_or_at_the_newest_item(config):
    masking, batch = build(config), batch_of(*ROWS)
    view = masking.inference_view(batch)
    assert len(view.output_positions.index) == len(ROWS)
    width = view.batch.items.shape[1]
    for row, index in enumerate(view.output_positions.index.tolist()):
        assert index == row * width + int(view.batch.lengths[row]) - 1
        history = [item for item in view.batch.items[row].tolist() if 0 < item <= N]
        assert history == list(ROWS[row])
        assert view.batch.items[row, : view.batch.lengths[row]].min() > 0


@pytest.mark.parametrize("config", MASKINGS, ids=lambda c: c.kind)
def test_full_context_is_of_positions_that_see_all_real_ones(config):
    masking, batch = build(config), batch_of(*ROWS)
    training = masking.training_view(batch, torch.Generator().manual_seed(0))
    for view in (training, masking.inference_view(batch)):
        rows, width = view.batch.items.shape
        full_context = view.output_positions.full_context
        # At the first positions, causal targets see less.
        assert (full_context is None) == (config.kind == "causal" and view is training)
        if full_context is not None:
            assert not full_context.visibility.causal
            may_see = view.visibility.attention_mask(width, torch.device("cpu")).expand(rows, -1, -1).flatten(0, 1)
            sees = full_context.visibility.attention_mask(width, torch.device("cpu"))[:, 0].expand(rows, -1)
            assert torch.equal(may_see[view.output_positions.index], sees[view.output_positions.index // width])
            places = torch.arange(rows * width)[:, None].view(rows, width, 1)
            queries = full_context.pad(places.flatten(0, 1)[view.output_positions.index])
            assert torch.equal(full_context.unpad(queries).squeeze(1), view.output_positions.index)


@pytest.mark.parametrize("config", MASKINGS, ids=lambda c: c.kind)
def test_windows_fill_the_model_exactly(config):
    masking = build(config)
    rows = [list(range(1, 12))]
    seen = masking.training_view(
        batch_of(rows[0][-masking.training_window(10) :]), torch.Generator().manual_seed(0)
    ).batch
    known = masking.inference_view(batch_of(rows[0][-masking.inference_window(10) :])).batch
    assert seen.items.shape[1] == known.items.shape[1] == 10


@pytest.mark.parametrize("config", MASKINGS, ids=lambda c: c.kind)
def test_a_seed_decides_what_is_hidden(config):
    masking = build(config)
    first, again, other = (
        masking.training_view(batch_of(*ROWS), torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)
    )
    assert torch.equal(first.batch.items, again.batch.items)
    if config.kind == "bidirectional":
        assert not torch.equal(first.batch.items, other.batch.items)


@pytest.mark.parametrize("config", MASKINGS, ids=lambda config: config.kind)
def test_targets_are_as_many_as_expected(config):
    masking = build(config)
    stream = torch.Generator().manual_seed(0)
    for length in (2, 3, 9):
        batch = batch_of(*[[1 + place % 9 for place in range(length)]] * 40_000)
        found = len(masking.training_view(batch, stream).targets) / 40_000
        assert found == pytest.approx(float(masking.expected_targets(torch.tensor([length]))[0]), rel=0.02)


def test_cloze_hides_the_configured_share():
    config = next(c for c in MASKINGS if c.kind == "bidirectional").model_copy(update={"last_item_probability": 0.3})
    masking = build(config)
    rows = [list(range(1, 21)) for _ in range(4000)]
    view = masking.training_view(batch_of(*rows), torch.Generator().manual_seed(0))
    hidden = view.batch.items == masking.mask_token
    only_last = (hidden.sum(1) == 1) & hidden[:, -1]
    # A row hides only its last item by decision, or by chance with p(1-p)^19 and nearly 0.
    by_chance = 0.2 * 0.8**19 + 0.8**20 / 20
    assert abs(only_last.float().mean() - (0.3 + 0.7 * by_chance)) < 0.03
    assert abs(hidden[~only_last].float().mean() - 0.2) < 0.01


def test_cloze_inputs_differ_from_the_originals_only_where_hidden():
    config = next(c for c in MASKINGS if c.kind == "bidirectional")
    masking, batch = build(config), batch_of(*ROWS)
    view = masking.training_view(batch, torch.Generator().manual_seed(1))
    changed = (view.batch.items != batch.items).flatten().nonzero().squeeze(1)
    assert torch.equal(changed, view.output_positions.index)
    assert torch.equal(view.targets, batch.items.flatten()[changed])
