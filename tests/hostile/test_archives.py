"""Archives that are damaged, lie, or were made to harm."""

import io
import struct
import zipfile
from pathlib import Path

import pytest

from hydrarec.config.datasets import GrouplensReaderConfig

MEMBER = "ml-1m/ratings.dat"
READER = GrouplensReaderConfig(member=MEMBER)
ROWS = b"".join(b"%d::%d::3::%d\n" % (i % 40, i * i % 977, 978300760 + i) for i in range(800))


def write_zip(path, *members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


@pytest.fixture
def archive(tmp_path) -> Path:
    return write_zip(tmp_path / "ml-1m.zip", ("ml-1m/README", b"read me"), (MEMBER, ROWS))


def patched(path: Path, signature: bytes, offset: int, value: bytes) -> Path:
    """Overwrite a field of the last header with this signature, which is the table's."""
    content = bytearray(path.read_bytes())
    start = content.rfind(signature) + offset
    content[start : start + len(value)] = value
    path.write_bytes(content)
    return path


LOCAL, CENTRAL = b"PK\3\4", b"PK\1\2"


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.9, 0.999])
def test_truncated(archive, prepare, kept):
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content) * kept)])
    prepare(archive, READER, "truncated or damaged", "download again")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"\x1f\x8b\x08gzip", b"PK\5\6" + bytes(18)])
def test_no_archive_at_all(archive, prepare, content):
    archive.write_bytes(content)
    prepare(archive, READER)


def test_changed_since_it_was_downloaded(archive, prepare):
    prepare(archive, READER, "expected sha256 " + "a" * 64, "download again", sha256="a" * 64)


@pytest.mark.parametrize("name", ["../../x", "/etc/cron.d/x", "C:\\x", "..\\x", "ml-1m/../../x", "\\\\server\\x"])
def test_path_that_leaves_the_folder(tmp_path, prepare, name):
    prepare(write_zip(tmp_path / "a.zip", (MEMBER, ROWS), (name, b"")), READER, "leaves its folder", repr(name))


def test_symbolic_link(tmp_path, prepare):
    link = zipfile.ZipInfo("ml-1m/link")
    link.external_attr = 0o120777 << 16
    prepare(
        write_zip(tmp_path / "a.zip", (MEMBER, ROWS), (link, b"/etc/passwd")), READER, "symbolic link", "ml-1m/link"
    )


def test_table_that_is_a_symbolic_link(tmp_path, prepare):
    link = zipfile.ZipInfo(MEMBER)
    link.external_attr = 0o120777 << 16
    prepare(write_zip(tmp_path / "a.zip", (link, b"/etc/passwd")), READER, "symbolic link", MEMBER)


def test_bomb_by_ratio(tmp_path, prepare):
    prepare(write_zip(tmp_path / "a.zip", (MEMBER, b"1::1::1::1\n" * 7_000_000)), READER, "would unfold", "200 to one")


def test_the_same_table_twice(tmp_path, prepare):
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = write_zip(tmp_path / "a.zip", (MEMBER, ROWS), (MEMBER, b"1::1::1::1\n"))
    prepare(path, READER, "2 members", MEMBER)


def test_thousands_of_members(tmp_path, prepare):
    path = write_zip(tmp_path / "a.zip", *((f"{i}/{'x' * 150}", b"") for i in range(3000)), method=zipfile.ZIP_STORED)
    prepare(path, READER, "no member", MEMBER, "2980 more")


def test_names_that_would_move_the_cursor(tmp_path, prepare):
    path = write_zip(tmp_path / "a.zip", ("\x1b[2Jgone\r\nhydrarec: all is well", b""))
    prepare(path, READER, "no member", "\\x1b[2Jgone")


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED])
def test_damage_in_the_middle(tmp_path, prepare, method):
    path = write_zip(tmp_path / "a.zip", (MEMBER, ROWS), method=method)
    content = bytearray(path.read_bytes())
    content[500:520] = bytes(255 - byte for byte in content[500:520])
    path.write_bytes(content)
    prepare(path, READER)


def test_wrong_checksum_of_the_table(archive, prepare):
    prepare(patched(archive, CENTRAL, 16, b"\1\2\3\4"), READER, "CRC-32", MEMBER)


@pytest.mark.parametrize("size", [0, 100, 2**31])
def test_size_that_is_a_lie(archive, prepare, size):
    prepare(patched(archive, CENTRAL, 24, struct.pack("<L", size)), READER)


def test_encrypted(archive, prepare):
    patched(archive, LOCAL, 6, b"\1\0")
    prepare(patched(archive, CENTRAL, 8, b"\1\0"), READER, "encrypted", MEMBER)


def test_unknown_compression(archive, prepare):
    patched(archive, LOCAL, 8, b"\x63\0")
    prepare(patched(archive, CENTRAL, 10, b"\x63\0"), READER, "cannot be read")


def test_archive_in_an_archive(tmp_path, prepare):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr(MEMBER, ROWS)
    prepare(write_zip(tmp_path / "a.zip", (MEMBER, inner.getvalue())), READER, f"{MEMBER}:1")


def test_folder_in_place_of_the_table(tmp_path, prepare):
    prepare(write_zip(tmp_path / "a.zip", (f"{MEMBER}/", b"")), READER, "no member", MEMBER)


def test_folder_in_place_of_the_archive(tmp_path, prepare):
    (tmp_path / "ml-1m.zip").mkdir()
    prepare(tmp_path / "ml-1m.zip", READER, "no such file", "download it first")
