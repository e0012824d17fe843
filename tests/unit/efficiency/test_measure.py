"""What is measured, how memory is found out, and that nothing is left out without a word."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode

from hydrarec.attention.parts.hydra_kernels import should_use_kernel
from hydrarec.config import RunSettings, load
from hydrarec.config.attention import HydraAttentionConfig
from hydrarec.config.efficiency import NO_MIXING
from hydrarec.efficiency import measure as measuring
from hydrarec.efficiency import steps
from hydrarec.efficiency.blocks import block_pieces
from hydrarec.efficiency.memory import Limits, Probe, probe
from hydrarec.efficiency.no_mixing import NoMixing, without_mixing
from hydrarec.efficiency.operators import SMALL_NUMBERS, operator_pieces
from hydrarec.efficiency.pieces import FUSED, MATH, gradients, sizes
from hydrarec.efficiency.variants import Variant, count
from hydrarec.models.blocks import AttentionLayer
from hydrarec.sequences.batches import Batch
from hydrarec.sequences.visibility import Visibility
from hydrarec.training.checkpoint import build
from tests.unit.efficiency.conftest import comparison

WIDE = Limits(seconds=60, mib=4096)


def numbers_of(mib):
    return partial(_fill, mib)


def _fill(mib):
    return partial(torch.ones, mib * 2**18)


def _endless():
    return partial(_spin)


def _spin():
    while True:
        pass


def _mistaken():
    raise RuntimeError("a mistake of ours")


def _both_passes(forward):
    x, upstream = (torch.rand(32 * 2**18) for _ in range(2))
    x.requires_grad_()
    return lambda: gradients(lambda: forward(x), [x], upstream)


def looked_at(build, limits=WIDE):
    return probe(build, device=torch.device("cpu"), threads=1, limits=limits)


def test_peak_memory_is_what_the_work_takes_and_not_what_the_process_had():
    large, small = (looked_at(numbers_of(mib)).peak_mib for mib in (64, 8))
    assert large == pytest.approx(64, abs=8)
    assert large - small == pytest.approx(56, abs=4)


def test_an_output_counts_only_where_the_gradient_needs_it():
    kept, let_go = (looked_at(partial(_both_passes, forward)).peak_mib for forward in (torch.exp, torch.neg))
    # Of 32 MiB each: input, upstream gradient, and either the output and then the gradient, or both.
    assert 96 <= let_go < 96 + 16
    assert kept - let_go == pytest.approx(32, abs=4)


def test_gradients_are_those_of_autograd():
    x, w = (torch.randn(3, 4, requires_grad=True) for _ in range(2))
    upstream = torch.randn(3, 4)
    expected = torch.autograd.grad((x * w).exp(), [x, w], upstream)
    assert_close(gradients(lambda: (x * w).exp(), [x, w], upstream), expected)


def test_what_is_beyond_a_limit_is_skipped_with_the_reason():
    assert looked_at(numbers_of(512), Limits(60, 64)) == Probe(failure="a repetition needs more than 64 MiB")
    assert looked_at(_endless, Limits(0.5, 64)) == Probe(failure="a repetition takes more than 0.5 s")


def test_a_mistake_is_not_taken_for_a_lack_of_memory():
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        looked_at(_mistaken)


def test_operators_are_measured_in_their_forms_beside_both_softmax_kernels(cpu):
    pieces = list(operator_pieces(comparison(), cpu))
    assert {piece.subject for piece in pieces} == {FUSED, MATH, "hydra"}
    assert {piece.form for piece in pieces} == {"causal"}
    assert {piece.subject for piece in pieces if piece.against is None} == {FUSED}
    assert len(pieces) == len({(*piece.series, piece.size) for piece in pieces}) == 3 * 2 * (4 + 2)


def test_blocks_have_one_without_mixing(cpu):
    assert {piece.subject for piece in block_pieces(comparison(), cpu)} == {FUSED, MATH, "hydra", NO_MIXING}


def test_batches_hold_about_as_many_numbers_at_every_size(cpu):
    found = sizes(comparison(), cpu)
    assert {size.batch * size.length * size.width for size in found} == {2048}
    assert all(size.width // size.n_heads == 8 for size in found)
    assert {size.batch for size in sizes(comparison(elements=8), cpu)} == {1}


def test_an_operator_piece_computes_what_the_operator_does(cpu):
    for piece in operator_pieces(comparison(), cpu):
        result = piece.build(cpu)()
        if piece.training:
            assert len(result) == 3
            result = result[0]
        assert result.shape == (piece.units, piece.length, piece.width)
        assert result.isfinite().all()


def test_the_repetition_that_loads_code_goes_the_way_of_the_piece(cpu):
    """Hydra has two, by size; the first use of either reads megabytes of code."""
    piece = next(piece for piece in operator_pieces(comparison(), cpu) if piece.subject == "hydra")
    for units, large in ((1, False), (128, True)):
        piece = replace(piece, units=float(units), length=200, width=64)
        small = piece.small()
        shapes = [(int(x.units), x.length, x.width) for x in (piece, small)]
        assert [should_use_kernel(torch.empty(shape)) for shape in shapes] == [large, large]
        assert small.units * small.length * small.width <= SMALL_NUMBERS


@pytest.mark.parametrize(("device", "compiled", "warm"), [("cpu", False, 0), ("cpu", True, 1), ("cuda", False, 1)])
def test_steps_are_built_warm_where_anything_is_compiled(device, compiled, warm, monkeypatch):
    """As trainings are: a shape that is met first in a round would be timed with its compilation."""
    calls, chosen = [], comparison().settings("sasrec+hydra+causal", "made")
    chosen = chosen.model_copy(update={"training": chosen.training.model_copy(update={"compile": compiled})})
    trainer = SimpleNamespace(
        # What a trainer with these settings on this device says.
        compiles=steps.Trainer.compiles.fget(SimpleNamespace(settings=chosen, device=torch.device(device))),
        warm_up=lambda: calls.append("warm"),
        train_epoch=lambda: calls.append("trained"),
    )
    monkeypatch.setattr(steps, "Trainer", lambda *_, **__: trainer)
    variant = Variant("x", "sasrec", chosen, mixes=True, against=None)
    nothing = SimpleNamespace(train=None, validation=None, catalogue=None)
    steps.StepPiece(**variant.in_common, work="training", units=1.0, data=nothing, seed=0).build(torch.device(device))()
    assert calls == ["warm"] * warm + ["trained"]


def test_counts_are_per_sequence(cpu):
    few, many = (next(operator_pieces(comparison(elements=n), cpu)) for n in (1024, 4096))
    assert many.units == 4 * few.units
    assert many.count() == few.count()


@pytest.mark.parametrize("masking", ["causal", "bidirectional"])
@pytest.mark.parametrize("operator", ["linear", "cosformer"])
def test_a_pass_over_histories_takes_what_the_counter_sees(operator, masking):
    """Queries of the last layer are those of the output positions, but for operators that need all of them."""
    run = {"id": "x", "model": {"kind": "bert4rec"}, "attention": {"kind": operator}, "masking": {"kind": masking}}
    encoder = {"d_model": 16, "n_heads": 2, "n_layers": 2, "max_length": 20}
    settings = RunSettings.model_validate(
        {"run": run, "encoder": encoder, "loss": {"kind": "cross_entropy"}, "training": {}}
    )
    model, arrange = build(settings, 60)
    view = arrange.inference_view(Batch(torch.randint(1, 61, (3, 19)), torch.full((3,), 19)))
    with FlopCounterMode(display=False) as counter:
        model.eval()(view)
    variant = Variant("x", "bert4rec", settings, True, None)
    counted = count(variant, model, view.batch.lengths, torch.ones(3), n_scored=0, full_context=True)
    assert counter.get_total_flops() == counted.operations.matmul


def test_every_history_is_counted_with_its_own_output_positions():
    run = {
        "id": "x",
        "model": {"kind": "sasrec"},
        "attention": {"kind": "softmax"},
        "masking": {"kind": "bidirectional"},
    }
    settings = RunSettings.model_validate(
        {"run": run, "encoder": {"d_model": 16, "max_length": 50}, "loss": {"kind": "cross_entropy"}, "training": {}}
    )
    model, _ = build(settings, 60)
    lengths, n_outputs = torch.tensor([50, 5, 5, 20]), torch.tensor([11.0, 1.5, 2.5, 4.0])

    def counted(*places):
        of = Variant("x", "sasrec", settings, True, None)
        rows = torch.tensor(places)
        return count(of, model, lengths[rows], n_outputs[rows], n_scored=60, full_context=True).operations

    together, alone = counted(0, 1, 2, 3), [counted(place) for place in range(4)]
    assert together.matmul == pytest.approx(sum(one.matmul for one in alone))
    assert together.other == pytest.approx(sum(one.other for one in alone))


def test_without_mixing_the_values_are_returned_and_all_projections_get_gradients():
    config = comparison()
    layer = AttentionLayer(HydraAttentionConfig(), config.encoder)
    without_mixing(layer)
    assert isinstance(layer.operator, NoMixing)
    q, k, v = (torch.randn(2, 5, 16, requires_grad=True) for _ in range(3))
    visibility = Visibility(causal=True, padding_mask=None)
    assert torch.equal(layer.operator(q, k, v, visibility), v)
    x = torch.randn(2, 5, 16)
    layer(x, x, visibility).sum().backward()
    assert all(parameter.grad is not None for parameter in layer.parameters())
    assert torch.equal(layer.operator(q[:, :2], k, v, Visibility(causal=False, padding_mask=None)), v[:, :2])
    gradients = torch.autograd.grad(layer.operator(q[:, :2], k, v, visibility).sum(), [q, k, v])
    assert [float(gradient.sum()) for gradient in gradients] == [2 * 2 * 16.0] * 3


def test_sizes_beyond_the_first_failure_are_not_tried_and_say_why(cpu, monkeypatch):
    tried = []

    def fails_from_32(build, **_):
        piece = build.func.__self__
        tried.append(piece)
        late = piece.subject == MATH and piece.axis == "length" and piece.length >= 32
        return Probe(failure="too slow") if late else Probe(peak_mib=1.0)

    monkeypatch.setattr(measuring, "probe", fails_from_32)
    config = comparison()
    work, times = measuring.run(list(operator_pieces(config, cpu)), config.efficiency, cpu)
    skipped = work[work["skipped"].notna()]
    assert set(zip(skipped["subject"], skipped["length"], strict=True)) == {(MATH, 32), (MATH, 64)}
    assert set(skipped.loc[skipped["length"] == 64, "skipped"]) == {"too slow at 32"}
    assert not [piece for piece in tried if piece.subject == MATH and piece.length == 64]
    assert len(times) == (len(work) - len(skipped)) * config.efficiency.rounds


def test_what_does_not_fit_is_skipped_with_the_operator_s_own_reason(cpu):
    config = comparison({"kind": "cosine", "n_heads": 8}, widths=[8, 12])
    reasons = {piece.why_unfit for piece in operator_pieces(config, cpu) if piece.width == 12}
    assert reasons == {None, "n_heads 8 does not divide d_model 12"}


@pytest.mark.parametrize("operator", ["gla", "lightsans", "hydra"])
def test_operators_are_done_in_low_precision_too(operator):
    form = "causal" if operator == "gla" else "bidirectional"
    raw = comparison(parts=["operators"], lengths=[8], widths=[]).model_dump(mode="json", exclude_unset=True)
    raw["training"] = raw.get("training", {}) | {"precision": "bfloat16"}
    run = {"model": {"kind": "bert4rec"}, "attention": {"kind": operator}, "masking": {"kind": form}}
    raw["runs"] = [run | {"id": "mine"}]
    raw["evaluation"] = {"reference": "mine"}
    raw.pop("grid", None)
    pieces = [piece for piece in operator_pieces(load(raw), torch.device("cpu")) if piece.subject == operator]
    assert {piece.work for piece in pieces} == {"forward", "training"}
    for piece in pieces:
        piece.build(torch.device("cpu"))()
