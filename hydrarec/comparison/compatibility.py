"""Whether results belong together and to the configuration: the same data, its settings, one version of the package."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydrarec.config import BenchmarkConfig
from hydrarec.files import read_json
from hydrarec.layout import card_file, split_folder
from hydrarec.outdated import preparation_hint, why_other_data, why_other_tables, why_outdated
from hydrarec.provenance import AGAIN, code_of, file_hash, read_left, read_manifest
from hydrarec.run_seeds import RunSeed


def refuse_other_settings(config: BenchmarkConfig, everything: Sequence[RunSeed]) -> None:
    """Refuse results of settings that are not the configuration's."""
    found = [why for one in everything if (why := why_outdated(config, one))]
    if found:
        more = f"\n  and {len(found) - 1} more" if len(found) > 1 else ""
        raise ValueError(f"{len(found)} result(s) are not those of this configuration. {AGAIN}\n  {found[0]}{more}")


def refuse_other_tables(config: BenchmarkConfig, comparison: Path, *steps: str) -> None:
    """Refuse tables over all runs that were made with settings that are not the configuration's.

    Parameters
    ----------
    config
        The comparison.
    comparison
        Folder of the tables.
    steps
        Of the steps that made them, the files with their settings, such as `hydrarec.layout.COLLECTED`.

    Raises
    ------
    ValueError
        Naming the first such file, what differs, and how tables are made anew; so it does if the file is absent.
    """
    for step in steps:
        if why := why_other_tables(config, comparison / step):
            raise ValueError(
                f"{why}.\nDelete {comparison} and start Snakemake again with --forcerun collect: tables are made anew."
            )


def refuse_other_data(config: BenchmarkConfig, results: Path) -> None:
    """Refuse prepared data that are not as the configuration defines them.

    Snakemake prepares data anew whose definition changes, as long as it has its own records of them.
    """
    for dataset in config.datasets:
        card = card_file(results, dataset.id)
        if why := why_other_data(dataset, card):
            raise ValueError(
                f"data set {dataset.id} is not the one of this configuration: {why}.\n"
                f"Start Snakemake again; {preparation_hint(card)}."
            )


def refuse_mixed_data(everything: Sequence[RunSeed]) -> None:
    """Refuse results within a dataset and protocol that saw different data, or others than are there now."""
    seen: dict[tuple[str, str, str], dict[str, Path]] = defaultdict(dict)
    for one in everything:
        path = one.folder / "manifest.json"
        for file, digest in read_manifest(path)["data"].items():
            seen[one.dataset, one.protocol, file].setdefault(digest, path)
    for dataset, protocol in {(one.dataset, one.protocol): None for one in everything}:
        # Results that are older than the data, which were prepared anew, by hand or from another source.
        card = split_folder(everything[0].folder.parents[4], dataset, protocol) / "split.json"
        hashes = read_json(card).get("content_hashes", {}) if card.is_file() else {}
        for name, digest in hashes.items():
            seen[dataset, protocol, f"{name}.parquet"].setdefault(digest, card)
    for (dataset, protocol, file), sources in seen.items():
        if len(sources) > 1:
            (one_hash, one_path), (other_hash, other_path) = list(sources.items())[:2]
            raise ValueError(
                f"runs on {dataset}/{protocol} saw different data and cannot be compared: {file} was "
                f"{one_hash[:12]} for {one_path} and {other_hash[:12]} for {other_path}. {AGAIN}"
            )


def refuse_edited_ranks(everything: Sequence[RunSeed]) -> None:
    """Refuse ranks, from which every metric follows, that are not those that were written when they were counted."""
    for one in everything:
        path = one.folder / "ranks.parquet"
        for name in ("manifest.json", "inference.json"):
            recorded = read_left(one.folder / name).get("files", {}).get(path.name)
            if recorded and file_hash(path) != recorded:
                raise ValueError(f"{path}: is not what was written, by its hash in {name}. {AGAIN}")


def refuse_mixed_versions(config: BenchmarkConfig, everything: Sequence[RunSeed]) -> None:
    """Refuse results within a dataset and protocol that come from several versions of the package (ADR 0016)."""
    for dataset, protocol, versions in mixed_versions(config, everything):
        counts = ", ".join(f"{len(paths)} from {version} (such as {paths[0]})" for version, paths in versions.items())
        raise ValueError(
            f"runs on {dataset}/{protocol} come from several versions of hydrarec and are not compared: {counts}.\n"
            "A version changes numbers: delete the folders of all but one and start Snakemake again with "
            "--forcerun collect, or, if the changelog says that they agree, write "
            f"evaluation.accepted_versions: {sorted(versions)}."
        )


def mixed_versions(
    config: BenchmarkConfig, everything: Sequence[RunSeed]
) -> Iterator[tuple[str, str, dict[str, list[Path]]]]:
    """Yield each dataset and protocol whose results mix versions that the configuration does not accept together."""
    seen: dict[tuple[str, str], dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for one in everything:
        for version in {code["package_version"] for code in code_of(one.folder)}:
            seen[one.dataset, one.protocol][version].append(one.folder)
    for (dataset, protocol), versions in seen.items():
        if len(versions) > 1 and not set(versions) <= set(config.evaluation.accepted_versions):
            yield dataset, protocol, versions
