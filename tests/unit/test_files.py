"""What killed processes leave behind is removed, and nothing that is still being written."""

import errno
import os
import time
from pathlib import Path

import pytest

from hydrarec.files import atomic_folder, write_text


def test_what_was_being_written_long_ago_is_removed_and_nothing_else(tmp_path):
    for name in ("old", "new"):
        folder = tmp_path / f".{name}.part"
        folder.mkdir()
        (folder / "half.parquet").write_text("half")
        (tmp_path / f".{name}.json.part").write_text("half")
    (tmp_path / "download.part").write_text("goes on there")
    long_ago = time.time() - 48 * 3600
    for name in (".old.part", ".old.json.part", "download.part"):
        os.utime(tmp_path / name, (long_ago, long_ago))
    with atomic_folder(tmp_path, last="manifest.json") as new:
        (new / "whole.txt").write_text("whole")
    left = {".new.part", ".new.json.part", "download.part", "whole.txt"}
    assert {path.name for path in tmp_path.iterdir()} == left
    write_text(tmp_path / "another.txt", "")
    assert {path.name for path in tmp_path.iterdir()} == {*left, "another.txt"}


def test_the_named_file_moves_last_whenever_it_was_written(tmp_path, monkeypatch):
    moved, replace = [], Path.replace
    monkeypatch.setattr(Path, "replace", lambda path, target: (moved.append(path.name), replace(path, target)))
    with atomic_folder(tmp_path, last="b.json") as new:
        for name in ("c.txt", "b.json", "a.txt"):
            (new / name).write_text("")
            # File systems keep times to the second or worse.
            os.utime(new / name, (0, 0))
    assert moved[-1] == "b.json"
    assert len(moved) == 3


def test_of_the_names_it_replaces_nothing_older_is_left_and_other_files_are(tmp_path):
    for name in ("kept.txt", "old.txt", "both.txt"):
        (tmp_path / name).write_text("before")
    with atomic_folder(tmp_path, last="both.txt", replaces=("old.txt", "both.txt", "never.txt")) as new:
        (new / "both.txt").write_text("after")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"kept.txt": "before", "both.txt": "after"}


def test_nothing_is_removed_where_nothing_could_be_written(tmp_path):
    (tmp_path / "old.txt").write_text("before")
    with pytest.raises(RuntimeError), atomic_folder(tmp_path, last="new.txt", replaces=("old.txt",)) as new:
        (new / "new.txt").write_text("after")
        raise RuntimeError
    assert {path.name for path in tmp_path.iterdir()} == {"old.txt"}


def test_what_cannot_be_removed_hinders_no_writing(tmp_path, monkeypatch):
    """Left by another member of the group, in whose folder nobody else may do anything."""
    for name, made in ((".old.part", Path.mkdir), (".old.json.part", Path.touch), (".own.json.part", Path.touch)):
        made(tmp_path / name)
        os.utime(tmp_path / name, (time.time() - 48 * 3600,) * 2)
    for name, system in (("rmdir", os.rmdir), ("unlink", os.unlink)):

        def refused(path, *arguments, system=system, **options):
            if Path(path).name.startswith(".old."):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            system(path, *arguments, **options)

        monkeypatch.setattr(os, name, refused)
    write_text(tmp_path / "a.txt", "")
    with atomic_folder(tmp_path, last="manifest.json") as new:
        (new / "b.txt").write_text("")
    assert {path.name for path in tmp_path.iterdir()} == {".old.part", ".old.json.part", "a.txt", "b.txt"}
