"""Datasets: where the bytes come from, how they are read, what is filtered. To add one, add an entry to `BUILT_IN`."""

import codecs
from typing import Annotated, Any, ClassVar, Literal, Self, TypedDict, cast

from pydantic import (
    AfterValidator,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from hydrarec.config.base import LARGEST, AnyKind, Block, Count, KindBlock, Seed

DatasetId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=100)]


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
Url = Annotated[str, Field(pattern=r"^https?://\S+$")]


class SourceConfig(Block):
    """A file to download, pinned by its checksum."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=200)]
    """Name under which the file is kept, here and in mirrors."""
    urls: list[Url] = []
    """Where it can be had, tried in order after the mirror; empty: from a mirror only."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Checksum of the file's bytes."""


class ReaderConfig(KindBlock):
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


class FilterConfig(Block):
    """What is removed from the raw interactions, after exact duplicates."""

    min_user_interactions: Count = 5
    """Users with fewer interactions are removed."""
    min_item_interactions: Count = 5
    """Items with fewer interactions are removed."""
    iterate: bool = True
    """Repeat both until nothing changes (the k-core); otherwise each minimum counts once, on the unfiltered data."""
    repeats: Literal["keep", "first"] = "keep"
    """What happens to a user's second interaction with an item: kept, or only the first stays (reviews)."""


class ThinConfig(Block):
    """Which share of the interactions is kept, drawn at random, so that the data are sparser and nothing else."""

    keep: Annotated[float, Field(gt=0, lt=1)]
    """Share of the interactions that are kept after the filter. What a smaller share keeps, a larger one with the same
    seed keeps too. The catalogue stays whole."""
    seed: Seed = 0
    """Seed of the draw."""


_UNUSED_IF_NULL = ("thin", "tie_order")


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

    @property
    def origin(self) -> str:
        """What its interactions are taken from: two data sets of one origin are about the same users.

        The bytes that are read and how, or the collection that several known files hold. Which of the interactions are
        kept, and in which order, makes no other origin.
        """
        read = "" if self.source is None else self.source.sha256
        return _COLLECTIONS.get(read) or f"{read} {self.reader.model_dump_json()}"

    def same_but_for_ties(self, other: Self) -> bool:
        """Return whether another data set has the same interactions, only tied ones perhaps in another order."""
        return self._same_but_for(other, "tie_order")

    def same_but_for_thinning(self, other: Self) -> bool:
        """Return whether another data set has the same catalogue and another share or draw of the interactions."""
        return self.thin != other.thin and self._same_but_for(other, "thin")

    def _same_but_for(self, other: Self, key: str) -> bool:
        names = {"id", "title", key}
        return self.model_dump(exclude=names) == other.model_dump(exclude=names)


class _Terms(TypedDict):
    licence: str
    citation: str


_MOVIELENS: _Terms = {
    "licence": (
        "GroupLens terms of use: research only, no redistribution without permission, no commercial use; "
        "see the README in the archive"
    ),
    "citation": (
        "F. M. Harper and J. A. Konstan. The MovieLens Datasets: History and Context. "
        "ACM Transactions on Interactive Intelligent Systems 5(4), 2015. https://doi.org/10.1145/2827872"
    ),
}
_AMAZON: _Terms = {
    "licence": "no licence stated; the publishers ask for a citation; not redistributed here",
    "citation": (
        "J. McAuley, C. Targett, Q. Shi and A. van den Hengel. Image-based Recommendations on Styles and "
        "Substitutes. SIGIR 2015. https://doi.org/10.1145/2766462.2767755"
    ),
}
_UNFILTERED = FilterConfig(min_user_interactions=1, min_item_interactions=1, iterate=False)
"""For files that somebody else has filtered already."""


def _thinned(dataset: DatasetConfig, percent: int) -> DatasetConfig:
    thin = ThinConfig(keep=percent / 100)
    title = thinned_title(dataset.title, thin.model_dump())
    return dataset.model_copy(update={"id": f"{dataset.id}-{percent}", "title": title, "thin": thin})


def thinned_title(title: str, thin: Any) -> str:
    """Return the title of a data set that is thinned as a block `thin` says, which need not have been checked yet.

    >>> thinned_title("MovieLens-20M", {"keep": 0.25}), thinned_title("MovieLens-20M", {"keep": 0.25, "seed": 3})
    ('MovieLens-20M, 25 % of the interactions', 'MovieLens-20M, 25 % of the interactions (draw 3)')
    """
    block = cast(dict[str, Any], thin) if isinstance(thin, dict) else {}
    keep, seed = block.get("keep"), block.get("seed", 0)
    share = f"{100 * keep:g} %" if isinstance(keep, int | float) else "a share"
    return f"{title}, {share} of the interactions" + (f" (draw {seed})" if seed else "")


def _raw(repository: str, path: str) -> str:
    return f"https://raw.githubusercontent.com/{repository}/master/{path}"


def _grouplens(name: str, sha256: str) -> SourceConfig:
    url = f"https://files.grouplens.org/datasets/movielens/{name}.zip"
    return SourceConfig(file=f"{name}.zip", urls=[url], sha256=sha256)


_ML_20M = DatasetConfig(
    id="ml-20m",
    title="MovieLens-20M (GroupLens archive, all items)",
    source=_grouplens("ml-20m", "96f243c338a8665f6bcc89c53edf6ee39162a846940de6b7c8c48aeada765ff3"),
    reader=GrouplensReaderConfig(member="ml-20m/ratings.csv", separator=",", header=True),
    filter=_UNFILTERED,
    **_MOVIELENS,
)
_ENTRIES = [
    DatasetConfig(
        id="synthetic",
        title="Synthetic (embedded): first-order, theme and popularity parts, best possible score known",
        reader=SyntheticReaderConfig(),
        filter=_UNFILTERED,
        licence="Apache-2.0, as the code that draws it",
    ),
    DatasetConfig(
        id="ml-1m",
        title="MovieLens-1M (GroupLens archive, items with 5 or more ratings)",
        source=_grouplens("ml-1m", "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20"),
        reader=GrouplensReaderConfig(member="ml-1m/ratings.dat"),
        # Every user of the archive has 20 ratings or more, so only the items' minimum removes anything.
        filter=FilterConfig(min_user_interactions=5, min_item_interactions=5),
        **_MOVIELENS,
    ),
    DatasetConfig(
        id="ml-1m-sasrec",
        title="MovieLens-1M (text file of the SASRec and BERT4Rec repositories)",
        source=SourceConfig(
            file="sasrec-ml-1m.txt",
            urls=[_raw("kang205/SASRec", "data/ml-1m.txt")],
            sha256="b725f3acb3986fe3130bffd1e77a74d182a1f51799567a236dbd60270f95b0a2",
        ),
        reader=PairsReaderConfig(),
        filter=_UNFILTERED,
        **_MOVIELENS,
    ),
    _ML_20M,
    *(_thinned(_ML_20M, percent) for percent in (50, 25, 10)),
    DatasetConfig(
        id="ml-100k",
        title="MovieLens-100K (GroupLens archive, all items)",
        source=_grouplens("ml-100k", "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229"),
        reader=GrouplensReaderConfig(member="ml-100k/u.data", separator="\t"),
        filter=_UNFILTERED,
        **_MOVIELENS,
    ),
    DatasetConfig(
        id="beauty",
        title="Amazon Beauty 2014 (ratings table of SNAP, 5-core computed here)",
        source=SourceConfig(
            file="ratings_Beauty.csv",
            urls=["https://snap.stanford.edu/data/amazon/productGraph/categoryFiles/ratings_Beauty.csv"],
            sha256="17d5232b90444beecfe758ce1446e5300230491f3a88ac802992ca95fc4c150f",
        ),
        reader=RatingsReaderConfig(),
        filter=FilterConfig(repeats="first"),
        **_AMAZON,
    ),
    DatasetConfig(
        id="beauty-5core",
        title="Amazon Beauty 2014 (5-core, text file of the S3-Rec repository)",
        source=SourceConfig(
            file="s3rec-Beauty.txt",
            urls=[_raw("aHuiWang/CIKM2020-S3Rec", "data/Beauty.txt")],
            sha256="226cce9c3105299ca0db9615d7d3fb32b3175e90da43100ae352599f0f0107b8",
        ),
        reader=SequencesReaderConfig(),
        filter=_UNFILTERED,
        **_AMAZON,
    ),
    DatasetConfig(
        id="beauty-bert4rec",
        title="Amazon Beauty 2014 (text file of the BERT4Rec repository, not a 5-core)",
        source=SourceConfig(
            file="bert4rec-beauty.txt",
            urls=[_raw("FeiSun/BERT4Rec", "data/beauty.txt")],
            sha256="f480b7a7403852342ffd8f9809bb30697dd669be31813d0e204b698fec86ef49",
        ),
        reader=PairsReaderConfig(),
        filter=_UNFILTERED,
        **_AMAZON,
    ),
]

BUILT_IN: dict[str, DatasetConfig] = {entry.id: entry for entry in _ENTRIES}

_SEVERAL_FILES = {"ml-1m": ("ml-1m", "ml-1m-sasrec"), "beauty": ("beauty", "beauty-5core", "beauty-bert4rec")}
_COLLECTIONS = {
    source.sha256: collection
    for collection, versions in _SEVERAL_FILES.items()
    for version in versions
    if (source := BUILT_IN[version].source)
}
"""Collections of which several built-in data sets hold a version each, by the checksum of its file."""
