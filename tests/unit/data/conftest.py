"""Small data sets, written as files of the raw formats."""

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hydrarec.config.datasets import DatasetConfig, FilterConfig, RatingsReaderConfig, ReaderConfig, SourceConfig

EVERYTHING = FilterConfig(min_user_interactions=1, min_item_interactions=1)


def dataset(path: Path, reader: ReaderConfig | None = None, settings: FilterConfig = EVERYTHING) -> DatasetConfig:
    """Return the configuration of a file."""
    return DatasetConfig(
        id="tiny",
        title="Tiny",
        source=SourceConfig(file=path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest()),
        reader=reader or RatingsReaderConfig(columns=["user", "item", "timestamp"]),
        filter=settings,
    )


@pytest.fixture
def ratings_file(tmp_path: Path) -> Callable[[list[tuple[str, str, int]]], Path]:
    """Write rows of user, item and time."""

    def write(rows: list[tuple[str, str, int]]) -> Path:
        path = tmp_path / "ratings.csv"
        path.write_text("".join(f"{user},{item},{time}\n" for user, item, time in rows))
        return path

    return write


def write_zip(path: Path, member: str, content: str) -> Path:
    """Write a zip archive with one member."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)
    return path
