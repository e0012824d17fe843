"""Which code this process runs: the package's version, the commit of its checkout, the hashes of its files."""

import functools
import logging
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydrarec import __version__
from hydrarec.files import sha256

log = logging.getLogger(__name__)

_NO_PART_OF_COMPUTING = ("cli", "config")
"""Folders of the package whose say in a result is its settings, which are recorded and compared by themselves."""


@functools.cache
def code_state() -> dict[str, str | bool | None]:
    """Return the version of the package, the commit of its checkout, and whether the code differs from it.

    Asked for when a computation begins, and the same from then on: a checkout that is updated meanwhile changes nothing
    about the code that a process has loaded. Files that Git does not know yet count where they are part of the code. A
    kept report never counts: while it is made anew, its old files are gone. Commit and differences are None where the
    package is in no checkout, or Git tells nothing about it; then the log has what it said.
    """
    package = Path(__file__).parent
    # Git refuses a checkout of somebody else, for it might run what is set there; its Python runs here anyway.
    trusted = f"safe.directory={package.parent.resolve()}"
    # Of the same moment, before files are edited that are loaded already.
    source_hashes()

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(package.parent), "-c", trusted, *arguments],
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
        ).stdout.strip()

    try:
        # Installed in an environment inside somebody's repository, the package is no part of it.
        git("ls-files", "--error-unmatch", str(Path(__file__).relative_to(package.parent)))
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ":(top)", ":(top,exclude)reports")
        new = git("ls-files", "--others", "--exclude-standard", "--", package.name, "workflow", "Snakefile")
        commit, dirty = git("rev-parse", "HEAD"), bool(changed or new)
    except (OSError, subprocess.SubprocessError) as error:
        commit, dirty = None, None
        if (package.parent / ".git").exists():
            said = getattr(error, "stderr", None) or str(error)
            log.warning(
                "%s: not known which commit this is, and whether it was edited: %s", package.parent, said.strip()
            )
    return {"package_version": __version__, "git_commit": commit, "git_dirty": dirty}


def code_name(code: Mapping[str, Any]) -> str:
    """Return version and commit in words, of `code_state` or of a manifest."""
    commit = f"commit {code['git_commit'][:10]}" if code["git_commit"] else "commit unknown"
    return f"hydrarec {code['package_version']}, {commit}{' with uncommitted changes' if code['git_dirty'] else ''}"


@functools.cache
def source_hashes() -> dict[str, str]:
    """Return the hashes of the package's source files that can decide a result, by path from the package's folder.

    The same from the first call on, as with `code_state`.
    """
    package = Path(__file__).parent
    paths = (path for path in sorted(package.rglob("*.py")) if path.parent.name not in _NO_PART_OF_COMPUTING)
    return {path.relative_to(package).as_posix(): sha256(path) for path in paths}


def loaded_sources() -> dict[str, str]:
    """Return those of `source_hashes` that this process has loaded; operators of other runs are not among them."""
    package = Path(__file__).parent
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    loaded = {Path(file) for file in files if file}
    return {path: found for path, found in source_hashes().items() if package / path in loaded}
