"""The drawn archive has the size and the layout that it says, and is prepared like the original would be."""

import numpy as np
import pytest

from hydrarec.bench.preparation import SHORTEST, Size, write_archive
from hydrarec.config.built_in import BUILT_IN
from hydrarec.data import readers

SIZE = Size(n_users=50, n_items=1000, n_rows=3000)


def test_layout(tmp_path):
    write_archive(tmp_path / "a.zip", SIZE)
    frame = readers.read(tmp_path / "a.zip", BUILT_IN["ml-20m"].reader)
    users, items = frame["user"].to_numpy(np.int64), frame["item"].to_numpy(np.int64)
    assert len(frame) == SIZE.n_rows
    assert len(np.unique(users)) == SIZE.n_users
    assert np.bincount(users)[1:].min() >= SHORTEST
    keys = users * 10**6 + items
    assert (np.diff(keys) > 0).all(), "by user and movie id, no pair twice"
    assert len(np.unique(items)) <= SIZE.n_items


def test_equal_arguments_give_equal_rows(tmp_path):
    frames = []
    for name, seed in (("a.zip", 1), ("b.zip", 1), ("c.zip", 2)):
        write_archive(tmp_path / name, SIZE, seed)
        frames.append(readers.read(tmp_path / name, BUILT_IN["ml-20m"].reader))
    assert frames[0].equals(frames[1])
    assert not frames[0].equals(frames[2])


def test_what_cannot_be_drawn(tmp_path):
    with pytest.raises(ValueError, match="are too few for 50 users"):
        write_archive(tmp_path / "a.zip", Size(n_users=50, n_items=200, n_rows=999))
    with pytest.raises(ValueError, match="30 items are too few for a user with"):
        write_archive(tmp_path / "a.zip", Size(n_users=50, n_items=30, n_rows=3000))
