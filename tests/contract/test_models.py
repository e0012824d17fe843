"""What every model must do with every operator and masking it can be combined with."""

import functools
import itertools

import pytest
import torch
from scipy.stats import truncnorm
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from hydrarec.attention.base import IncrementalOperator
from hydrarec.config import RunSettings
from hydrarec.models.base import IncrementalModel
from hydrarec.sequences.batches import Batch
from hydrarec.sequences.output_positions import select_positions
from hydrarec.sequences.visibility import Visibility
from hydrarec.training import checkpoint
from tests.contract.batches import batch_of
from tests.contract.kinds import ATTENTIONS, MASKINGS, MODELS

N, T = 40, 24
ROWS = ([3, 7, 9, 4, 11, 2], [5, 6, 8], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [12])


def combinations():
    for model, masking in itertools.product(MODELS, MASKINGS):
        for attention in ATTENTIONS if model.takes_attention else [None]:
            if any(mixer and mixer.why_no_form(masking.causal) for mixer in (model, attention)):
                continue
            parts = (model.kind, attention.kind if attention else "none", masking.kind)
            yield pytest.param(
                RunSettings.model_validate(
                    {
                        "run": {
                            "id": "x",
                            "model": model.model_dump(),
                            "attention": attention.model_dump() if attention else None,
                            "masking": masking.model_dump(),
                        },
                        "encoder": {"d_model": 16, "n_heads": 2, "max_length": T, "dropout": 0.1},
                        "loss": {"kind": "cross_entropy"},
                        "training": {},
                    }
                ),
                id="+".join(parts),
            )


ALL = list(combinations())
CAUSAL = [p for p in ALL if p.values[0].run.masking.causal]


def build(settings, seed=0):
    model, masking = checkpoint.build(settings, N, seed)
    # The small initial weights would hide small leaks.
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(20)
    # In double precision, since weights of that size let a recurrence blow up the rounding of single precision.
    return model.double().eval(), masking


def ask(model, masking, *rows):
    with torch.no_grad():
        return model(masking.inference_view(batch_of(*rows)))


@pytest.mark.parametrize("settings", ALL)
def test_hidden_states_have_the_shape_of_the_output_positions_and_are_finite(settings):
    model, masking = build(settings)
    view = masking.training_view(batch_of(*[r for r in ROWS if len(r) > 1]), torch.Generator().manual_seed(0))
    hidden = model(view)
    assert hidden.shape == (len(view.output_positions.index), 16)
    assert torch.isfinite(hidden).all()
    output = model.output_layer()
    assert output.weight.shape == (N + 1, 16)
    assert output.bias is None or output.bias.shape == (N + 1,)


@pytest.mark.parametrize("settings", ALL)
def test_output_positions_are_what_they_are_among_all(settings):
    """In values and gradients: that the others are not computed to the end must make no difference."""
    model, masking = build(settings)
    view = masking.training_view(batch_of(*[r for r in ROWS if len(r) > 1]), torch.Generator().manual_seed(0))
    both = [model(view), select_positions(model.encode(view.batch, view.visibility), view.output_positions)]
    torch.testing.assert_close(*both, rtol=1e-10, atol=1e-11)
    weights = torch.randn(both[0].shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    used = [parameter for parameter in model.parameters() if parameter is not getattr(model, "output_bias", None)]
    gradients = [torch.autograd.grad((hidden * weights).sum(), used) for hidden in both]
    # Some gradients are zero but for rounding, so what counts as small is decided by the largest.
    largest = max(float(gradient.abs().max()) for gradient in gradients[0])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-12 * largest)


@pytest.mark.parametrize("settings", ALL)
def test_the_output_position_of_a_history_is_what_it_is_among_all(settings):
    model, masking = build(settings)
    view = masking.inference_view(batch_of(*ROWS))
    with torch.no_grad():
        both = model(view), select_positions(model.encode(view.batch, view.visibility), view.output_positions)
    torch.testing.assert_close(*both, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("settings", ALL)
def test_neighbours_in_the_batch_and_padding_change_nothing(settings):
    model, masking = build(settings)
    together = ask(model, masking, *ROWS)
    for i, row in enumerate(ROWS):
        torch.testing.assert_close(ask(model, masking, row)[0], together[i], rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("settings", CAUSAL)
def test_a_later_item_never_changes_an_earlier_hidden_state(settings):
    model, _ = build(settings)
    before = batch_of(ROWS[2])
    after = Batch(torch.cat([before.items[:, :6], before.items[:, 6:] + 20], dim=1), before.lengths)
    visibility = Visibility(causal=True, padding_mask=None)
    with torch.no_grad():
        first, second = model.encode(before, visibility), model.encode(after, visibility)
    assert torch.equal(first[:, :6], second[:, :6])
    assert not torch.allclose(first[:, 6:], second[:, 6:])


@pytest.mark.parametrize("settings", CAUSAL)
def test_nor_does_it_in_long_histories(settings):
    """Where a model works on stretches of positions, the future may be one within a stretch."""
    longer = settings.model_copy(update={"encoder": settings.encoder.model_copy(update={"max_length": 200})})
    model, _ = checkpoint.build(longer, N, 0)
    model.double().eval()
    visibility = Visibility(causal=True, padding_mask=None)
    for length, kept in ((63, 31), (130, 128), (200, 77)):
        items = torch.randint(1, N // 2 + 1, (1, length), generator=torch.Generator().manual_seed(length))
        before = Batch(items, torch.tensor([length]))
        after = Batch(torch.cat([items[:, :kept], items[:, kept:] + N // 2], dim=1), before.lengths)
        with torch.no_grad():
            first, second = model.encode(before, visibility), model.encode(after, visibility)
        assert torch.equal(first[:, :kept], second[:, :kept])
        assert not torch.allclose(first[:, kept:], second[:, kept:])


@pytest.mark.parametrize("settings", CAUSAL)
def test_a_growing_history_leaves_earlier_hidden_states_alone(settings):
    model, _ = build(settings)
    visibility = Visibility(causal=True, padding_mask=None)
    with torch.no_grad():
        short, long = model.encode(batch_of(ROWS[2][:6]), visibility), model.encode(batch_of(ROWS[2]), visibility)
    torch.testing.assert_close(long[:, :6], short, rtol=1e-8, atol=1e-9)


def is_incremental(settings):
    run = settings.run
    if run.attention is None:
        return issubclass(run.model.implementation(), IncrementalModel)
    return issubclass(run.attention.implementation(), IncrementalOperator)


INCREMENTAL = [p for p in CAUSAL if is_incremental(p.values[0])]


@pytest.mark.parametrize("settings", INCREMENTAL)
def test_steps_give_what_the_full_pass_gives(settings):
    model, _ = build(settings)
    batch = batch_of(ROWS[2], [11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
    state, hidden, sizes = None, [], set()
    with torch.no_grad():
        for items in batch.items.T:
            output, state = model.step(items, state)
            hidden.append(output)
            sizes.add(tuple(part.shape for part in state))
        full = model.encode(batch, Visibility(causal=True, padding_mask=None))
    torch.testing.assert_close(torch.stack(hidden, dim=1), full, rtol=1e-8, atol=1e-9)
    assert len(sizes) == 1


@pytest.mark.parametrize("settings", [p for p in CAUSAL if p not in INCREMENTAL])
def test_what_is_not_incremental_says_so(settings):
    model, _ = build(settings)
    names = "those that can: .*hydra" if settings.run.attention else ""
    with pytest.raises(ValueError, match=f"is not incremental and cannot take in one item at a time.*{names}"):
        model.step(torch.tensor([1]), None)


@pytest.mark.parametrize(
    "settings",
    [p for p in INCREMENTAL if getattr(p.values[0].run.model.implementation(), "has_positions", False)],
)
def test_steps_end_with_the_positions(settings):
    model, _ = build(settings)
    state, item = None, torch.tensor([1])
    with torch.no_grad():
        for _ in range(T):
            _, state = model.step(item, state)
        with pytest.raises(ValueError, match=f"max_length = {T} items already"):
            model.step(item, state)


@pytest.mark.parametrize("settings", CAUSAL)
def test_the_gradient_of_an_output_reaches_no_later_item(settings):
    model, _ = build(settings)
    batch = batch_of(ROWS[2])
    hidden = model.encode(batch, Visibility(causal=True, padding_mask=None))
    (gradient,) = torch.autograd.grad(hidden[0, 4].square().sum(), model.item_embedding.weight)
    touched = set(gradient.abs().sum(1).nonzero().squeeze(1).tolist())
    assert touched == set(ROWS[2][:5])


def hiding_the_last_item(settings, probability):
    """Return the settings with this share of rows whose last item alone is hidden; causal masking always does."""
    if settings.run.masking.causal:
        return settings
    masking = settings.run.masking.model_copy(update={"last_item_probability": probability})
    return settings.model_copy(update={"run": settings.run.model_copy(update={"masking": masking})})


@pytest.mark.parametrize("settings", ALL)
def test_a_hidden_target_leaves_no_trace(settings):
    """The training view of a sequence must not depend on the item that is to be predicted."""
    model, masking = build(hiding_the_last_item(settings, 1.0))
    a, b = (batch_of([*ROWS[2][:-1], last]) for last in (21, 22))
    views = [masking.training_view(batch, torch.Generator().manual_seed(5)) for batch in (a, b)]
    assert views[0].targets[-1] != views[1].targets[-1]
    with torch.no_grad():
        assert torch.equal(model(views[0]), model(views[1]))


@pytest.mark.parametrize("kind", ["sasrec", "bert4rec"])
def test_only_the_last_layers_can_use_the_operator(kind):
    settings = next(p.values[0] for p in CAUSAL if p.id == f"{kind}+hydra+causal")
    attention = settings.run.attention.model_copy(update={"last_n_layers": 1})
    run = settings.run.model_copy(update={"attention": attention})
    model, _ = build(settings.model_copy(update={"run": run}))
    assert [block.attention.operator.config.kind for block in model.blocks] == ["softmax", "hydra"]


@pytest.mark.parametrize("settings", ALL)
def test_order_matters(settings):
    """The newest item stays, the ones before it swap: a model that cannot tell is no sequence model."""
    model, masking = build(settings)
    forward, swapped = ask(model, masking, [1, 2, 3, 4, 5], [4, 3, 2, 1, 5])
    assert not torch.allclose(forward, swapped, atol=1e-4)


@pytest.mark.parametrize("settings", ALL)
def test_a_checkpoint_gives_back_the_same_model(settings, tmp_path):
    model, masking = checkpoint.build(settings, N, seed=3)
    checkpoint.save(checkpoint.weights_of(model), settings, N, tmp_path / "model.safetensors")
    _, loaded, _ = checkpoint.load(tmp_path / "model.safetensors")
    assert torch.equal(ask(model.eval(), masking, *ROWS), ask(loaded, masking, *ROWS))
    first = (tmp_path / "model.safetensors").read_bytes()
    checkpoint.save(checkpoint.weights_of(model), settings, N, tmp_path / "model.safetensors")
    assert (tmp_path / "model.safetensors").read_bytes() == first


@pytest.mark.parametrize("settings", ALL)
def test_the_seed_decides_the_initial_weights(settings):
    weights = [checkpoint.build(settings, N, seed)[0].state_dict() for seed in (0, 0, 1)]
    name = "item_embedding.weight"
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    assert not torch.equal(weights[0][name], weights[2][name])


def test_all_combinations_start_from_the_same_item_embeddings():
    tables = [checkpoint.build(p.values[0], N, seed=7)[0].item_embedding.weight[: N + 1] for p in ALL]
    assert all(torch.equal(table, tables[0]) for table in tables)


@pytest.mark.parametrize("settings", ALL)
def test_eight_users_can_be_learnt_by_heart(settings):
    # By heart means without dropout, which also would make the outcome depend on the tests that ran before.
    encoder = settings.encoder.model_copy(update={"dropout": 0.0})
    # The last item is what is predicted in the end. Hidden in a tenth of the rows, it is sometimes learnt too late.
    settings = hiding_the_last_item(settings.model_copy(update={"encoder": encoder}), 0.5)
    model, masking = checkpoint.build(settings, N, seed=0)
    generator = torch.Generator().manual_seed(0)
    rows = [torch.randperm(N, generator=generator)[:9].add(1).tolist() for _ in range(8)]
    loss = settings.loss.implementation()(settings.loss)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    # Smaller and smaller steps, or the last one may be an unlucky one.
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, total_iters=400)
    masks = torch.Generator().manual_seed(1)

    def learnt():
        output = model.eval().output_layer()
        scores = ask(model, masking, *(row[:-1] for row in rows)) @ output.weight.T
        scores = scores if output.bias is None else scores + output.bias
        return (scores[:, 1:].argmax(1) + 1).tolist() == [row[-1] for row in rows]

    for step in range(400):
        # Most take a tenth of the steps that the slowest one needs.
        if step % 20 == 0 and learnt():
            return
        model.train()
        view = masking.training_view(batch_of(*rows), masks)
        value = loss(model(view), view.targets, model.output_layer(), masks)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        schedule.step()
    assert learnt()


def test_parameters_are_counted():
    """The counts that the papers' layouts imply at D = 16, two layers, N = 40, T = 24."""
    d, n, t = 16, N + 1, T
    projections = 4 * (d * d + d)
    sasrec = n * d + t * d + 2 * (projections + 2 * (d * d + d) + 2 * 2 * d) + 2 * d
    bert4rec = n * d + t * d + 2 * d + 2 * (projections + (4 * d * d + 4 * d) + (4 * d * d + d) + 2 * 2 * d)
    bert4rec += (d * d + d + 2 * d) + n
    expected = {"sasrec": sasrec, "bert4rec": bert4rec}
    for parameter in ALL:
        settings = parameter.values[0]
        model, masking = checkpoint.build(settings, N)
        own = sum(p.numel() for name, p in model.named_parameters() if ".operator." in name)
        count = sum(p.numel() for p in model.parameters()) - own - masking.n_special_tokens * d
        if settings.run.model.kind in expected:
            assert count == expected[settings.run.model.kind]


EVERY, OUTPUTS = "every position", "output positions"
D, F = 16, 64
COMPUTED = "no module's output"


def two_layers(*dropped):
    """Return what is dropped in each of two blocks; in the last, once positions are mixed, at output positions only."""
    return [(f"blocks.{i}.{of}", where, width) for i, where in enumerate((EVERY, OUTPUTS)) for of, width in dropped]


RECURRENT_BLOCK = [("mixer", D), ("feed_forward.1", F), ("feed_forward", D)]
DROPPED = {
    # x = drop(sqrt(D) E + P);  h = norm(q + drop(attention)), x = h + drop(W_2 drop(relu(W_1 h)))
    "sasrec": [(COMPUTED, EVERY, D), *two_layers(("attention", D), ("feed_forward.1", D), ("feed_forward", D))],
    # x = drop(norm(E + P));  h = norm(x + drop(attention)), x = norm(h + drop(W_2 gelu(W_1 h)))
    "bert4rec": [("input_norm", EVERY, D), *two_layers(("attention", D), ("feed_forward", D))],
    # x = drop(norm(E + P));  h = norm(x + drop(filter)), x = norm(h + drop(W_2 gelu(W_1 h)))
    "fmlp": [("input_norm", EVERY, D), *two_layers(("filter", D), ("feed_forward", D))],
    # x = norm(drop(E));  h = norm(x + drop(mixer)), x = norm(h + drop(W_2 drop(gelu(W_1 h))))
    "lru": [("item_embedding", EVERY, D), *two_layers(*RECURRENT_BLOCK)],
    "ssd": [("item_embedding", EVERY, D), *two_layers(*RECURRENT_BLOCK)],
    # x = drop(sqrt(D) E + P);  x = x + W_o drop(norm(A V) * U)
    "hstu": [(COMPUTED, EVERY, D), (COMPUTED, EVERY, D), (COMPUTED, OUTPUTS, D)],
    # x = drop(E);  each layer gets drop(x)
    "gru4rec": [("item_embedding", EVERY, D), ("layers.0", EVERY, D)],
    # relu(W drop([o; p])): 16 filters of each of 5 heights, 4 vertical ones of D features
    "caser": [(COMPUTED, OUTPUTS, 5 * 16 + 4 * D)],
}
"""What is dropped in a training step, in order: the outputs of which module, where, and how wide. Written from the
formulas of `docs/models`, for two layers of the sizes of `combinations`."""


def is_dropout(module):
    return isinstance(module, _DropoutNd)


class Watch:
    """What a model drops: of which module's outputs, the shape, the probability, and what is left of it."""

    def __init__(self, model, view):
        self.view, self.outputs, self.sites, self.probabilities, self.left = view, [], [], set(), []
        for name, module in model.named_modules():
            module.register_forward_hook(functools.partial(self.note, name))

    def note(self, name, module, inputs, output):
        output = output[0] if isinstance(output, tuple) else output
        if not is_dropout(module):
            self.outputs.append((name, output))
        elif module.p > 0:
            self.sites.append((self.origin(inputs[0]), tuple(inputs[0].shape)))
            self.probabilities.add(module.p)
            output.retain_grad()
            self.left.append(output)

    def origin(self, x):
        # Of several modules with the same output, the outermost comes last.
        for name, output in reversed(self.outputs):
            whole = output.shape[:2] == self.view.batch.items.shape
            if output is x or (whole and torch.equal(select_positions(output, self.view.output_positions), x)):
                return name
        return COMPUTED


@pytest.mark.parametrize("settings", ALL)
def test_what_is_dropped_is_what_the_layout_says(settings):
    """Once and no more often, with the one probability, whatever operator is inside."""
    model, masking = checkpoint.build(settings, N, seed=0)
    view = masking.training_view(batch_of(*[r for r in ROWS if len(r) > 1]), torch.Generator().manual_seed(0))
    watch = Watch(model, view)
    torch.manual_seed(0)
    hidden = model.train()(view)
    assert watch.probabilities == {settings.encoder.dropout}
    shapes = {EVERY: tuple(view.batch.items.shape), OUTPUTS: (len(view.output_positions.index),)}
    if settings.run.model.kind in DROPPED:
        expected = DROPPED[settings.run.model.kind]
        assert watch.sites == [(of, (*shapes[where], width)) for of, where, width in expected]
    # The model goes on with what is left, and leaves nothing else to chance.
    (hidden * torch.randn(hidden.shape, generator=torch.Generator().manual_seed(1))).sum().backward()
    assert all(x.grad is not None and x.grad.any() for x in watch.left)
    for module in filter(is_dropout, model.modules()):
        module.p = 0.0
    torch.testing.assert_close(model(view), model.eval()(view))


@pytest.mark.parametrize("settings", ALL)
def test_weights_start_as_bert_s_do(settings):
    """Normal with standard deviation 0.02, drawn again beyond two of them; biases at 0."""
    model, _ = checkpoint.build(settings, N, seed=0)
    layers = {name: m for name, m in model.named_modules() if isinstance(m, nn.Linear | nn.Embedding)}
    weights = {name: layer.weight.detach().flatten().double() for name, layer in layers.items()}
    std = truncnorm.std(-2, 2, scale=0.02)
    for name, weight in {**weights, "all": torch.cat(list(weights.values()))}.items():
        # Five standard errors.
        assert weight.mean() == pytest.approx(0, abs=5 * std / len(weight) ** 0.5), name
        assert weight.std() == pytest.approx(std, rel=5 / (2 * len(weight)) ** 0.5), name
        assert weight.abs().max() <= 0.04 + 1e-9, name
    assert not any(layer.bias.any() for layer in layers.values() if getattr(layer, "bias", None) is not None)
