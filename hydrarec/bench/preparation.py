"""Preparing MovieLens-20M against what a bare reader and a sort need for its ratings.

The archive is drawn, not downloaded: as many rows, users and items as the original, at least 20 ratings of a user, rows
by user and then movie id, popularity by a shifted power law, times in sittings whose ratings share seconds.
"""

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Int
from pyarrow import csv

from hydrarec.bench.base import Case, Conditions
from hydrarec.config.built_in import BUILT_IN
from hydrarec.config.datasets import FilterConfig, SourceConfig
from hydrarec.data.prepare import prepare
from hydrarec.data.split import PROTOCOLS, split
from hydrarec.efficiency.rounds import Subject
from hydrarec.files import atomic_path, sha256

TITLE = "Preparation"
ABOUT = """*prepare* is all from the archive to Parquet: unpacking, checks, duplicates, the 5-core, ids, order and card,
then both splits, each table with its hash. *read and sort* is the least anybody does with the same table: pyarrow reads
it, unpacked and in memory, and numpy orders it by user and time.

Some parts no preparation of this kind can leave out. Each by itself, at full size on two cores of an AMD EPYC, took
these processor seconds before users and positions were stored as they stand, which takes a quarter off writing: hashing
and unpacking the archive 0.7, parsing 1.6, writing the tables of the data set and of both splits 1.8, their hashes and
those of what the splits read 1.1, reading for both splits 0.9. That was 6.1 in all without ordering, against 3.9 of
*read and sort*, whose sorting can use one core only. The rest of what *prepare* takes are ordering, checks of the text
and of the order of rows, duplicates, the core, ids, cards, and memory that is new to the process."""
ROUNDS = 5

MEMBER = "ml-20m/ratings.csv"
SHORTEST = 20
"""Fewest ratings of a user in the original."""
LENGTH_SIGMA = 1.15
"""Spread of the logarithm of the users' numbers of ratings above the fewest."""
POPULARITY_SHIFT, POPULARITY_EXPONENT = 300.0, 2.0
"""The item of rank r is met in proportion to (r + shift) ** -exponent: the top 1 % then has two fifths."""
MOVIE_IDS = 131_262
"""Largest movie id of the original; ids have gaps."""
START, SPAN = 823_000_000, 604_000_000
"""First second and length of the time in which users come (1996 to 2015)."""
SITTING, SECONDS_PER_RATING = 40, 4
"""Ratings of one sitting, and mean seconds between two of them; whole seconds, so that many share one."""
PAUSE_S = 2_000_000
"""Mean seconds between two sittings of a user."""
RATINGS = tuple(str(half / 2) for half in range(1, 11))
"""As the original prints them."""
CHUNK_ROWS = 2**20


@dataclass(frozen=True)
class Size:
    """How much there is in a ratings table."""

    n_users: int = 138_493
    n_items: int = 26_744
    n_rows: int = 20_000_263


ML_20M, SMALL = Size(), Size(300, 400, 9000)


def cases(conditions: Conditions) -> Iterator[Case]:
    """Draw the archive and build the one case."""
    pa.set_cpu_count(conditions.threads)
    size = SMALL if conditions.quick else ML_20M
    archive = conditions.scratch / "ml-20m.zip"
    write_archive(archive, size)
    yield Case(
        name=f"{size.n_rows:,} rows of {size.n_users:,} users, 5-core",
        unit="row",
        subjects=subjects(archive, conditions.scratch / "data"),
        against="read and sort",
    )


def write_archive(path: Path, size: Size = ML_20M, seed: int = 0) -> None:
    """Write a zip archive in the layout of `ml-20m.zip` with a drawn ratings table; equal arguments give equal rows.

    Parameters
    ----------
    path
        The archive.
    size
        Users, items and rows; a user has at least `SHORTEST` rows, all with different items.
    seed
        Of the draw.

    Raises
    ------
    ValueError
        If there are too few rows for the users, or too few items for the user with most rows.
    """
    if size.n_rows < SHORTEST * size.n_users:
        raise ValueError(f"{size.n_rows} rows are too few for {size.n_users} users with {SHORTEST} or more each")
    with (
        atomic_path(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(MEMBER, "w") as stream,
    ):
        stream.write(b"userId,movieId,rating,timestamp\n")
        options = csv.WriteOptions(include_header=False, quoting_style="none")
        for table in _ratings(size, np.random.default_rng(seed)):
            csv.write_csv(table, stream, options)


def subjects(archive: Path, output: Path) -> Sequence[Subject]:
    """Return the preparation, and what a bare reader and a sort do with the same table.

    Parameters
    ----------
    archive
        What `write_archive` wrote.
    output
        Folder to which the preparation writes.

    Returns
    -------
    Sequence
        `prepare`: archive to Parquet (5-core, ids, order, card) and both splits. `read and sort`: pyarrow reads the
        unpacked table from memory with all four columns as numbers, numpy orders it by user and time. Units are rows.
    """
    with zipfile.ZipFile(archive) as opened:
        table = opened.read(MEMBER)
    source = SourceConfig(file=archive.name, sha256=sha256(archive))
    dataset = BUILT_IN["ml-20m"].model_copy(update={"source": source, "filter": FilterConfig()})

    def whole() -> None:
        prepare(dataset, archive, output)
        for protocol in PROTOCOLS:
            split(output, protocol, output / protocol)

    types = {"userId": pa.int32(), "movieId": pa.int32(), "rating": pa.float32(), "timestamp": pa.int64()}
    options = csv.ConvertOptions(column_types=types)
    # As Arrow comes: the preparation has it take memory from elsewhere.
    pool = pa.default_memory_pool()

    def read_and_sort() -> None:
        read = csv.read_csv(pa.BufferReader(table), convert_options=options, memory_pool=pool)
        np.lexsort((read["timestamp"].to_numpy(), read["userId"].to_numpy()))

    n_rows = table.count(b"\n") - 1
    return Subject("prepare", whole, n_rows), Subject("read and sort", read_and_sort, n_rows)


def _ratings(size: Size, stream: np.random.Generator) -> Iterator[pa.Table]:
    """Yield the table in chunks of rows."""
    lengths = _lengths(size, stream)
    if lengths.max() > size.n_items:
        raise ValueError(f"{size.n_items} items are too few for a user with {lengths.max()} different ones")
    users = np.repeat(np.arange(size.n_users, dtype=np.int32), lengths)
    items = _items(lengths, size.n_items, stream)
    movies = np.sort(stream.choice(max(MOVIE_IDS, size.n_items), size.n_items, replace=False)) + 1
    times = _times(users, lengths, stream)
    for start in range(0, size.n_rows, CHUNK_ROWS):
        rows = slice(start, start + CHUNK_ROWS)
        stars = stream.integers(len(RATINGS), size=len(users[rows]), dtype=np.int8)
        ratings = pa.array(RATINGS).take(pa.array(stars))
        yield pa.table({"user": users[rows] + 1, "item": movies[items[rows]], "rating": ratings, "time": times[rows]})


def _lengths(size: Size, stream: np.random.Generator) -> Int[np.ndarray, " U"]:
    """Draw numbers of ratings, logarithmically normal above the fewest, with exactly the sum asked for."""
    weights = stream.lognormal(sigma=LENGTH_SIGMA, size=size.n_users)
    ends = np.rint(np.cumsum(weights) / weights.sum() * (size.n_rows - SHORTEST * size.n_users)).astype(np.int64)
    return SHORTEST + np.diff(ends, prepend=0)


def _items(lengths: Int[np.ndarray, " U"], n_items: int, stream: np.random.Generator) -> Int[np.ndarray, " E"]:
    """Draw every user's items, ascending and all different.

    The catalogue is cut into as many equally popular parts as the user has ratings, and one item drawn from each. Where
    neighbouring parts give the same item, the later one moves to the next free one.
    """
    popularity = (stream.permutation(n_items) + 1 + POPULARITY_SHIFT) ** -POPULARITY_EXPONENT
    indices = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    counts = np.repeat(lengths, lengths)
    drawn = (indices + stream.random(len(indices))) / counts
    items = np.searchsorted(np.cumsum(popularity) / popularity.sum(), drawn).clip(max=n_items - 1) - indices
    # With its index taken off, an item that has to move is one below its predecessor's; users are kept apart.
    apart = np.repeat(np.arange(len(lengths)) * 2 * n_items, lengths)
    items = np.maximum.accumulate(items + apart) - apart + indices
    return np.minimum(items, n_items - counts + indices)


def _times(users: Int[np.ndarray, " E"], lengths: Int[np.ndarray, " U"], stream: np.random.Generator) -> np.ndarray:
    """Draw seconds: sittings of a user lie far apart, ratings inside one close together, in no order of the items."""
    starts = START + stream.integers(SPAN, size=len(lengths))
    sitting = (stream.random(len(users)) * (lengths / SITTING)[users]).astype(np.int64)
    inside = stream.integers(SITTING * SECONDS_PER_RATING, size=len(users))
    return starts[users] + sitting * PAUSE_S + inside
