"""What killed processes leave behind is removed, and nothing that is still being written."""

import os
import time

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
