"""Published results that this project's are held to: `docs/reproduction/published.yaml`, typed."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from hydrarec.config.base import ConfigError, ConfigModel, find_duplicates
from hydrarec.config.datasets import DatasetId
from hydrarec.config.mistakes import format_errors
from hydrarec.config.protocol import Protocol
from hydrarec.config.runs import RunId

Text = Annotated[str, Field(min_length=1)]
ConfigPath = Annotated[str, Field(pattern=r"^[^/].*\.yaml$")]
"""A configuration file, from the root of the repository."""


class PublishedValue(ConfigModel):
    """One number."""

    metric: Annotated[str, Field(pattern=r"^(hr|ndcg)@([1-9]|[1-9]\d|100)$")]
    """Name with cut-off, such as ndcg@10."""
    value: Annotated[float, Field(gt=0, le=1)]
    """As published."""
    recalled: bool = False
    """Quoted from memory; not looked up in the source."""


class PublishedRow(ConfigModel):
    """A published system and the run that is held to it."""

    title: Text
    """What it is, in a few words."""
    config: ConfigPath
    """Configuration that has the run."""
    dataset: DatasetId
    """Dataset id."""
    protocol: Protocol = "loo"
    """What is held out."""
    run: RunId
    """Run id in that configuration."""
    values: list[PublishedValue] = []
    """Published numbers; none if no number is certain enough to be held to."""
    source: Text
    """Who published them: authors, year, place and table."""
    note: str = ""
    """How the published protocol or model differs from the run."""
    finding: str = ""
    """Why the run misses a number, as far as that is known."""

    @model_validator(mode="after")
    def _metrics_differ(self) -> Self:
        if more := find_duplicates(value.metric for value in self.values):
            raise ValueError(f"values: {more} stands there more than once")
        return self


class CommonRuns(ConfigModel):
    """Runs that are shown together because they differ in nothing but their parts."""

    config: ConfigPath
    """Configuration that has them."""
    dataset: DatasetId
    """Dataset id."""
    protocol: Protocol = "loo"
    """What is held out."""
    model: Text
    """Layout in which every operator is shown with every masking."""


class Published(ConfigModel):
    """Everything that results are held to."""

    tolerance: Annotated[float, Field(gt=0, lt=100)]
    """How far a result may be from the published number, in per cent of that number."""
    common: CommonRuns
    """The comparison of all operators under one configuration."""
    rows: Annotated[list[PublishedRow], Field(min_length=1)]
    """Systems."""

    @model_validator(mode="after")
    def _titles_differ(self) -> Self:
        if more := find_duplicates(row.title for row in self.rows):
            raise ValueError(f"rows: the title {more} stands there more than once")
        return self


def load_published(path: Path) -> Published:
    """Read and check the file.

    Raises
    ------
    ConfigError
        If it is no plain YAML, or with one line per mistake: its location, the path of the key, what is wrong, and what
        is allowed.
    """
    from hydrarec.config.yaml_file import read_yaml  # noqa: PLC0415 - planning inside Snakemake never needs it

    file = read_yaml(path)
    try:
        return Published.model_validate(file.values)
    except ValidationError as error:
        raise ConfigError(format_errors(error, path, file.locate)) from None
