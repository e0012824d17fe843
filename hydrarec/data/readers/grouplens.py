"""GroupLens archives: a ratings table inside a zip file, read without extracting anything."""

import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath

import pandas as pd

from hydrarec.config.datasets import GrouplensReaderConfig
from hydrarec.data.delimited.form import LineFormat
from hydrarec.data.delimited.parse import parse
from hydrarec.data.inflate import open_member
from hydrarec.data.text import read_blocks

COLUMNS = ("user", "item", "rating", "timestamp")
LARGEST_RATIO, HARMLESS_BYTES = 200, 2**26
"""A table larger than this that was packed better than so many to one is no table of ratings; theirs are about 4."""
LISTED_MEMBERS = 20
"""Names of members shown when the wanted one is absent."""


def read(path: Path, config: GrouplensReaderConfig) -> pd.DataFrame:
    """Read the ratings table of a GroupLens archive; ratings count as interactions whatever their value.

    Parameters
    ----------
    path
        The zip file.
    config
        Which member, and how its lines look.

    Returns
    -------
    pandas.DataFrame
        Columns `user`, `item`, `timestamp`, in the order of the table.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the archive is truncated or damaged, holds an absolute path, one with `..` or a link, lacks the member, has
        it twice or packed more densely than ratings can be, or a line is not a rating.
    """
    source = f"{path}/{config.member}"
    form = LineFormat(COLUMNS, config.separator, config.header)
    with _archive(path) as archive:
        _check_members(archive, path, config.member)
        with open_member(archive, config.member) as stream:
            size = archive.getinfo(config.member).file_size
            return parse(read_blocks(stream, source, config.encoding, size), form, source)


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip file; damage found now or while it is read is a `ValueError` that names the file."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except zipfile.BadZipFile as error:
        with path.open("rb") as stream:
            is_zip = stream.read(2) == b"PK"
        advice = "remove it and download again"
        if not is_zip:
            advice = "a file that is unpacked already is read by {kind: ratings}, with its separator"
        raise ValueError(f"{path}: truncated or damaged zip archive: {error}; {advice}") from error
    except (zlib.error, lzma.LZMAError, EOFError) as error:
        raise ValueError(f"{path}: truncated or damaged zip archive: {error}; remove it and download again") from error
    except OSError as error:
        # Damage that bz2 finds, or places beyond the file; what the system refuses has the name of the file.
        if error.filename is not None:
            raise
        raise ValueError(f"{path}: truncated or damaged zip archive: {error}; remove it and download again") from error
    except (NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{path}: the zip archive cannot be read: {error}") from error


def _check_members(archive: zipfile.ZipFile, path: Path, wanted: str) -> None:
    names = archive.namelist()
    unsafe = [name for name in names if _leaves_folder(name)]
    if unsafe:
        raise ValueError(f"{path}: refused, the archive holds a path that leaves its folder: {unsafe[0]!r}")
    links = [member.filename for member in archive.infolist() if stat.S_ISLNK(member.external_attr >> 16)]
    if links:
        raise ValueError(f"{path}: refused, the archive holds a symbolic link: {links[0]!r}")
    if wanted not in names:
        more = f" and {len(names) - LISTED_MEMBERS} more" if len(names) > LISTED_MEMBERS else ""
        held = ", ".join(names[:LISTED_MEMBERS]) or "nothing"
        raise ValueError(f"{path}: the archive has no member {wanted!r}; it holds {held}{more}")
    if names.count(wanted) > 1:
        raise ValueError(f"{path}: refused, the archive has {names.count(wanted)} members {wanted!r}")
    member = archive.getinfo(wanted)
    if member.file_size > max(HARMLESS_BYTES, LARGEST_RATIO * member.compress_size):
        raise ValueError(
            f"{path}: refused, {wanted!r} would unfold {member.compress_size} bytes to {member.file_size}; "
            f"allowed: {LARGEST_RATIO} to one"
        )


def _leaves_folder(name: str) -> bool:
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    return posix.is_absolute() or bool(windows.anchor) or ".." in posix.parts or ".." in windows.parts
