"""What a user is told when something goes wrong: a few short lines, whatever the error carries."""

import errno
import traceback

from hydrarec.config import ConfigError

LINES = 3
"""Most lines of a message, but for a list of mistakes in a configuration: who mends one of them wants to know all."""
BEGINNING, END = 500, 200
"""Characters that stay of a line that is longer: what and where stands at its beginning, what to do at its end."""
_NO_SPACE = "free some space or write elsewhere"
_NO_RIGHT = "ask for the right to it or write elsewhere"
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
"""What PyTorch says when the memory of a GPU or of the machine does not suffice; it has no error of its own for the
latter."""
_LESS = "run it where there is more, or make batch_size, max_length, d_model or the loss's n_negatives smaller"
REMEDIES = {
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.EROFS: _NO_RIGHT,
    errno.EISDIR: "a file is expected there",
    errno.ENOTDIR: "a folder is expected on the way there",
    errno.EEXIST: "a folder is expected there",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "its symbolic links lead to each other; remove them",
    errno.ENOENT: "is the path right? What lies in results/ is made by the step before",
}


def message_of(error: Exception) -> str:
    """Return what to tell about an error.

    Parameters
    ----------
    error
        A user's mistake, trouble of the machine, or one that nobody foresaw; of these the place in the code is told.
    """
    if hasattr(error, "format_message"):
        # Of a value that is none of those allowed, the parser's own way to begin.
        said = error.format_message().replace("Value error, ", "").rstrip(".")
        return _shorten(f"{said}. See `hydrarec --help`, and `--help` of each command.")
    if isinstance(error, ConfigError):
        return _join(_lines(str(error)))
    if isinstance(error, MemoryError):
        return _shorten(f"not enough memory: {error or 'an allocation failed'}\nrun it where there is more")
    if isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _OUT_OF_MEMORY):
        return _shorten(f"not enough memory: {' '.join(str(error).split())}\n{_LESS}")
    if isinstance(error, OSError) and error.errno is not None:
        remedy = f"; {REMEDIES[error.errno]}" if error.errno in REMEDIES else ""
        return _shorten(f"{error.filename or 'a file'}: {error.strerror}{remedy}")
    if isinstance(error, ValueError | OSError | FloatingPointError):
        return _shorten(str(error) or type(error).__name__)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return _shorten(
        f"{type(error).__name__}: {' '.join(str(error).split())}\n"
        f"Nobody foresaw this, at {frame.filename}:{frame.lineno}. A file of another version may be the reason;\n"
        "`--debug` shows the way there, which is what a report of the defect needs."
    )


def _shorten(text: str) -> str:
    """Cut a text to the length of a message; characters that could move a terminal's cursor are spelt out."""
    lines = _lines(text)
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], f"  and {len(lines) - LINES + 1} more lines, which `--debug` shows"]
    return _join(lines)


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _join(lines: list[str]) -> str:
    return "\n".join(_escape(line) for line in lines)


def _escape(line: str) -> str:
    if len(line) > BEGINNING + END:
        line = f"{line[:BEGINNING]} … {line[-END:]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in line)
