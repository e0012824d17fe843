"""Bands: what others have published of a run, without which a claim that rests on it is not decided.

A number stands in one place. `published: <title>` takes it, with its source, from a row of a file of published numbers
such as `docs/reproduction/published.yaml`; numbers about one's own data are written out.
"""

from typing import Annotated, Any, Self

from pydantic import Discriminator, Field, Tag, model_validator

from hydrarec.config.base import ConfigModel, find_duplicates
from hydrarec.config.patterns import METRIC
from hydrarec.config.published import Published
from hydrarec.config.runs import RunId

Metric = Annotated[str, Field(pattern=METRIC)]


class Band(ConfigModel):
    """What others have published of a run; a claim that rests on a run outside its band is not decidable."""

    dataset: str
    """Dataset id."""
    run: RunId
    """The run that must reproduce the number."""
    metric: Metric
    """What was published."""
    value: Annotated[float, Field(gt=0, le=1)]
    """The published number."""
    tolerance: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """How far below it the run may stay, as a fraction; above is no reason to distrust."""
    source: str
    """Who published it."""


class PublishedBand(ConfigModel):
    """The same, with the number, its source and the tolerance from the file of published numbers."""

    published: Annotated[str, Field(min_length=1)]
    """Title of a row of that file."""
    metric: Metric
    """Which of its numbers."""
    datasets: Annotated[list[str], Field(min_length=1)] | None = None
    """Ids under which this comparison has the data of that row; null: the row's own."""
    run: RunId | None = None
    """The run that must reproduce the number; null: the row's own."""
    tolerance: Annotated[float, Field(gt=0, lt=1)] | None = None
    """How far below it the run may stay, as a fraction; null: as far as that file says."""

    @model_validator(mode="after")
    def _datasets_differ(self) -> Self:
        if more := find_duplicates(self.datasets or []):
            raise ValueError(f"datasets: {more} stands there more than once")
        return self

    def bands(self, published: Published) -> list[Band]:
        """Return the bands with their numbers, one for each dataset.

        Raises
        ------
        ValueError
            If the file has no such row, the row no such number, or it is not about leave-one-out.
        """
        rows = {row.title: row for row in published.rows}
        if self.published not in rows:
            raise ValueError(f"published: no row has the title {self.published!r}; allowed: {'; '.join(rows)}")
        row = rows[self.published]
        values = {value.metric: value for value in row.values}
        if self.metric not in values:
            allowed = ", ".join(values) or "none"
            raise ValueError(f"metric: {self.published!r} has no number of {self.metric}; allowed: {allowed}")
        if row.protocol != "loo":
            raise ValueError(f"published: {self.published!r} is about {row.protocol}; allowed: rows about loo")
        found = values[self.metric]
        return [
            Band(
                dataset=dataset,
                run=self.run or row.run,
                metric=self.metric,
                value=found.value,
                tolerance=self.tolerance or published.tolerance / 100,
                source=f"{row.source} (quoted from memory)" if found.recalled else row.source,
            )
            for dataset in self.datasets or [row.dataset]
        ]


def _band_kind(value: Any) -> str:
    named = isinstance(value, PublishedBand) or (isinstance(value, dict) and "published" in value)
    return "PublishedBand" if named else "Band"


AnyBand = Annotated[
    Annotated[Band, Tag("Band")] | Annotated[PublishedBand, Tag("PublishedBand")], Discriminator(_band_kind)
]
