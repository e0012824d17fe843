"""What killed processes leave behind is removed, and nothing that is still being written."""

import errno
import os
import time
from pathlib import Path

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
    with atomic_folder(tmp_path) as new:
        (new / "whole.txt").write_text("whole")
    left = {".new.part", ".new.json.part", "download.part", "whole.txt"}
    assert {path.name for path in tmp_path.iterdir()} == left
    write_text(tmp_path / "another.txt", "")
    assert {path.name for path in tmp_path.iterdir()} == {*left, "another.txt"}


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
    with atomic_folder(tmp_path) as new:
        (new / "b.txt").write_text("")
    assert {path.name for path in tmp_path.iterdir()} == {".old.part", ".old.json.part", "a.txt", "b.txt"}
