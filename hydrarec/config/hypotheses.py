"""Claims that were written down before the results: what is held against what, by which rule, and what must hold first.

A claim is decided place by place, a place being a dataset (or, for operators alone, a device). It is supported if it
holds in as many places as needed, refuted if so many speak against it that too few are left, not decided if neither,
and not decidable if too few places could say anything.
"""

import datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, ValidationError, model_validator

from hydrarec.config.bands import AnyBand, Band, Metric, PublishedBand
from hydrarec.config.base import AnyKind, ConfigError, ConfigModel, KindConfigModel, find_duplicates
from hydrarec.config.mistakes import Locate, format_errors
from hydrarec.config.patterns import NAME
from hydrarec.config.published import load_published
from hydrarec.config.runs import RunId


class ClaimConfig(KindConfigModel):
    """A claim."""

    room: ClassVar[str] = "claims"
    kind: Any

    id: Annotated[str, Field(pattern=NAME)]
    """Name in tables and in the report."""
    statement: Annotated[str, Field(min_length=1)]
    """What is claimed, as one sentence without its full stop."""
    family: Literal["confirmatory", "exploratory"] = "confirmatory"
    """Confirmatory claims are tested as one family (Holm), exploratory ones each on its own and said to be so."""
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """Error rate of the claim's tests."""
    needed: Annotated[int, Field(ge=1)] | None = None
    """Places in which it must hold; null: as the file says for all claims."""


class RunClaimConfig(ClaimConfig):
    """A claim about runs."""

    run: RunId
    """The run that something is claimed of."""
    against: Annotated[list[RunId], Field(min_length=1)]
    """Runs that it is held against; the claim must hold against every one of them."""
    converged: bool = True
    """Whether runs whose training ended at the last allowed epoch make the claim undecidable."""

    @model_validator(mode="after")
    def _against_others(self) -> Self:
        if self.run in self.against:
            raise ValueError(f"against: {self.run} cannot be held against itself")
        if more := find_duplicates(self.against):
            raise ValueError(f"against: {more} stands there more than once")
        return self


class SuperiorClaimConfig(RunClaimConfig):
    """More accurate: one-sided crossed tests, the largest p-value over comparators counts."""

    kind: Literal["superior"] = "superior"
    metric: Metric = "ndcg@10"
    """The metric it is about: the comparison's primary one, or the hit rate of the same length."""


class EquivalentClaimConfig(RunClaimConfig):
    """As accurate: two one-sided tests against a margin, on every metric."""

    kind: Literal["equivalent"] = "equivalent"
    metrics: Annotated[list[Metric], Field(min_length=1)] = ["ndcg@10", "hr@10"]
    """The metrics on which it must hold."""
    margin: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Largest difference that counts as none, as a fraction of the comparator's mean."""
    separates: list[RunId] = []
    """Runs that the same test must tell from the comparator; else equality shows nothing but a blunt instrument."""
    flag_if_beaten_by: list[RunId] = []
    """Runs that are named beside the verdict where they beat both: to be as accurate as a beaten model is little."""

    @model_validator(mode="after")
    def _helpers_are_others(self) -> Self:
        compared = {self.run, *self.against}
        for key in ("separates", "flag_if_beaten_by"):
            if own := [run for run in getattr(self, key) if run in compared]:
                raise ValueError(f"{key}: {', '.join(own)} is itself compared; allowed: other runs")
        return self


class FasterClaimConfig(RunClaimConfig):
    """In less time: the logarithm of the ratio of times, matched by seed."""

    kind: Literal["faster"] = "faster"
    measure: Literal["epoch", "time_to_accuracy", "inference"]
    """Median epoch of training; training until `share` of the comparator's best validation NDCG@10 is reached; ranking
    the test users."""
    at_most: Annotated[float, Field(gt=0)] = 0.95
    """Ratio of times that must be undercut."""
    share: Annotated[float, Field(gt=0, le=1)] = 0.97
    """Of `time_to_accuracy`."""
    converged: bool = False
    """Whether runs whose training ended at the last allowed epoch make the claim undecidable."""


class TrendClaimConfig(RunClaimConfig):
    """An advantage in time that grows: slope of the logarithm of the ratio on the logarithm of what it grows with."""

    kind: Literal["trend"] = "trend"
    over: Literal["epochs", "density"] = "epochs"
    """With epochs: of the cumulative times of a training, in each dataset. With sparser data: of the times of an epoch,
    over datasets that differ in nothing but thinning, of which it takes three or more."""
    converged: bool = False
    """Whether runs whose training ended at the last allowed epoch make the claim undecidable."""


class GrowthClaimConfig(ClaimConfig):
    """How the cost of an operator grows: its exponent's interval lies within bounds, in every row that is named."""

    kind: Literal["growth"] = "growth"
    part: Literal["operators", "blocks"] = "operators"
    """Which measurements."""
    subject: str
    """Operator, as it is named in the efficiency tables."""
    axis: Literal["length", "width"]
    """What is varied."""
    measures: Annotated[list[Literal["time", "memory"]], Field(min_length=1)] = ["time"]
    """What is fitted."""
    at_least: float = 0.9
    """Lower bound of the exponent."""
    at_most: float = 1.1
    """Upper bound."""
    contrast: str | None = None
    """Operator that the same measurements must show to grow faster, by `contrast_above`."""
    contrast_above: float = 1.7
    """Exponent that the contrast's interval must lie above."""

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.at_least >= self.at_most:
            raise ValueError(f"at_least ({self.at_least}) must be below at_most ({self.at_most})")
        return self


Claim = Annotated[ClaimConfig, AnyKind()]


class Hypotheses(ConfigModel):
    """A file of claims."""

    registered: datetime.date
    """Day on which the claims were fixed."""
    needed: Annotated[int, Field(ge=1)] = 2
    """Datasets on which a claim must hold."""
    published: str | None = None
    """File of published numbers that bands take theirs from, seen from the folder of this file."""
    bands: list[AnyBand] = []
    """Published numbers that runs must reproduce before claims about them are decided."""
    claims: Annotated[list[Claim], Field(min_length=1)]
    """The claims, in the order of the report."""

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        if more := find_duplicates(claim.id for claim in self.claims):
            raise ValueError(f"claims: {more} stands there more than once")
        return self

    @model_validator(mode="after")
    def _bands_have_their_file(self) -> Self:
        if self.published is None and any(isinstance(band, PublishedBand) for band in self.bands):
            raise ValueError("published: must name the file that bands take their numbers from")
        return self

    @property
    def known_bands(self) -> list[Band]:
        """The bands with their numbers; `load_hypotheses` has looked them up."""
        return [band for band in self.bands if isinstance(band, Band)]

    def published_file(self, path: Path) -> Path | None:
        """Return the file of published numbers of a file of claims that stands at `path`."""
        return None if self.published is None else path.parent / self.published

    def needed_for(self, claim: ClaimConfig) -> int:
        """Return in how many places a claim must hold."""
        of_few_scopes = isinstance(claim, GrowthClaimConfig) or (
            isinstance(claim, TrendClaimConfig) and claim.over == "density"
        )
        return claim.needed or (1 if of_few_scopes else self.needed)


def load_hypotheses(path: Path, named: str = "") -> Hypotheses:
    """Read and check a YAML file of claims.

    Parameters
    ----------
    path
        The file.
    named
        Where the file is named, such as `config.yaml:12`; of an absent one this is what is wrong.

    Raises
    ------
    ConfigError
        If it or the file of published numbers that it names is absent, no plain YAML, or wrong: one line per mistake
        with its location, the path of the key and what is allowed.
    """
    from hydrarec.config.yaml_file import read_yaml  # noqa: PLC0415 - as for the configuration itself

    try:
        file = read_yaml(path)
    except OSError as error:
        where = f"{named}: hypotheses: " if named else ""
        raise ConfigError(f"{where}{path}: the file of hypotheses cannot be read: {error.strerror}") from error
    try:
        hypotheses = Hypotheses.model_validate(file.values)
    except ValidationError as error:
        raise ConfigError(format_errors(error, path, file.locate)) from None
    return hypotheses.model_copy(update={"bands": _looked_up(hypotheses, path, file.locate)})


def _looked_up(hypotheses: Hypotheses, path: Path, locate: Locate) -> list[Band]:
    """Return all bands with their numbers."""
    source = hypotheses.published_file(path)
    if source is None:
        return hypotheses.known_bands
    try:
        published = load_published(source)
    except OSError as error:
        raise ConfigError(f"{locate(['published'])}: published: {source} cannot be read: {error.strerror}") from error
    bands: list[Band] = []
    for index, band in enumerate(hypotheses.bands):
        try:
            bands += [band] if isinstance(band, Band) else band.bands(published)
        except ValueError as error:
            raise ConfigError(f"{locate(['bands', index])}: bands[{index}].{error}") from None
    return bands
