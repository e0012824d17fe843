"""A whole comparison: datasets, runs, seeds, and how they are measured."""

from functools import cached_property
from typing import Annotated, Any, Self, cast

from pydantic import Field, field_validator, model_validator

from hydrarec.config.base import ConfigModel, Seed, find_duplicates
from hydrarec.config.built_in import BUILT_IN, look_up
from hydrarec.config.datasets import DatasetConfig
from hydrarec.config.efficiency import EfficiencyConfig
from hydrarec.config.encoder import EncoderConfig
from hydrarec.config.losses import CrossEntropyLossConfig, Loss
from hydrarec.config.patterns import LOWER_NAME, YAML_IN_CHECKOUT
from hydrarec.config.protocol import EvaluationConfig, Protocol
from hydrarec.config.runs import BaselineRun, Grid, Overrides, Run, TrainedRun
from hydrarec.config.training import TrainingConfig


class RunSettings(ConfigModel):
    """All that decides what one trained model is: its run, with the comparison's and the dataset's settings."""

    run: TrainedRun
    encoder: EncoderConfig
    loss: Loss
    training: TrainingConfig

    @model_validator(mode="after")
    def _parts_can_be_built(self) -> Self:
        for room, mixer in (("model", self.run.model), ("attention", self.run.attention)):
            if mixer is not None and (why := mixer.why_unfit(self.encoder)):
                raise ValueError(f"{room} {mixer.kind}: {why}")
        # It would run uncompiled, without a word, and be compared.
        if self.training.compile and (why := self.run.model.not_compiled):
            raise ValueError(
                f"training.compile: model {self.run.model.kind} cannot be compiled ({why}); allowed with it: false; "
                "for this run alone: training: {compile: false}"
            )
        if self.encoder.max_length < 2 and not self.run.masking.causal:
            raise ValueError(
                f"encoder.max_length: must be 2 or more under {self.run.masking.kind} masking, where the mask token "
                f"takes one of the places; found {self.encoder.max_length}"
            )
        return self


class BenchmarkConfig(ConfigModel):
    """A comparison."""

    report: Annotated[str, Field(pattern=LOWER_NAME, max_length=100)]
    """Folder of the report under `reports/`."""
    title: str = ""
    """Heading of the report; empty: its folder's name."""
    datasets: Annotated[list[DatasetConfig], Field(min_length=1)]
    """Ids of built-in datasets, definitions that begin with `like: <id>` and change some keys of one, or complete
    definitions of others. Blocks such as `filter` are changed key by key too; a `reader` of another kind and a `source`
    with another checksum are replaced as a whole."""
    protocols: Annotated[list[Protocol], Field(min_length=1)] = ["loo"]
    """What is held out."""
    seeds: Annotated[list[Seed], Field(min_length=1)]
    """Seeds of every run; the same ones for all, because comparisons match them."""
    mirror: str | None = None
    """Folder or base URL asked first for every file; the environment's HYDRAREC_MIRROR goes before it."""
    encoder: EncoderConfig = EncoderConfig()
    """Size of every model."""
    loss: Loss = CrossEntropyLossConfig()
    """Loss of every model."""
    training: TrainingConfig = TrainingConfig()
    """Training of every model."""
    per_dataset: dict[str, Overrides] = {}
    """Settings that differ for one dataset."""
    grid: Grid | None = None
    """Runs by combination."""
    runs: list[Run] = []
    """Further runs: baselines, and trained models that differ in more than their parts."""
    evaluation: EvaluationConfig
    """How runs are measured and compared."""
    hypotheses: Annotated[str, Field(pattern=YAML_IN_CHECKOUT)] | None = None
    """File of claims that are decided, seen from the root of the checkout; null: none are."""
    efficiency: EfficiencyConfig | None = None
    """What is measured about speed and memory apart from the runs; null: nothing."""

    @field_validator("datasets", mode="before")
    @classmethod
    def _look_up_datasets(cls, datasets: Any) -> Any:
        if not isinstance(datasets, list):
            return datasets
        entries = cast(list[Any], datasets)
        return [look_up(entry) for entry in entries]

    @model_validator(mode="after")
    def _references_resolve(self) -> Self:
        for key, ids in (
            ("datasets", [d.id for d in self.datasets]),
            ("runs", [r.id for r in self.all_runs]),
            ("labels", [r.label or r.id for r in self.all_runs]),
            ("seeds", list(map(str, self.seeds))),
            ("protocols", list(self.protocols)),
            ("evaluation.cutoffs", list(map(str, self.evaluation.cutoffs))),
        ):
            if more := find_duplicates(ids):
                raise ValueError(f"{key}: {more} stands there more than once")
        if not self.run_ids:
            raise ValueError("there are no runs: neither grid nor runs names one")
        if self.evaluation.reference not in self.run_ids:
            raise ValueError(
                f"evaluation.reference: no run {self.evaluation.reference!r}; allowed: {', '.join(self.run_ids)}"
            )
        names = [dataset.id for dataset in self.datasets]
        for name in self.per_dataset:
            if name not in names and name not in BUILT_IN:
                raise ValueError(f"per_dataset.{name}: no such dataset; allowed: {', '.join(names)}")
        if "gts" in self.protocols:
            for dataset in self.datasets:
                if not dataset.reader.has_timestamps:
                    raise ValueError(
                        f"protocols: gts needs times, which {dataset.id} ({dataset.reader.kind}) does not have"
                    )
        return self

    @model_validator(mode="after")
    def _names_of_built_in_datasets_mean_these(self) -> Self:
        for dataset in self.datasets:
            known = BUILT_IN.get(dataset.id)
            # Generated data are nobody's, whatever they are called.
            if known and known.source and dataset.content_json() != known.content_json():
                raise ValueError(
                    f"datasets: {dataset.id} is a built-in data set, and this is another: give it an id of its own, "
                    f"and say `like: {dataset.id}` if it differs in a few keys"
                )
        return self

    @model_validator(mode="after")
    def _kinds_have_their_classes(self) -> Self:
        parts = [self.loss, *(layer.loss for layer in self.per_dataset.values())]
        for run in self.all_runs:
            if isinstance(run, TrainedRun):
                parts += [run.model, run.attention, run.masking, run.loss]
        for why in dict.fromkeys(part.why_not_implemented() for part in parts if part is not None):
            if why:
                raise ValueError(why)
        return self

    @model_validator(mode="after")
    def _models_that_need_times_get_them(self) -> Self:
        without = [f"{d.id} ({d.reader.kind})" for d in self.datasets if not d.reader.has_timestamps]
        for run in self.all_runs:
            if without and isinstance(run, TrainedRun) and run.model.takes_timestamps:
                raise ValueError(
                    f"run {run.id}: model {run.model.kind} needs times, and there are none in {', '.join(without)}; "
                    "allowed with these data: timestamps: false"
                )
        return self

    @property
    def heading(self) -> str:
        """Return what the report is called."""
        return self.title or self.report

    @cached_property
    def all_runs(self) -> list[TrainedRun | BaselineRun]:
        """Runs of the grid, then the further runs."""
        return [*(self.grid.combinations() if self.grid else []), *self.runs]

    @cached_property
    def run_ids(self) -> list[str]:
        """Ids of all runs, in the order of the configuration."""
        return [run.id for run in self.all_runs]

    @cached_property
    def competing(self) -> list[str]:
        """Ids of the runs that are compared; controls and the best possible scorer compete with nobody."""
        return [run.id for run in self.all_runs if run.role in ("trained", "baseline")]

    def run(self, run_id: str) -> TrainedRun | BaselineRun:
        """Return the run of that id."""
        return next(run for run in self.all_runs if run.id == run_id)

    def run_id(self, name: str) -> str:
        """Return the id of the run that a name means: its id, or the label it has on the page; else the name."""
        return next((run.id for run in self.all_runs if name not in self.run_ids and run.label == name), name)

    def label(self, run_id: str) -> str:
        """Return what a run is called in sentences; a run that is not of this comparison has only its id."""
        return next((run.label for run in self.all_runs if run.id == run_id), None) or run_id

    def dataset(self, dataset_id: str) -> DatasetConfig:
        """Return the dataset of that id."""
        return next(dataset for dataset in self.datasets if dataset.id == dataset_id)

    @property
    def trained_runs(self) -> list[TrainedRun]:
        """The runs that this package trains."""
        return [run for run in self.all_runs if isinstance(run, TrainedRun)]

    def seeds_of(self, run_id: str) -> list[int]:
        """Return the seeds a run is computed with: all of them, or the first where the seed changes nothing."""
        return self.seeds[:1] if self.is_deterministic(run_id) else self.seeds

    @property
    def idle_datasets(self) -> list[str]:
        """Keys of `per_dataset` that are no data sets of this comparison, so that they change nothing."""
        return [name for name in self.per_dataset if name not in {dataset.id for dataset in self.datasets}]

    def is_deterministic(self, *run_ids: str) -> bool:
        """Return whether the seed changes nothing about any of these runs."""
        runs = map(self.run, run_ids)
        return all(isinstance(run, BaselineRun) and run.deterministic for run in runs)

    def settings(self, run_id: str, dataset_id: str) -> RunSettings:
        """Return a trained run's complete settings: comparison < dataset < run, the later ones winning key by key."""
        run = self.run(run_id)
        if not isinstance(run, TrainedRun):
            raise ValueError(f"run {run_id} is a baseline and is not trained by this package")
        encoder, training, loss = self.encoder, self.training, self.loss
        for layer in (self.per_dataset.get(dataset_id), run):
            if layer is not None:
                encoder = encoder.overridden_by(layer.encoder)
                training = training.overridden_by(layer.training)
                loss = layer.loss or loss
        # Validated anew: keys that are right one by one can contradict each other once merged.
        merged = {"encoder": encoder, "loss": loss, "training": training}
        # A label is what a run is called; another one must not train it again.
        bare = run.model_copy(update={"encoder": None, "loss": None, "training": None, "label": ""})
        return RunSettings.model_validate({"run": bare, **{k: v.model_dump() for k, v in merged.items()}})
