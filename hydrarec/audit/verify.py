"""Hash every file of results again and hold it to what was recorded when it was written.

A run's manifest records the data it saw and the files written with it; `inference.json` what a ranking read and wrote;
`card.json`, `split.json` and the `machine.json` of measurements the tables beside them. Tables over all runs, what
measurements come to, and older results, of which files were not recorded, are counted: of them no hash is there to
compare with.
"""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydrarec.files import read_object
from hydrarec.layout import candidates_file, raw_file, split_folder
from hydrarec.provenance import file_hash, read_manifest

_SHOWN = 16
"""Digits of a hash in a message."""


@dataclass
class Audit:
    """What was found."""

    problems: list[str] = field(default_factory=list)
    """One line each: file, what is recorded and where, what is there."""
    unrecorded: list[Path] = field(default_factory=list)
    """Files that no hash is recorded for."""
    unfinished: list[Path] = field(default_factory=list)
    """Run folders without a manifest, or trained and not ranked."""
    versions: Counter[str] = field(default_factory=Counter)
    """Runs by version of the package."""
    checked: dict[Path, int] = field(default_factory=dict)
    """Bytes of each file that was hashed."""
    _hashes: dict[Path, str] = field(default_factory=dict)

    def hold(self, path: Path, expected: str, recorded_in: Path) -> None:
        """Compare a file with a recorded hash; what is hashed once is not hashed again."""
        if path not in self._hashes:
            self._hashes[path] = self._hash(path)
        found = self._hashes[path]
        if found != expected:
            self.problems.append(f"{path}: expected {expected[:_SHOWN]} by {recorded_in}, found {_shorten(found)}")

    def _hash(self, path: Path) -> str:
        try:
            found = file_hash(path)
            self.checked[path] = path.stat().st_size
        except FileNotFoundError:
            return "no such file"
        except (ValueError, OSError) as error:
            return f"what cannot be read: {str(error).removeprefix(f'{path}: ').splitlines()[0]}"
        return found


def verify(folder: Path) -> Audit:
    """Check a results folder, the folder of a run, of a data set or of a split.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    audit = Audit()
    if (folder / "runs").is_dir() or (folder / "data").is_dir():
        for card in sorted((folder / "data").glob("*/card.json")):
            _check_data(card.parent, audit)
        for run in sorted(path for path in (folder / "runs").glob("*/*/*/seed-*") if path.is_dir()):
            _check_run(run, audit)
        for machine in sorted((folder / "efficiency").glob("*/*/*/machine.json")):
            _check_measurement(machine.parent, audit)
        tables = [*(folder / "comparison").rglob("*"), *(folder / "efficiency").glob("*/*/*.parquet")]
        audit.unrecorded += sorted(path for path in tables if path.is_file())
    elif (folder / "card.json").is_file():
        _check_data(absolute_path(folder), audit)
    elif (folder / "split.json").is_file():
        _check_split(absolute_path(folder), audit)
    elif absolute_path(folder).name.startswith("seed-"):
        _check_run(absolute_path(folder), audit)
    else:
        raise ValueError(
            f"{folder}: nothing to verify; allowed: a results folder (it holds runs/ or data/), "
            "the folder of a run (…/seed-<k>), of a data set (card.json) or of a split (split.json)"
        )
    return audit


def absolute_path(folder: Path) -> Path:
    """Return the path with the names of the folder and of all around it, which say what it is of.

    A relative path may lack them or lead up and down again; what symbolic links lead to may have others.
    """
    return Path(os.path.abspath(folder))  # noqa: PTH100 - Path.resolve follows links


def format_audit(audit: Audit) -> str:
    """Return the problems, a line each, and how much was checked."""
    lines = [*audit.problems]
    n_bytes = sum(audit.checked.values())
    made_by = ", ".join(f"{number} by hydrarec {version}" for version, number in sorted(audit.versions.items()))
    lines.append(
        f"{len(audit.checked)} files checked, {n_bytes:,} bytes: {len(audit.problems) or 'no'} "
        f"problem{'' if len(audit.problems) == 1 else 's'}." + (f" Runs: {made_by}." if made_by else "")
    )
    for paths, words in (
        (audit.unfinished, "runs are not finished, and what they lack was not checked"),
        (audit.unrecorded, "files have no hashes recorded, so nothing is known of them"),
    ):
        if paths:
            lines.append(f"{len(paths)} {words}; the first: {paths[0]}.")
    if audit.problems:
        lines.append(
            "Delete the folder of each damaged file (of a run: seed-<k>) and start Snakemake again with --forcerun "
            "collect: it computes that and what hangs on it."
        )
    return "\n".join(lines)


def _check_run(folder: Path, audit: Audit) -> None:
    path = folder / "manifest.json"
    if not path.is_file():
        audit.unfinished.append(folder)
        return
    try:
        manifest = read_manifest(path)
    except ValueError as error:
        audit.problems.append(str(error))
        return
    ranked = (folder / "inference.json").is_file()
    if not ranked:
        audit.unfinished.append(folder)
    ranking = _read(folder / "inference.json", audit) if ranked else {}
    audit.versions[manifest["package_version"]] += 1
    *_, dataset, protocol, run, seed = folder.parts
    said = (manifest["dataset"], manifest["protocol"], manifest["run"].get("id"), f"seed-{manifest['seed']}")
    if said != (dataset, protocol, run, seed):
        audit.problems.append(f"{path}: expected the manifest of this folder, found that of {'/'.join(map(str, said))}")
    recorded: dict[str, Any] = manifest.get("files", {})
    for name, digest in recorded.items():
        audit.hold(folder / name, digest, path)
    for name, digest in ranking.get("files", {}).items():
        audit.hold(folder / name, digest, folder / "inference.json")
    known = {*recorded, *ranking.get("files", {}), "manifest.json"} | ({"inference.json"} if recorded else set())
    audit.unrecorded += [each for each in sorted(folder.iterdir()) if each.is_file() and each.name not in known]
    split = split_folder(folder.parents[4], manifest["dataset"], manifest["protocol"])
    if split.is_dir():
        for name, digest in manifest["data"].items():
            audit.hold(split / name, digest, path)
        for kind, digest in ranking.get("candidates", {}).items():
            audit.hold(candidates_file(split, kind), digest, folder / "inference.json")


def _check_measurement(folder: Path, audit: Audit) -> None:
    path = folder / "machine.json"
    _hold_all(folder, ("work.parquet", "times.parquet"), _read(path, audit).get("files", {}), path, audit)


def _check_data(folder: Path, audit: Audit) -> None:
    path = folder / "card.json"
    card = _read(path, audit)
    hashes = {"interactions.parquet": card.get("content_hash"), **card.get("id_hashes", {})}
    _hold_all(folder, ("interactions.parquet", "items.parquet", "users.parquet"), hashes, path, audit)
    source = card.get("source") or {}
    if source.get("sha256"):
        raw = raw_file(folder.parents[1], source["sha256"], str(source.get("file")))
        # Whoever received only the prepared data has no raw file to check.
        if raw.is_file():
            audit.hold(raw, source["sha256"], path)
    for split in sorted(folder.glob("*/split.json")):
        _check_split(split.parent, audit)


def _check_split(folder: Path, audit: Audit) -> None:
    path = folder / "split.json"
    card = _read(path, audit)
    hashes = {f"{name}.parquet": digest for name, digest in card.get("content_hashes", {}).items()}
    _hold_all(folder, [f"{name}.parquet" for name in ("train", "validation", "test")], hashes, path, audit)
    interactions = folder.parent / "interactions.parquet"
    if card.get("interactions_hash") and interactions.is_file():
        audit.hold(interactions, card["interactions_hash"], path)


def _hold_all(folder: Path, names: Sequence[str], hashes: dict[str, str | None], path: Path, audit: Audit) -> None:
    for name in names:
        if digest := hashes.get(name):
            audit.hold(folder / name, digest, path)
        else:
            audit.unrecorded.append(folder / name)


def _read(path: Path, audit: Audit) -> dict[str, Any]:
    """Return what a file of hashes says; nothing, and a problem, if it cannot be read."""
    try:
        return read_object(path)
    except ValueError as error:
        audit.problems.append(str(error))
        return {}


def _shorten(found: str) -> str:
    return found[:_SHOWN] if " " not in found else found
