"""Reproduce one run from its manifest and hold what comes out to what is there."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from hydrarec import __version__
from hydrarec.audit.differences import Difference, differences
from hydrarec.audit.verify import absolute_path, verify
from hydrarec.baselines.run import baseline_names, run_baseline
from hydrarec.columns import SAMPLED
from hydrarec.config import RunSettings
from hydrarec.config.mistakes import explain
from hydrarec.layout import candidates_file, split_folder
from hydrarec.provenance import changed_part, read_left, read_manifest
from hydrarec.tables import content_hash, read_table
from hydrarec.training.inference import rank_test
from hydrarec.training.run import train

Verdict = Literal["identical", "within tolerance", "different"]

_SAME = ("package_version", "git_commit", "cpu", "gpu", "cuda", "driver", "platform", "python")
"""What of a manifest should be the same for equal bytes."""


@dataclass(frozen=True)
class Reproduction:
    """What came of computing a run once more."""

    verdict: Verdict
    conditions: list[str]
    """What is not as it was: versions, machine."""
    differences: list[Difference]
    """What came out otherwise, in the order in which it arises; empty if identical."""


def reproduce(folder: Path, *, tolerance: float, data: Path | None = None, scratch: Path | None = None) -> Reproduction:
    """Train and rank, or fit and rank, once more as the manifest says.

    Parameters
    ----------
    folder
        Folder of a finished run; nothing is written there.
    tolerance
        Largest relative difference in NDCG@10 that still counts as the same result.
    data
        Dataset folder; None: where it lies beside the run.
    scratch
        Where the temporary folder is made; None: where the system makes them.

    Raises
    ------
    ValueError
        If the run cannot be repeated here: unfinished, settings of another version, computed by a program outside
        this package, or the data are not those it saw.
    """
    folder = absolute_path(folder)
    manifest = read_manifest(folder / "manifest.json")
    data = data or split_folder(folder.parents[4], manifest["dataset"], manifest["protocol"]).parent
    _refuse_other_data(manifest, folder, data / manifest["protocol"])
    candidates = _candidates(folder, data / manifest["protocol"])
    compute = _repeat_training if manifest.get("settings") else _repeat_baseline
    with tempfile.TemporaryDirectory(prefix="hydrarec-", dir=scratch) as temporary:
        output = Path(temporary)
        compute(manifest, folder, data, output, candidates)
        again = read_manifest(output / "manifest.json")
        found = differences(folder, output)
    conditions = _conditions(manifest, again) + [f"the run itself: {problem}" for problem in verify(folder).problems]
    return Reproduction(_verdict(found, tolerance), conditions, found)


def format_reproduction(reproduction: Reproduction) -> str:
    """Return the verdict, what is not as it was, and where results differ."""
    lines = [reproduction.verdict]
    lines += [f"  not as it was: {condition}" for condition in reproduction.conditions]
    lines += [f"  {one.file}: {one.what}" for one in reproduction.differences]
    return "\n".join(lines)


def _refuse_other_data(manifest: dict[str, Any], folder: Path, split: Path) -> None:
    for name in manifest["data"]:
        if not (split / name).is_file():
            raise ValueError(
                f"{split / name}: no such file; {folder} was computed from it. Name its place with --data."
            )
    if changed := changed_part(manifest["data"], split):
        name, found = changed
        raise ValueError(
            f"{split / name}: not the data that {folder} was computed from: expected {manifest['data'][name][:16]}, "
            f"found {found[:16]}. Prepare the data set again as it was, or name another place with --data."
        )


def _candidates(folder: Path, split: Path) -> list[Path]:
    """Return the files of sampled candidates that a run was ranked among as well, in the order of its counts."""
    recorded: dict[str, str] = read_left(folder / "inference.json").get("candidates", {})
    for kind, digest in recorded.items():
        path = candidates_file(split, kind)
        if not path.is_file() or content_hash(path) != digest:
            raise ValueError(
                f"{path}: absent, or not the candidates that {folder} was ranked among. Have Snakemake's "
                "rule candidates make them again, or name another place of the data with --data."
            )
    if not recorded:
        return []
    # JSON files are sorted by key; the rows of a case stand in the order in which its candidates were named.
    counted = read_table(folder / "sampled.parquet", SAMPLED, ["kind"])["kind"]
    return [candidates_file(split, kind) for kind in counted.unique()]


def _repeat_training(manifest: dict[str, Any], folder: Path, data: Path, output: Path, candidates: list[Path]) -> None:
    try:
        settings = RunSettings.model_validate(manifest["settings"])
    except ValidationError as error:
        raise ValueError(
            f"{folder / 'manifest.json'}: its settings are those of hydrarec {manifest['package_version']}, and this "
            f"is {__version__}; repeat it with that one:\n{explain(error)}"
        ) from None
    threads = _threads(manifest, folder)
    train(settings, data=data, protocol=manifest["protocol"], seed=manifest["seed"], threads=threads, output=output)
    model = output / "model.safetensors"
    rank_test(model, data=data, protocol=manifest["protocol"], threads=threads, output=output, candidates=candidates)


def _repeat_baseline(manifest: dict[str, Any], folder: Path, data: Path, output: Path, candidates: list[Path]) -> None:
    name = manifest["run"].get("baseline")
    if name not in baseline_names():
        raise ValueError(
            f"{folder}: {name!r} was computed by a program outside this package; only its rule can "
            "repeat it: move the folder away, run snakemake for its ranks.parquet, and compare"
        )
    run_baseline(
        name,
        data=data,
        protocol=manifest["protocol"],
        run=manifest["run"]["id"],
        seed=manifest["seed"],
        options=manifest["run"].get("options", {}),
        threads=_threads(manifest, folder),
        output=output,
        candidates=candidates,
    )


def _threads(manifest: dict[str, Any], folder: Path) -> int:
    if "threads" not in manifest:
        raise ValueError(f"{folder / 'manifest.json'}: does not say with how many threads it was computed")
    return int(manifest["threads"])


def _conditions(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    pairs = {key: (before.get(key), now.get(key)) for key in _SAME}
    old, new = before.get("packages", {}), now["packages"]
    # Snakemake starts the steps and computes nothing.
    pairs |= {name: (old.get(name), new[name]) for name in new if name != "snakemake"}
    found = [
        f"{name} was {_name_or_unknown(was)}, is {_name_or_unknown(is_)}"
        for name, (was, is_) in pairs.items()
        if was != is_
    ]
    return found + _resumptions(before)


def _resumptions(manifest: dict[str, Any]) -> list[str]:
    """Return in what the code that began a training was not the code that finished it."""
    earlier = manifest.get("earlier_code", [])
    found: list[str] = []
    for key, what in (("package_version", "version"), ("git_commit", "commit")):
        others = dict.fromkeys(_name_or_unknown(code[key]) for code in earlier if code[key] != manifest[key])
        if others:
            found.append(f"it was begun with {what} {', then '.join(others)} and resumed with another")
    # Of the same commit, where whether there were changes is all that is known.
    if not found and any(code["git_dirty"] != manifest["git_dirty"] for code in earlier):
        begun, resumed = ("without", "with") if manifest["git_dirty"] else ("with", "without")
        found.append(f"it was begun {begun} uncommitted changes and resumed {resumed}")
    return found


def _name_or_unknown(value: object) -> str:
    return "unknown" if value is None else str(value)


def _verdict(found: list[Difference], tolerance: float) -> Verdict:
    if not found:
        return "identical"
    ranks = [one for one in found if one.file == "ranks.parquet"]
    if all(one.relative is not None and abs(one.relative) <= tolerance for one in ranks):
        return "within tolerance"
    return "different"
