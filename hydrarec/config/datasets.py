"""Datasets: where the bytes come from, how they are read, what is filtered. Add one by adding an entry to `BUILT_IN`."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from hydrarec.config.base import Block, KindBlock, any_kind

DatasetId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]


class SourceConfig(Block):
    """A file to download, pinned by its checksum."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    """Name under which the file is kept, here and in mirrors."""
    urls: list[str] = []
    """Where it can be had, tried in order after the mirror; empty: from a mirror only."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Checksum of the file's bytes."""


class ReaderConfig(KindBlock):
    """A raw format."""

    room: ClassVar[str] = "data/readers"
    has_timestamps: ClassVar[bool] = False
    """Whether the format can hold times, which the `gts` protocol needs."""


class GrouplensReaderConfig(ReaderConfig):
    """A ratings table inside a GroupLens zip archive: user, item, rating, timestamp."""

    kind: Literal["grouplens"] = "grouplens"
    has_timestamps: ClassVar[bool] = True
    member: str
    """Path of the table inside the archive."""
    separator: Annotated[str, Field(min_length=1)] = "::"
    """What stands between two fields."""
    header: bool = False
    """Whether the first line names the columns."""


class RatingsReaderConfig(ReaderConfig):
    """A delimited text file with a row per interaction (Amazon's ratings tables, your own log)."""

    kind: Literal["ratings"] = "ratings"
    has_timestamps: ClassVar[bool] = True
    columns: list[Literal["user", "item", "rating", "timestamp"]] = ["user", "item", "rating", "timestamp"]
    """What the fields of a line are, in order; user, item and timestamp must be among them."""
    separator: Annotated[str, Field(min_length=1)] = ","
    """What stands between two fields."""
    header: bool = False
    """Whether the first line names the columns."""


class PairsReaderConfig(ReaderConfig):
    """Lines of `user item`, a user's lines in time order (the text files of SASRec and BERT4Rec)."""

    kind: Literal["pairs"] = "pairs"


class SequencesReaderConfig(ReaderConfig):
    """A line per user: the user, then the items in time order (the text files of S3-Rec)."""

    kind: Literal["sequences"] = "sequences"


class SyntheticReaderConfig(ReaderConfig):
    """No file: interactions drawn from a known process (`hydrarec/data/synthetic.py`)."""

    kind: Literal["synthetic"] = "synthetic"
    has_timestamps: ClassVar[bool] = True
    n_users: Annotated[int, Field(ge=50)] = 2000
    """Users to draw."""
    n_items: Annotated[int, Field(ge=50)] = 500
    """Items to draw."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the draw."""


Reader = any_kind(ReaderConfig)


class FilterConfig(Block):
    """What is removed from the raw interactions, after exact duplicates."""

    min_user_interactions: Annotated[int, Field(ge=1)] = 5
    """Users with fewer interactions are removed."""
    min_item_interactions: Annotated[int, Field(ge=1)] = 5
    """Items with fewer interactions are removed."""
    iterate: bool = True
    """Repeat both until nothing changes (the k-core); otherwise each minimum counts once, on the unfiltered data."""
    repeats: Literal["keep", "first"] = "keep"
    """What happens to a user's second interaction with an item: kept, or only the first stays (reviews)."""


class DatasetConfig(Block):
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
    licence: str = "see the source"
    """Terms of use."""
    citation: str = ""
    """Paper to cite."""


BUILT_IN: dict[str, DatasetConfig] = {}
