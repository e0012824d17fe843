"""Raw files: asked for at mirrors first, then at their source, and accepted by checksum only."""

import logging
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pooch

from hydrarec.config.benchmark import BenchmarkConfig
from hydrarec.config.datasets import DatasetConfig, SourceConfig
from hydrarec.config.mistakes import Locate
from hydrarec.data.transfer import FIRST_PAUSE_S, FolderTransfer, HttpTransfer, TransferError
from hydrarec.files import sha256

MIRROR_VARIABLE = "HYDRAREC_MIRROR"

log = logging.getLogger(__name__)
# What it says is said here, in this package's format and with the reasons.
pooch.get_logger().setLevel(logging.WARNING)


class DownloadError(OSError):
    """A file could not be had from anywhere; the message lists every location and what to do."""


class ChecksumError(ValueError):
    """Bytes are not those that the configuration pins."""


def download(
    dataset: DatasetConfig, folder: Path, mirror: str | None, *, first_pause_s: float = FIRST_PAUSE_S
) -> Path | None:
    """Make sure that a dataset's raw file lies in a folder, with the pinned checksum.

    A file that is there already and right is left alone. Otherwise the mirrors (the environment's HYDRAREC_MIRROR,
    then `mirror`) and then the urls of the source are tried in order, and the first right file is taken. Bytes of
    an interrupted download stay in `<file>.part` and are not fetched again; under its final name the file appears
    complete and checked, or not at all.

    Parameters
    ----------
    dataset
        The dataset.
    folder
        Where the file shall lie.
    mirror
        Folder or base url that holds files under the names of the configuration; None for no mirror.
    first_pause_s
        Pause before an address is tried a second time, in seconds; it doubles with every further try.

    Returns
    -------
    Path or None
        The file; None for a dataset that has none.

    Raises
    ------
    DownloadError
        If no location had the file; lists what was tried and why it failed.
    """
    source = dataset.source
    if source is None:
        return None
    target = folder / source.file
    failures = []
    if target.is_file():
        found = sha256(target)
        if found == source.sha256:
            return target
        # It may be half a copy made by hand; under this name nothing may lie that is not the pinned file.
        target.unlink()
        failures.append(f"{target}: {_wrong(source, found)}; removed")
        log.warning(failures[-1])
    for location in _locations(source, mirror):
        try:
            _fetch(location, source, folder, first_pause_s)
        except (TransferError, ChecksumError) as error:
            failures.append(f"{location.shown}: {error}")
            log.warning("%s: %s", dataset.id, failures[-1])
        else:
            return target
    raise DownloadError(_instructions(dataset.id, source, target, failures))


def local_troubles(config: BenchmarkConfig, locate: Locate) -> list[str]:
    """Say which local data cannot be had, and which are not those that a configuration names.

    Once fetched, the data named are kept in results/raw, so that an edit in the mirror alone changes nothing. Files in
    local mirrors are hashed.

    Parameters
    ----------
    config
        The comparison. Relative folders are seen from the current one, as by the Snakemake that works here.
    locate
        Says where a value of it stands.
    """
    mirrors = [*_mirrors(config.mirror)]
    local = [_folder(base) for base in mirrors if not _is_remote(base)]
    found = [
        f"{locate(['mirror'])}: mirror: there is no folder {base}"
        if base == config.mirror
        else f"{MIRROR_VARIABLE}: there is no folder {base}"
        for base in mirrors
        if not _is_remote(base) and not _folder(base).is_dir()
    ]
    for index, dataset in enumerate(config.datasets):
        source = dataset.source
        if source is None:
            continue
        paths = [folder / source.file for folder in local if (folder / source.file).is_file()]
        for path in paths:
            if (now := sha256(path)) != source.sha256:
                where = locate(["datasets", index, "source", "sha256"])
                found.append(
                    f"{where}: {path} has sha256 {now} now; the configuration names {source.sha256}. "
                    "Name the new one to use the file as it is"
                )
        elsewhere = source.urls or any(map(_is_remote, mirrors))
        if not paths and not elsewhere and any(folder.is_dir() for folder in local):
            where, names = locate(["datasets", index, "source", "file"]), ", ".join(map(str, local))
            found.append(f"{where}: {source.file} is not in {names}, and no url is given")
    return found


@dataclass(frozen=True)
class _Location:
    """Where a file may be had."""

    address: str
    remote: bool

    @property
    def shown(self) -> str:
        """The address without a password, which is nobody's business in a log."""
        return re.sub(r"(?<=//)[^/@]*@", "", self.address) if self.remote else self.address


def _locations(source: SourceConfig, mirror: str | None) -> list[_Location]:
    locations = [
        _Location(f"{base.rstrip('/')}/{source.file}", remote=True)
        if _is_remote(base)
        else _Location(str(_folder(base) / source.file), remote=False)
        for base in _mirrors(mirror)
    ]
    return locations + [_Location(url, remote=True) for url in source.urls]


def _mirrors(mirror: str | None) -> Iterable[str]:
    return dict.fromkeys(base for base in (os.environ.get(MIRROR_VARIABLE), mirror) if base)


def _is_remote(mirror: str) -> bool:
    return mirror.startswith(("http://", "https://"))


def _folder(mirror: str) -> Path:
    try:
        return Path(mirror).expanduser()
    except RuntimeError:
        # ~ and the name of nobody here: perhaps a folder is called that.
        return Path(mirror)


def _fetch(location: _Location, source: SourceConfig, folder: Path, first_pause_s: float) -> None:
    part = folder / f"{source.file}.part"
    folder.mkdir(parents=True, exist_ok=True)
    if part.is_symlink():
        # To write there would be to overwrite whatever it leads to.
        part.unlink()
    resumed = location.remote and part.is_file()
    try:
        _retrieve(location, source, folder, first_pause_s)
    except ChecksumError:
        if not resumed:
            raise
        # The bytes of the interrupted download were another version's; the location itself may well be right.
        log.warning("%s: does not continue the interrupted download; starting anew", location.shown)
        _retrieve(location, source, folder, first_pause_s)


def _retrieve(location: _Location, source: SourceConfig, folder: Path, first_pause_s: float) -> None:
    part = folder / f"{source.file}.part"
    # A copy gets its own name: it must not destroy the beginning of a download.
    transfer = HttpTransfer(part, first_pause_s) if location.remote else FolderTransfer(part.with_suffix(".copy"))

    def checked(address: str, output_file: str, _: object) -> None:
        log.info("%s: fetching %s", source.file, location.shown)
        transfer(address, output_file)
        found = sha256(Path(output_file))
        if found != source.sha256:
            raise ChecksumError(_wrong(source, found))

    pooch.retrieve(
        location.address, known_hash=f"sha256:{source.sha256}", fname=source.file, path=folder, downloader=checked
    )
    # Whatever an interrupted download left behind is of no use any more.
    part.unlink(missing_ok=True)


def _wrong(source: SourceConfig, found: str) -> str:
    return f"wrong checksum: expected sha256 {source.sha256}, found {found}"


def _instructions(dataset_id: str, source: SourceConfig, target: Path, failures: list[str]) -> str:
    tried = "; ".join(failures) or "nothing: no mirror is set and there is no url"
    return (
        f"{dataset_id}: {source.file} could not be had; its sha256 must be {source.sha256}. Tried: {tried}\n"
        f"Either fetch it by hand and put it at {target}, or put it into a folder (or at a base url) under the name "
        f"{source.file} and set {MIRROR_VARIABLE} or `mirror:` to that folder or url."
    )
