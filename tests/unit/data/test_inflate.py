"""What comes out of an archive's member is what the standard library takes out, by either library."""

import zipfile
import zlib

import numpy as np
import pytest

from hydrarec.data import inflate

TEXTS = {
    "nothing": b"",
    "a line": b"1,2,3.5,4\n",
    "a table": b"".join(
        b"%d,%d,4.0,%d\n" % tuple(row) for row in np.random.default_rng(0).integers(9**6, size=(3000, 3))
    ),
}


@pytest.fixture(params=["zlib", "isal.isal_zlib"])
def by(request, monkeypatch):
    monkeypatch.setattr(inflate, "inflating", pytest.importorskip(request.param))
    # Smaller than what a packed byte may unfold to, so that some of it waits.
    monkeypatch.setattr(inflate, "PACKED_BYTES", 100)


def write(path, content, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a/other.csv", b"else")
        archive.writestr("a/r.csv", content)
    return path


def read(path, size):
    with zipfile.ZipFile(path) as archive, inflate.open_member(archive, "a/r.csv") as stream:
        parts = list(iter(lambda: stream.read(size), b""))
    assert all(len(part) <= size for part in parts)
    return b"".join(parts)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2])
@pytest.mark.parametrize("size", [7, 2**12, 2**22])
@pytest.mark.parametrize("content", TEXTS.values(), ids=TEXTS)
def test_members_are_what_was_written(tmp_path, by, content, size, method):
    assert read(write(tmp_path / "a.zip", content, method), size) == content


def changed(path, old, new):
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    return path


def test_wrong_checksum(tmp_path, by):
    path = write(tmp_path / "a.zip", TEXTS["a table"])
    crc = zlib.crc32(TEXTS["a table"])
    changed(path, crc.to_bytes(4, "little"), (crc ^ 1).to_bytes(4, "little"))
    with pytest.raises(zipfile.BadZipFile, match=r"CRC-32 for file 'a/r\.csv'"):
        read(path, 2**22)


@pytest.mark.parametrize("more", [-1, 1])
def test_never_more_than_the_member_says(tmp_path, by, more):
    n_bytes = len(TEXTS["a table"])
    path = write(tmp_path / "a.zip", TEXTS["a table"])
    changed(path, n_bytes.to_bytes(4, "little"), (n_bytes + more).to_bytes(4, "little"))
    if more > 0:
        assert read(path, 2**22) == TEXTS["a table"]
        return
    with pytest.raises(zipfile.BadZipFile, match="CRC-32"):
        read(path, 2**22)


def test_packed_bytes_that_make_no_sense(tmp_path, by):
    path = write(tmp_path / "a.zip", TEXTS["a table"])
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("a/r.csv").header_offset + 30 + len("a/r.csv")
    data = bytearray(path.read_bytes())
    data[start : start + 200] = b"\xff" * 200
    path.write_bytes(data)
    with pytest.raises(zlib.error):
        read(path, 2**22)
