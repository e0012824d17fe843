"""What made a result: package, commit, machine, data. Written beside every result as `manifest.json`."""

import datetime
import importlib.metadata
import os
import platform
import resource
import socket
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from hydrarec.files import read_object, sha256, write_json
from hydrarec.layout import PARTS, WEIGHTS
from hydrarec.sources import code_state, loaded_sources, source_hashes
from hydrarec.tables import content_hash

PACKAGES = ("implicit", "numpy", "pandas", "pyarrow", "safetensors", "scipy", "snakemake", "torch")
"""Packages whose versions can change a result."""
MANIFEST_KEYS = ("data", "dataset", "git_commit", "git_dirty", "host", "package_version", "protocol", "run", "seed")
"""What results cannot be compared without."""
AGAIN = "Delete the run's folder and start Snakemake again with --forcerun collect: it is computed anew."
"""What to do about a run that cannot be used."""


def write_manifest(
    path: Path,
    *,
    run: dict[str, Any],
    settings: dict[str, Any] | None,
    dataset: str,
    protocol: str,
    seed: int,
    data: dict[str, str],
    threads: int,
    device: str,
    files: Sequence[str] = (),
    resumed: int = 0,
    hosts: Sequence[str] = (),
    earlier_code: Sequence[dict[str, Any]] = (),
    earlier_sources: Mapping[str, str] | None = None,
) -> None:
    """Write the manifest of a run.

    Parameters
    ----------
    path
        The `manifest.json` to write.
    run
        The run's entry of the configuration, complete with defaults.
    settings
        A trained run's complete settings; None for a baseline.
    dataset, protocol, seed
        What was run on.
    data
        What `data_hashes` said when the data were read: by the end others may lie there.
    threads
        CPU threads of the process.
    device
        `cpu`, or the GPU's name.
    files
        Names of the files beside the manifest that were made with it; their hashes go into it.
    resumed
        How often an interrupted training was taken up again.
    hosts
        Machines on which it was; none: on this one.
    earlier_code
        What `code_state` was of processes before this one, where it was not the same.
    earlier_sources
        What `loaded_sources` was of the first of them; files that were edited since are noted as they were too.
    """
    sources = loaded_sources()
    edited = {name: was for name, was in (earlier_sources or {}).items() if sources.get(name) != was}
    write_json(
        path,
        {
            "run": run,
            "settings": settings,
            "dataset": dataset,
            "protocol": protocol,
            "seed": seed,
            "created": now(),
            **describe_machine(device),
            "slurm_job": os.environ.get("SLURM_JOB_ID"),
            "threads": threads,
            "resumed": resumed,
            **({"host": " and ".join(hosts)} if hosts else {}),
            **({"earlier_code": list(earlier_code)} if earlier_code else {}),
            "data": data,
            "sources": sources,
            **({"earlier_sources": edited} if edited else {}),
            "files": file_hashes(path.parent, files),
        },
    )


def describe_machine(device: str) -> dict[str, Any]:
    """Return the versions and the machine that results of this process are made with.

    Parameters
    ----------
    device
        `cpu`, or the GPU's name.
    """
    return {
        **code_state(),
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "cpu": _cpu_name(),
        "cpu_cores": psutil.cpu_count(),
        "cpu_mhz": _cpu_mhz(),
        "gpu": device if device != "cpu" else None,
        "driver": _gpu_driver() if device != "cpu" else None,
        "cuda": _cuda_version() if device != "cpu" else None,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def changed_sources(folder: Path) -> list[str]:
    """Return the source files that are not what they were when a run was computed, by path from the package's folder.

    Nothing is told of runs that were computed before sources were recorded.
    """
    found = source_hashes()
    return sorted(path for path, hashes in recorded_sources(folder).items() if hashes != {found.get(path)})


def recorded_sources(folder: Path) -> dict[str, set[str]]:
    """Return the hashes of the source files that a run was computed with, by path from the package's folder.

    There are several of a file that was edited before a training was resumed, or before the run was ranked.
    """
    found = defaultdict[str, set[str]](set)
    for path in (folder / name for name in ("manifest.json", "inference.json")):
        record = read_object(path) if path.is_file() else {}
        for key in ("sources", "earlier_sources"):
            for name, digest in record.get(key, {}).items():
                found[name].add(digest)
    return dict(found)


def now() -> str:
    """Return the date and time in UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def data_hashes(split: Path) -> dict[str, str]:
    """Return the content hash of each part of a split, by file name.

    Sampled candidates beside them are no part: what was counted among them says so itself (`inference.json`).
    """
    parts = (split / f"{name}.parquet" for name in sorted(PARTS))
    return {path.name: content_hash(path) for path in parts if path.is_file()}


def changed_part(recorded: dict[str, str], split: Path) -> tuple[str, str] | None:
    """Return the first part of a split that is not what was recorded, and its hash now; None if all are."""
    found = data_hashes(split)
    return next(((name, found.get(name, "none")) for name in recorded if found.get(name) != recorded[name]), None)


def file_hashes(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Return the hashes of files of a folder, by name."""
    return {name: file_hash(folder / name) for name in names}


def file_hash(path: Path) -> str:
    """Return the hash of a table's content, whatever wrote it, and of any other file's bytes."""
    return content_hash(path) if path.suffix == ".parquet" else sha256(path)


def read_manifest(path: Path) -> dict[str, Any]:
    """Read a run's manifest.

    Raises
    ------
    ValueError
        If it is not one, or lacks what every version has written since results are comparable at all.
    """
    manifest = read_left(path)
    absent = [key for key in MANIFEST_KEYS if key not in manifest]
    if absent or not manifest["data"]:
        lacks = ", ".join(absent) or "hashes of its data"
        raise ValueError(
            f"{path}: lacks {lacks}: no manifest, or one of a version whose results cannot be used any more. {AGAIN}"
        )
    return manifest


def read_left(path: Path) -> dict[str, Any]:
    """Read a JSON file that a run has left; raises like `read_object`, with what to do about the run."""
    try:
        return read_object(path)
    except ValueError as error:
        raise ValueError(f"{error}. {AGAIN}") from error


def code_of(folder: Path) -> list[dict[str, Any]]:
    """Return what `code_state` was for a run: of all that trained it, and of its ranking where that was another job."""
    manifest = read_manifest(folder / "manifest.json")
    found = [*manifest.get("earlier_code", []), manifest, read_left(folder / "inference.json")]
    keys = ("package_version", "git_commit", "git_dirty")
    return [{key: one[key] for key in keys} for one in found if all(key in one for key in keys)]


def n_changed(codes: Iterable[list[dict[str, Any]]]) -> int:
    """Return how many of some runs, each as `code_of` describes it, had uncommitted changes, as far as is known."""
    return sum(any(code["git_dirty"] for code in of_run) for of_run in codes)


def ranked_with_other_weights(folder: Path) -> bool:
    """Return whether a run was trained anew after it was ranked; what says nothing about weights was not."""
    paths = [folder / "manifest.json", folder / "inference.json"]
    held = [read_left(path).get("files", {}).get(WEIGHTS) if path.is_file() else None for path in paths]
    return None not in held and held[0] != held[1]


def peak_memory_mib() -> float:
    """Return the largest resident memory this process has had so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _cpu_mhz() -> float | None:
    """Return the clock's rate now; it falls under heat and load, so a time without it says less."""
    try:
        clock = psutil.cpu_freq()
    except (OSError, NotImplementedError):
        return None
    return round(clock.current) if clock else None


def _gpu_driver() -> str | None:
    import pynvml  # noqa: PLC0415 - only where there is a GPU

    try:
        pynvml.nvmlInit()
        return str(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        return None


def _cuda_version() -> str | None:
    torch = sys.modules.get("torch")
    return str(torch.version.cuda) if torch is not None else None
