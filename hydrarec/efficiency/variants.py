"""Trained runs as they are measured: each with its twins, which differ in nothing but the operator.

A twin has fused softmax, softmax as matrix products, or nothing in the place of the run's operator. A run of the
comparison that is one of them serves as it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypedDict

from jaxtyping import Float, Int
from torch import Tensor, nn

from hydrarec.attention.base import AttentionOperator, attention_for_layer
from hydrarec.config import BenchmarkConfig, RunSettings
from hydrarec.config.attention import AttentionConfig, SoftmaxAttentionConfig
from hydrarec.config.efficiency import NO_MIXING
from hydrarec.config.runs import TrainedRun
from hydrarec.efficiency.operations import TRAINING, Operations, Shape, linear_layers, mixing
from hydrarec.efficiency.pieces import FUSED, MATH, Counted, form_of, name_of
from hydrarec.models.blocks import AttentionLayer, BlockModel


class InCommon(TypedDict):
    """Fields that all pieces of a run have."""

    variant: "Variant"
    subject: str
    layout: str
    form: str
    length: int
    width: int
    against: str | None


@dataclass(frozen=True)
class Variant:
    """A run or a twin of one."""

    subject: str
    layout: str
    settings: RunSettings
    mixes: bool
    """Whether its operator is kept."""
    against: str | None
    """Subject of the same layout with fused softmax; None for that one and for models without an operator."""

    @property
    def in_common(self) -> InCommon:
        """What every piece of it has."""
        return {
            "variant": self,
            "subject": self.subject,
            "layout": self.layout,
            "form": form_of(self.settings.run.masking.causal),
            "length": self.settings.encoder.max_length,
            "width": self.settings.encoder.d_model,
            "against": self.against,
        }


def variants(config: BenchmarkConfig, dataset: str) -> Iterator[Variant]:
    """Return all trained runs on a data set with their twins."""
    groups: dict[str, list[RunSettings]] = {}
    for run in config.trained_runs:
        settings = config.settings(run.id, dataset)
        groups.setdefault(_apart_from_operator(settings), []).append(settings)
    layouts: set[tuple[str, bool]] = set()
    for members in groups.values():
        first = members[0].run
        layout = f"{name_of(first.model)}@{dataset}"
        # Runs of a model that differ in size too make several layouts.
        if (layout, first.masking.causal) in layouts:
            layout = f"{layout} ({first.id})"
        layouts.add((layout, first.masking.causal))
        yield from _with_twins(members, layout)


def _with_twins(members: list[RunSettings], layout: str) -> Iterator[Variant]:
    by_operator = {one.run.attention: one.run.id for one in members}
    fused = by_operator.get(SoftmaxAttentionConfig(), FUSED)
    for one in members:
        against = None if one.run.attention is None or one.run.id == fused else fused
        yield Variant(one.run.id, layout, one, True, against)
    if members[0].run.attention is None:
        return
    for name, operator in ((FUSED, SoftmaxAttentionConfig()), (MATH, SoftmaxAttentionConfig(backend="math"))):
        if operator not in by_operator:
            yield Variant(name, layout, _twin(members[0], operator), True, None if name == FUSED else fused)
    yield Variant(NO_MIXING, layout, _twin(members[0], SoftmaxAttentionConfig()), False, fused)


def _twin(settings: RunSettings, operator: AttentionConfig) -> RunSettings:
    run: TrainedRun = settings.run.model_copy(update={"attention": operator})
    return settings.model_copy(update={"run": run})


def _apart_from_operator(settings: RunSettings) -> str:
    described: dict[str, Any] = settings.model_dump(mode="json")
    for key in ("id", "label"):
        del described["run"][key]
    described["run"]["attention"] = described["run"]["attention"] is not None
    return json.dumps(described, sort_keys=True)


def count(
    variant: Variant,
    model: nn.Module,
    lengths: Int[Tensor, " U"],
    n_outputs: Float[Tensor, " U"],
    n_scored: float,
    *,
    full_context: bool,
) -> Counted:
    """Count what a pass over some sequences takes, padding left out.

    Parameters
    ----------
    variant
        The run.
    model
        Its model.
    lengths
        Length of each sequence.
    n_outputs
        How many output positions each has.
    n_scored
        Items that are scored at each of them.
    full_context
        Whether these see all positions of their sequences.
    """
    settings, operator = variant.settings, variant.settings.run.attention
    if operator is None or not isinstance(model, BlockModel):
        return Counted()
    encoder, n_positions, all_outputs = settings.encoder, int(lengths.sum()), float(n_outputs.sum())
    by_length = {int(length): n_outputs[lengths == length].double() for length in lengths.unique()}
    around = all_outputs * 2.0 * encoder.d_model * n_scored + all_outputs * (linear_layers(model, model.blocks))
    inside = Operations()
    for number, block in enumerate(model.blocks):
        layer = next(one for one in block.modules() if isinstance(one, AttentionLayer))
        mixer = next(one for one in layer.modules() if isinstance(one, AttentionOperator))
        last = number == encoder.n_layers - 1
        query_subset = last and full_context and mixer.supports_query_subset
        before = linear_layers(layer.query), linear_layers(layer.key_value)
        after = linear_layers(block, mixer) - sum(before)
        # After the last block has mixed them, only the output positions are computed further.
        n_queries, n_after = (all_outputs if less else n_positions for less in (query_subset, last))
        around += n_queries * before[0] + n_positions * before[1] + n_after * after
        for length, of_length in by_length.items() if variant.mixes else ():
            shape = Shape(
                length,
                encoder.d_model,
                encoder.n_heads,
                causal=settings.run.masking.causal and not query_subset,
                batch=len(of_length),
                max_length=encoder.max_length,
                n_queries=float(of_length.mean()) if query_subset else None,
            )
            counted = mixing(attention_for_layer(operator, number, encoder.n_layers), shape)
            if counted is None:
                return Counted()
            inside += counted
    return Counted(Operations(around) + inside, inside)


def scaled(counted: Counted, units: float, *, training: bool) -> Counted:
    """Return what a unit takes, of a pass counted forward."""
    if counted.operations is None or counted.mixing is None:
        return counted
    share = (TRAINING if training else 1.0) / units
    return Counted(counted.operations * share, counted.mixing * share)
