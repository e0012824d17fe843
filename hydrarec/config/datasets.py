"""What a dataset is: where the bytes come from, how they are read, what is filtered."""

import codecs
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from hydrarec.config.base import LARGEST, AnyKind, ConfigModel, Count, KindConfigModel, Seed
from hydrarec.config.patterns import LOWER_NAME, NAME, SHA_256, URL

DatasetId = Annotated[str, Field(pattern=LOWER_NAME, max_length=100)]


def _known_encoding(name: str) -> str:
    try:
        # Python's other codecs, such as zip or hex, do not turn bytes into text.
        "".encode(name)
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        raise ValueError(f"{name!r} is no text encoding; allowed are Python's, such as utf-8 or latin-1") from None


def _can_separate(text: str) -> str:
    if wrong := [character for character in text if character in '"\r\n\0']:
        raise ValueError(f"{text!r} cannot separate fields, because {wrong[0]!r} has another meaning in the file")
    return text


Encoding = Annotated[str, AfterValidator(_known_encoding)]
Separator = Annotated[str, Field(min_length=1), AfterValidator(_can_separate)]
Url = Annotated[str, Field(pattern=URL)]


class SourceConfig(ConfigModel):
    """A file to download, pinned by its checksum."""

    file: Annotated[str, Field(pattern=NAME, max_length=200)]
    """Name under which the file is kept, here and in mirrors."""
    urls: list[Url] = []
    """Where it can be had, tried in order after the mirror; empty: from a mirror only."""
    sha256: Annotated[str, Field(pattern=SHA_256)]
    """Checksum of the file's bytes."""


class ReaderConfig(KindConfigModel):
    """A raw format."""

    room: ClassVar[str] = "data/readers"
    has_timestamps: ClassVar[bool] = False
    """Whether the format can hold times, which the `gts` protocol needs."""
    needs_source: ClassVar[bool] = True
    """Whether there is a file to read."""


class GrouplensReaderConfig(ReaderConfig):
    """A ratings table inside a GroupLens zip archive: user, item, rating, timestamp."""

    kind: Literal["grouplens"] = "grouplens"
    has_timestamps: ClassVar[bool] = True
    member: str
    """Path of the table inside the archive."""
    separator: Separator = "::"
    """What stands between two fields."""
    header: bool = False
    """Whether the first line names the columns."""
    encoding: Encoding = "utf-8"
    """How the table's text is encoded."""


class RatingsReaderConfig(ReaderConfig):
    """A delimited text file with a row per interaction (Amazon's ratings tables, your own log)."""

    kind: Literal["ratings"] = "ratings"
    has_timestamps: ClassVar[bool] = True
    columns: list[Literal["user", "item", "rating", "timestamp", "other"]] = ["user", "item", "rating", "timestamp"]
    """What the fields of a line are, in order; user, item and timestamp each once, `other` for what is not read."""
    separator: Separator = ","
    """What stands between two fields."""
    header: bool = False
    """Whether the first line names the columns."""
    encoding: Encoding = "utf-8"
    """How the text is encoded."""
    times: Literal["seconds", "iso8601"] = "seconds"
    """How timestamps are written: `seconds` since 1970, or `iso8601`: 2023-12-24, 2023-12-24 01:22:14,
    2023-12-24T01:22:14.5Z, 2023-12-24T01:22:14+01:00. Without a zone they are UTC; parts of a second are cut."""

    @model_serializer(mode="wrap")
    def _default_times_left_out(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # As below: data sets that are prepared already must not be prepared anew.
        written = write(self)
        return {key: value for key, value in written.items() if (key, value) != ("times", "seconds")}

    @field_validator("columns")
    @classmethod
    def _needed_once(cls, columns: list[str]) -> list[str]:
        for name in ("user", "item", "timestamp"):
            if columns.count(name) != 1:
                raise ValueError(f"{name} must be there exactly once; found {', '.join(columns) or 'nothing'}")
        return columns


class PairsReaderConfig(ReaderConfig):
    """Lines of `user item`, a user's lines in time order (the text files of SASRec and BERT4Rec)."""

    kind: Literal["pairs"] = "pairs"
    encoding: Encoding = "utf-8"
    """How the text is encoded."""


class SequencesReaderConfig(ReaderConfig):
    """A line per user: the user, then the items in time order (the text files of S3-Rec)."""

    kind: Literal["sequences"] = "sequences"
    encoding: Encoding = "utf-8"
    """How the text is encoded."""


class SyntheticReaderConfig(ReaderConfig):
    """No file: interactions drawn from a known process (`hydrarec/data/synthetic.py`)."""

    kind: Literal["synthetic"] = "synthetic"
    has_timestamps: ClassVar[bool] = True
    needs_source: ClassVar[bool] = False
    n_users: Annotated[int, Field(ge=50, le=LARGEST)] = 2000
    """Users to draw."""
    n_items: Annotated[int, Field(ge=50, le=LARGEST)] = 500
    """Items to draw."""
    seed: Seed = 0
    """Seed of the draw."""


Reader = Annotated[ReaderConfig, AnyKind()]


class FilterConfig(ConfigModel):
    """What is removed from the raw interactions, after exact duplicates."""

    min_user_interactions: Count = 5
    """Users with fewer interactions are removed."""
    min_item_interactions: Count = 5
    """Items with fewer interactions are removed."""
    iterate: bool = True
    """Repeat both until nothing changes (the k-core); otherwise each minimum counts once, on the unfiltered data."""
    repeats: Literal["keep", "first"] = "keep"
    """What happens to a user's second interaction with an item: kept, or only the first stays (reviews)."""

    @property
    def keeps_all(self) -> bool:
        """Whether nothing is removed, whatever the data."""
        return self.repeats == "keep" and self.min_user_interactions <= 1 and self.min_item_interactions <= 1


class ThinConfig(ConfigModel):
    """Which share of the interactions is kept, drawn at random, so that the data are sparser and nothing else."""

    keep: Annotated[float, Field(gt=0, lt=1)]
    """Share of the interactions that are kept after the filter. What a smaller share keeps, a larger one with the same
    seed keeps too. The catalogue stays whole."""
    seed: Seed = 0
    """Seed of the draw."""


_UNUSED_IF_NULL = ("thin", "tie_order")


class DatasetConfig(ConfigModel):
    """A dataset."""

    id: DatasetId
    """Name in paths and tables."""
    title: str
    """Name for humans, saying which version this is."""
    source: SourceConfig | None = None
    """The file; null for a reader that needs none."""
    reader: Reader
    """The raw format."""
    filter: FilterConfig = FilterConfig()
    """What is removed."""
    thin: ThinConfig | None = None
    """Which share of what the filter leaves is kept; null: all of it."""
    tie_order: Annotated[int, Field(ge=0)] | None = None
    """Seed that orders a user's interactions of the same second at random; null: they keep the order of the file."""
    licence: str = "see the source"
    """Terms of use."""
    citation: str = ""
    """Paper to cite."""

    @model_validator(mode="after")
    def _source_fits_reader(self) -> Self:
        if self.reader.needs_source and self.source is None:
            raise ValueError(f"{self.id}: reader {self.reader.kind} reads a file, so `source` must be given")
        if not self.reader.needs_source and self.source is not None:
            raise ValueError(f"{self.id}: reader {self.reader.kind} reads no file; remove `source`")
        return self

    @model_validator(mode="after")
    def _ties_are_of_times(self) -> Self:
        if self.tie_order is not None and not self.reader.has_timestamps:
            raise ValueError(f"{self.id}: reader {self.reader.kind} has no times to be tied; remove `tie_order`")
        return self

    @model_serializer(mode="wrap")
    def _left_out_where_it_changes_nothing(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What is written is what a data set is prepared by: a key that is not used must not have it prepared anew.
        written = write(self)
        return {key: value for key, value in written.items() if key not in _UNUSED_IF_NULL or value is not None}

    def content_json(self) -> str:
        """Return what decides the interactions, as JSON: neither what they are called nor where they can be had."""
        return self.model_dump_json(exclude={"title": True, "licence": True, "citation": True, "source": {"urls"}})

    def same_but_for_ties(self, other: Self) -> bool:
        """Return whether another data set has the same interactions, only tied ones perhaps in another order."""
        return self._same_but_for(other, "tie_order")

    def same_but_for_thinning(self, other: Self) -> bool:
        """Return whether another data set has the same catalogue and another share or draw of the interactions."""
        return self.thin != other.thin and self._same_but_for(other, "thin")

    def _same_but_for(self, other: Self, key: str) -> bool:
        names = {"id", "title", key}
        return self.model_dump(exclude=names) == other.model_dump(exclude=names)
