"""Runs: the rows of the comparison. A run is a trained model or a baseline that a rule file computes."""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, ValidationError, model_validator

from hydrarec.config.attention import Attention, AttentionConfig
from hydrarec.config.base import ConfigModel, find_duplicates
from hydrarec.config.encoder import EncoderConfig
from hydrarec.config.losses import Loss
from hydrarec.config.masking import Masking, MaskingConfig
from hydrarec.config.mistakes import explain
from hydrarec.config.models import Model, ModelConfig
from hydrarec.config.patterns import BASELINE, RUN_ID
from hydrarec.config.training import TrainingConfig

Role = Literal["trained", "baseline", "control", "optimum"]
"""What a run is there for: to be compared (the first two), to check the evaluation, to show how far one could get."""
OPTIMUM = "bayes"
"""Name of the baseline that scores by the generator's true probabilities, so that nothing can do better."""

RunId = Annotated[str, Field(pattern=RUN_ID, max_length=200)]
ModelKind = Annotated[str, Field(min_length=1)]


class Overrides(ConfigModel):
    """Settings that differ from those of the whole comparison; what is not written stays as it is."""

    encoder: EncoderConfig | None = None
    """Keys that replace those of the top-level `encoder`."""
    loss: Loss | None = None
    """Replaces the top-level `loss` as a whole."""
    training: TrainingConfig | None = None
    """Keys that replace those of the top-level `training`."""


class TrainedRun(Overrides):
    """A model trained by this package."""

    id: RunId
    """Name in paths, tables and claims."""
    label: str = ""
    """Name in figures; the id if empty."""
    model: Model
    """Block layout."""
    attention: Attention | None = None
    """Operator inside the blocks; null for models that have none."""
    masking: Masking
    """Who sees whom, and what is predicted."""

    @property
    def role(self) -> Role:
        """What it is there for."""
        return "trained"

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.model.takes_attention and self.attention is None:
            raise ValueError(f"model {self.model.kind} needs an attention")
        if not self.model.takes_attention and self.attention is not None:
            raise ValueError(f"model {self.model.kind} has no attention operator; remove `attention`")
        form, other = ("causal", "bidirectional") if self.masking.causal else ("bidirectional", "causal")
        for room, mixer in (("model", self.model), ("attention", self.attention)):
            if mixer is not None and (why := mixer.why_no_form(self.masking.causal)):
                raise ValueError(f"{room} {mixer.kind} has no {form} form ({why}); allowed with it: masking {other}")
        return self


class BaselineRun(ConfigModel):
    """A method computed by a rule file of `workflow/rules/baselines/`."""

    id: RunId
    """Name in paths, tables and claims."""
    label: str = ""
    """Name in figures; the id if empty."""
    baseline: Annotated[str, Field(pattern=BASELINE, max_length=100)]
    """Name of the rule file, without `.smk`."""
    options: dict[str, str | int | float | bool] = {}
    """Handed to the rule as `params.options`."""
    deterministic: bool = False
    """The seed changes nothing: computed once, and that result stands for every seed."""
    control: Literal["oracle", "random"] | None = None
    """The method's scores are known from theory and are checked before anything is compared."""

    @property
    def role(self) -> Role:
        """What it is there for."""
        if self.baseline == OPTIMUM:
            return "optimum"
        return "baseline" if self.control is None else "control"


def _run_kind(value: Any) -> str:
    baseline = isinstance(value, BaselineRun) or (isinstance(value, dict) and "baseline" in value)
    return "BaselineRun" if baseline else "TrainedRun"


Run = Annotated[
    Annotated[TrainedRun, Tag("TrainedRun")] | Annotated[BaselineRun, Tag("BaselineRun")],
    Discriminator(_run_kind),
]


class Exclusion(ConfigModel):
    """Combinations of a grid that are left out."""

    model: ModelKind | None = None
    """Kind of model; null: any."""
    attention: str | None = None
    """Kind of attention; null: any."""
    masking: str | None = None
    """Kind of masking; null: any."""
    reason: Annotated[str, Field(min_length=1)]
    """Printed in the report."""

    def matches(self, model: str, attention: str | None, masking: str) -> bool:
        """Return whether a combination is among those left out; `attention` is None for models without one."""
        wanted = ((self.model, model), (self.attention, attention), (self.masking, masking))
        return all(pattern is None or pattern == kind for pattern, kind in wanted)


class Grid(ConfigModel):
    """Every combination of the listed parts is a run, with the id `<model>+<attention>+<masking>`.

    Models without an attention operator are combined with the maskings only: `<model>+<masking>`.
    """

    model: list[Model]
    """Block layouts."""
    attention: list[Attention]
    """Operators."""
    masking: list[Masking]
    """Maskings."""
    exclude: list[Exclusion] = []
    """Combinations left out, each with its reason."""
    labels: dict[str, str] = {}
    """Names of runs in figures, by id."""
    per_masking: dict[str, Overrides] = {}
    """Settings that differ for the runs with one kind of masking."""

    @model_validator(mode="after")
    def _names_what_it_has(self) -> Self:
        kinds = {room: [part.kind for part in getattr(self, room)] for room in ("model", "attention", "masking")}
        for room, allowed in kinds.items():
            if more := find_duplicates(allowed):
                raise ValueError(
                    f"{room}: {more} stands there more than once, and runs of a grid are named by kinds; "
                    "write the others under `runs`, each with an id of its own"
                )
            for index, exclusion in enumerate(self.exclude):
                if (kind := getattr(exclusion, room)) not in (None, *allowed):
                    raise ValueError(
                        f"exclude[{index}].{room}: {kind!r} is no {room} of the grid; allowed: {', '.join(allowed)}"
                    )
        if unused := sorted(set(self.per_masking) - {*kinds["masking"]}):
            raise ValueError(f"per_masking: {unused} name no masking of the grid; allowed: {kinds['masking']}")
        ids = [run.id for run in self.combinations()]
        if unknown := sorted(set(self.labels) - {*ids}):
            raise ValueError(f"labels: {unknown} name no run of the grid; allowed: {ids}")
        return self

    def combinations(self) -> list[TrainedRun]:
        """Return the runs of the grid, in the order of the lists, exclusions left out.

        Raises
        ------
        ValueError
            If the parts of one do not fit together.
        """
        return [
            self._run(model, attention, masking)
            for model in self.model
            for attention in (self.attention if model.takes_attention else [None])
            for masking in self.masking
            if not any(e.matches(model.kind, attention and attention.kind, masking.kind) for e in self.exclude)
        ]

    def _run(self, model: ModelConfig, attention: AttentionConfig | None, masking: MaskingConfig) -> TrainedRun:
        parts = {"model": model, "attention": attention, "masking": masking}
        kinds = {room: part.kind for room, part in parts.items() if part}
        run_id = "+".join(kinds.values())
        try:
            return TrainedRun(
                id=run_id,
                label=self.labels.get(run_id, ""),
                model=model,
                attention=attention,
                masking=masking,
                **dict(self.per_masking.get(masking.kind, Overrides())),
            )
        except ValidationError as error:
            combination = ", ".join(f"{room}: {kind}" for room, kind in kinds.items())
            raise ValueError(
                f"{explain(error, run_id).strip()}; or leave it out with `exclude: [{{{combination}, reason: ...}}]`"
            ) from None
