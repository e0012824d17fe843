"""Where results come from: whether one version, the same source files and the same packages computed all of them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from hydrarec.comparison.compatibility import mixed_versions
from hydrarec.comparison.gate import Gate
from hydrarec.config import BenchmarkConfig
from hydrarec.provenance import code_of, n_changed, read_manifest, recorded_sources
from hydrarec.run_seeds import RunSeed


def origin_gates(config: BenchmarkConfig, everything: Sequence[RunSeed]) -> Iterator[Gate]:
    """Check that all finished runs come from the same code and packages.

    Parameters
    ----------
    config
        The comparison.
    everything
        All finished runs with their seeds.

    Yields
    ------
    Gate
        About versions and commits, source files, and packages.
    """
    manifests = [read_manifest(one.folder / "manifest.json") for one in everything]
    mixed = list(mixed_versions(config, everything))
    for dataset, protocol, found in mixed:
        said = " and ".join(sorted(found))
        sentence = f"Runs come from several versions of the package, {said}, and numbers may differ."
        yield Gate("code", "", dataset, protocol, "red", sentence)
    if not mixed:
        yield _versions([code_of(one.folder) for one in everything])
    yield from _sources(everything)
    yield _packages([manifest.get("packages", {}) for manifest in manifests])


def _versions(codes: list[list[dict[str, Any]]]) -> Gate:
    versions = {(code["package_version"], code["git_commit"]) for of_run in codes for code in of_run}
    dirty = n_changed(codes)
    named = ", ".join(
        f"{package} ({commit[:10] if commit else 'no commit known'})" for package, commit in sorted(versions, key=str)
    )
    if len(versions) > 1:
        return Gate.of_run("code", "", "amber", f"Runs come from {len(versions)} versions of the code: {named}.")
    if dirty:
        found = f"All runs come from {named}, but {dirty} of them with uncommitted changes."
        return Gate.of_run("code", "", "amber", found)
    # What is left is one version, so that either all runs have a commit or none has.
    if not all(commit for _, commit in versions):
        found = (
            f"All runs come from {named}, and nobody can tell whether the code was edited: installed packages and "
            "unpacked archives have no commit, and where Git told none of a checkout the logs say why."
        )
        return Gate.of_run("code", "", "amber", found)
    return Gate.of_run("code", "", "green", f"All runs come from {named}.")


def _sources(everything: Sequence[RunSeed]) -> Iterator[Gate]:
    """Hold the source files that runs were computed with to each other; nothing where none were recorded."""
    used = {one: recorded_sources(one.folder) for one in everything}
    if not any(used.values()):
        return
    apart = False
    for (dataset, protocol, run), seeds in groupby(used, key=lambda one: (one.dataset, one.protocol, one.run)):
        if edited := _edited(used[one] for one in seeds):
            apart = True
            said = f"Its seeds were computed with different code, and are averaged all the same; edited: {edited}."
            yield Gate("sources", run, dataset, protocol, "red", said)
    if apart:
        return
    if edited := _edited(used.values()):
        yield Gate.of_run("sources", "", "amber", f"Some files were edited between one run and another: {edited}.")
    else:
        yield Gate.of_run("sources", "", "green", "No file that computes was edited between one run and another.")


def _edited(used: Iterable[dict[str, set[str]]]) -> str:
    """Return the files that are not the same in all, as far as they were recorded; empty: none."""
    hashes = defaultdict[str, set[str]](set)
    for of_run in used:
        for path, found in of_run.items():
            hashes[path] |= found
    return ", ".join(sorted(path for path, found in hashes.items() if len(found) > 1))


def _packages(found: list[dict[str, str | None]]) -> Gate:
    """Compare the versions of the packages that compute; Snakemake only starts the steps."""
    names = sorted({name for packages in found for name in packages} - {"snakemake"})
    used = {name: sorted({str(packages.get(name)) for packages in found}) for name in names}
    mixed = [f"{name} {' and '.join(versions)}" for name, versions in used.items() if len(versions) > 1]
    if mixed:
        return Gate.of_run(
            "packages", "", "amber", f"Runs were computed with different versions of {'; '.join(mixed)}."
        )
    return Gate.of_run("packages", "", "green", "All runs were computed with the same versions of packages.")
