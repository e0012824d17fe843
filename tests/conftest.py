"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def mirror() -> Path:
    """Folder with the raw data sets, which may not be redistributed; tests that need it skip without it."""
    folder = Path(os.environ.get("HYDRAREC_MIRROR") or ROOT.parent / "shared" / "data" / "mirror")
    if not folder.is_dir():
        pytest.skip(f"the raw data sets are not at {folder}; set HYDRAREC_MIRROR to a folder that holds them")
    return folder
