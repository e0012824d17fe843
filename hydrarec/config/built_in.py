"""Data sets that are named by their id alone, and others like them. To add one, add an entry to `_ENTRIES`."""

from typing import Any, TypedDict, cast

from hydrarec.config.datasets import (
    DatasetConfig,
    FilterConfig,
    GrouplensReaderConfig,
    PairsReaderConfig,
    RatingsReaderConfig,
    SequencesReaderConfig,
    SourceConfig,
    SyntheticReaderConfig,
    ThinConfig,
)


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


def origin(dataset: DatasetConfig) -> str:
    """Return what a dataset's interactions are taken from: two of one origin are about the same users.

    The bytes that are read and how, or the collection that several known files hold. Which of the interactions are
    kept, and in which order, makes no other origin.
    """
    read = "" if dataset.source is None else dataset.source.sha256
    return _COLLECTIONS.get(read) or f"{read} {dataset.reader.model_dump_json()}"


def look_up(entry: Any) -> Any:
    """Look up a built-in dataset, or the one that an entry is like; other entries stay as they are."""
    changes: dict[str, Any] = {}
    if isinstance(entry, dict):
        changes |= cast(dict[str, Any], entry)
    like = entry if isinstance(entry, str) else changes.pop("like", None)
    if not isinstance(like, str):
        return cast(object, entry)
    if like not in BUILT_IN:
        raise ValueError(f"{like!r} is not a built-in dataset; allowed: {', '.join(sorted(BUILT_IN))}")
    if isinstance(entry, str):
        return BUILT_IN[like]
    if changes.get("id", like) == like:
        raise ValueError(f"a dataset like {like} needs an `id` of its own")
    title = BUILT_IN[like].title
    if "thin" in changes:
        if BUILT_IN[like].thin is not None:
            raise ValueError(f"{like} is thinned already; name the whole data set in `like`")
        title = thinned_title(title, changes["thin"])
    if "tie_order" in changes:
        title = f"{title}, ties in random order {changes['tie_order']}"
    return _changed(BUILT_IN[like].model_dump(), {"title": title, **changes})


def _changed(block: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Change the keys of a block that are written out, those of blocks inside it one by one too."""
    changed = block | changes
    for key, change in changes.items():
        inside = block.get(key)
        if not isinstance(change, dict) or not isinstance(inside, dict):
            continue
        before, after = cast(dict[str, Any], inside), cast(dict[str, Any], change)
        # Another kind has other keys, and another file can be had elsewhere: nothing of the old one holds.
        if all(after.get(name, before.get(name)) == before.get(name) for name in ("kind", "sha256")):
            changed[key] = _changed(before, after)
    return changed
