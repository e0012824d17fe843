"""One file from one place: a resuming HTTP download, or a copy out of a folder. Checksums are the caller's business.

Both are pooch downloaders: called with an address and the path to write to.
"""

import re
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

import requests

from hydrarec.files import writing
from hydrarec.progress import bar

CHUNK_BYTES = 2**13
"""Bytes written at a time; so many at most are asked for again after a transfer broke off."""
SLOWEST_BYTES_PER_S = 1024
"""A transfer that is slower, once it has run for a read timeout, is broken off: it may go on elsewhere."""
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 10, 60
ATTEMPTS = 5
"""Tries at one address; each goes on where the one before it broke off."""
FIRST_PAUSE_S = 1.0
"""Pause before the second try; it doubles with every further one."""
WORTH_RETRYING = {408, 425, 429, 500, 502, 503, 504}
"""Answers that may be different a moment later."""


class TransferError(OSError):
    """A file could not be had from an address."""


class HttpTransfer:
    """A download that goes on where an earlier one broke off, in this process or another.

    Parameters
    ----------
    part
        File that collects the bytes; what it holds already is not asked for again.
    first_pause_s
        Pause before the second try, in seconds.
    """

    def __init__(self, part: Path, first_pause_s: float = FIRST_PAUSE_S) -> None:
        self.part = part
        self.first_pause_s = first_pause_s

    def __call__(self, url: str, output_file: str | Path, _: object = None) -> None:
        """Download `url` to `output_file`.

        Raises
        ------
        TransferError
            If the server refuses, or the last try breaks off; the bytes received so far stay in `part`.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._fetch(url)
                break
            except _TemporaryError as error:
                if attempt == ATTEMPTS:
                    raise TransferError(f"{error} (tried {ATTEMPTS} times)") from error
                time.sleep(self.first_pause_s * 2 ** (attempt - 1))
        self.part.replace(output_file)

    def _fetch(self, url: str) -> None:
        """Ask for the bytes that are not there yet and append them."""
        have = self.part.stat().st_size if self.part.is_file() else 0
        # Compressed transfers count other bytes than the file has, so they could not be resumed.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        try:
            with requests.get(
                url, headers=headers, stream=True, timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
            ) as response:
                self._receive(response, have)
        except requests.RequestException as error:
            # Addresses that cannot be asked, or lead in a circle, are no better a moment later.
            if isinstance(error, ValueError | requests.TooManyRedirects):
                raise TransferError(_explain(error)) from error
            raise _TemporaryError(_explain(error)) from error

    def _receive(self, response: requests.Response, have: int) -> None:
        status = response.status_code
        if status == requests.codes.requested_range_not_satisfiable and have:
            self._refused_range(response, have)
            return
        if status in WORTH_RETRYING:
            raise _TemporaryError(f"the server answered {status} {response.reason}")
        if status not in (requests.codes.ok, requests.codes.partial_content):
            raise TransferError(f"the server answered {status} {response.reason}")
        # A server that ignores the request for a range sends the file from its beginning; so must we start anew.
        start = _start_of_range(response) if status == requests.codes.partial_content else 0
        if start not in (0, have):
            # Nothing lies there yet if a part was sent where the whole was asked for.
            self.part.unlink(missing_ok=True)
            raise _TemporaryError(f"the server sent bytes from {start} on, asked were those from {have} on")
        # Otherwise the bytes before a premature end are thrown away with the exception; we count them ourselves.
        response.raw.enforce_content_length = False
        # A length can be checked only if it counts the bytes that are written.
        said = response.headers.get("Content-Length", "")
        length = int(said) if said.isdecimal() and "Content-Encoding" not in response.headers else 0
        chunks = bar(
            response.iter_content(CHUNK_BYTES),
            total=-(-length // CHUNK_BYTES) or None,
            what=f"download {self.part.stem}",
            unit="block",
        )
        received = self._append(chunks, start) - start
        if length and received != length:
            raise _TemporaryError(f"the transfer broke off after {start + received} of {start + length} bytes")

    def _append(self, chunks: Iterable[bytes], start: int) -> int:
        """Write what comes behind the first `start` bytes; return how many there are then."""
        began, position = time.monotonic(), start
        with writing(self.part), self.part.open("r+b" if start else "wb") as stream:
            stream.seek(start)
            for chunk in chunks:
                stream.write(chunk)
                position += len(chunk)
                elapsed = time.monotonic() - began
                if elapsed > READ_TIMEOUT_S and position - start < SLOWEST_BYTES_PER_S * elapsed:
                    raise _TemporaryError(f"slower than {SLOWEST_BYTES_PER_S} bytes a second")
        return position

    def _refused_range(self, response: requests.Response, have: int) -> None:
        """Accept the part if it is the whole file, as the server says; otherwise throw it away and start anew."""
        whole = re.fullmatch(r"bytes \*/(\d+)", response.headers.get("Content-Range", ""))
        if not whole or int(whole[1]) != have:
            self.part.unlink()
            raise _TemporaryError(f"the server has no bytes from {have} on")


class FolderTransfer:
    """A copy out of a folder.

    Parameters
    ----------
    part
        File that collects the bytes until all are there.
    """

    def __init__(self, part: Path) -> None:
        self.part = part

    def __call__(self, path: str, output_file: str | Path, _: object = None) -> None:
        """Copy `path` to `output_file`; raises `TransferError` if it is not there or cannot be read."""
        try:
            with Path(path).open("rb") as source, writing(self.part), self.part.open("wb") as target:
                shutil.copyfileobj(source, target)
        except OSError as error:
            self.part.unlink(missing_ok=True)
            if error.filename == str(self.part):
                raise
            if isinstance(error, FileNotFoundError):
                raise TransferError("no such file") from None
            raise TransferError(error.strerror or str(error)) from error
        self.part.replace(output_file)


class _TemporaryError(Exception):
    """Another try may succeed."""


def _start_of_range(response: requests.Response) -> int:
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(match[1]) if match else -1


def _explain(error: Exception) -> str:
    """Return the innermost reason of a failed request, without the wrapping of the libraries in between."""
    inner = getattr(error, "reason", None) or (error.args[0] if error.args else None)
    return _explain(inner) if isinstance(inner, Exception) else str(error) or type(error).__name__
