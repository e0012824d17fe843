"""Write files so that a crash leaves either the old content or the new, and hash them.

Not for Parquet tables, whose schemas are checked on the way: see `hydrarec.tables`.
"""

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

_PART = ".part"
"""How the names of files and folders end that are not complete; they begin with a full stop."""
_ABANDONED_S = 24 * 3600
"""Nothing here takes so long to write."""


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_UMASK = _umask()
"""Asked once: it can only be asked by changing it, which threads that write at the same time would notice."""


@contextmanager
def atomic_path(path: Path) -> Generator[Path]:
    """Yield a temporary path beside `path` that replaces it when the block ends without an error.

    Parameters
    ----------
    path
        The file to write. Its folder is created.

    Yields
    ------
    Path
        A file in the same folder (so that the rename cannot cross file systems).

    Raises
    ------
    OSError
        If it cannot be written, naming `path`; the file that was there, if any, still is.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_PART)
        os.close(handle)
        temporary = Path(name)
        try:
            _remove_left_overs(beside=temporary)
            yield temporary
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
            # mkstemp makes private files; results are shared within a group like any other output.
            temporary.chmod(0o666 & ~_UMASK)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(folder: Path, *, last: str, replaces: Collection[str] = ()) -> Generator[Path]:
    """Yield an empty folder whose files move into `folder` when the block ends without an error: all of them or none.

    Parameters
    ----------
    folder
        Where the files shall lie. It is created; files under other names stay.
    last
        Name of the file that moves last: where it is new, so are the others.
    replaces
        Names of files that are removed unless they are written anew.

    Yields
    ------
    Path
        A folder inside `folder`.

    Raises
    ------
    OSError
        If that cannot be done, naming the file in `folder`.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder, prefix=".", suffix=_PART))
    try:
        _remove_left_overs(beside=temporary)
        yield temporary
        files = sorted(temporary.iterdir(), key=lambda path: path.name == last)
        for path in files:
            if (folder / path.name).is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(folder / path.name))
        for name in set(replaces).difference(path.name for path in files):
            (folder / name).unlink(missing_ok=True)
        for path in files:
            path.replace(folder / path.name)
    except OSError as error:
        if error.filename is None or Path(error.filename).parent != temporary:
            raise
        raise OSError(error.errno, error.strerror, str(folder / Path(error.filename).name)) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def names_in(folder: Path) -> list[str]:
    """Return the names of the files in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir() if path.is_file())


@contextmanager
def writing(path: Path) -> Generator[None]:
    """Name `path` in whatever the system refuses in the block, such as a write to a full disk, which names no file."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON with sorted keys, atomically; NaN and infinity are refused."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    ValueError
        If the file is not JSON; the message names the file and the line.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}:{error.lineno}: not valid JSON: {error.msg}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: not valid JSON: {error}") from error


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds an object; raises like `read_json`, and if it holds anything else."""
    value = read_json(path)
    if not isinstance(value, dict):
        raise ValueError(f"{path}: expected a JSON object, found {type(value).__name__}; run its step again")
    return cast(dict[str, Any], value)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as hexadecimal text."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _remove_left_overs(beside: Path) -> None:
    """Remove what was being written long before `beside` was made: by processes that were killed, here or elsewhere.

    What cannot be removed, such as what another member of the group left, stays.
    """
    now = beside.stat().st_mtime
    for path in beside.parent.glob(f".*{_PART}"):
        # Another process may be removing it too.
        with suppress(OSError):
            if now - path.stat().st_mtime > _ABANDONED_S:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()
