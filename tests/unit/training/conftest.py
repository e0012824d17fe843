"""Data of these tests."""

import pytest

from tests.unit.training.ring import write_ring


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "ring"
    write_ring(folder)
    return folder
