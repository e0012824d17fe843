"""Planning the full comparison: how long Snakemake thinks before the first job, or before it finds nothing to do."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from hydrarec.bench.base import Case, Conditions
from hydrarec.config import load_file
from hydrarec.config.compared import compared_settings
from hydrarec.config.runs import TrainedRun
from hydrarec.efficiency.rounds import Subject
from hydrarec.files import write_json
from hydrarec.layout import ANALYSED, COLLECTED, CONTRASTED, DECIDED, comparison_folder
from hydrarec.provenance import MANIFEST_KEYS
from hydrarec.run_seeds import planned_run_seeds

TITLE = "Planning"
ABOUT = """The comparison of `config.yaml` with seven operators: three data sets, two protocols, 37 runs, five seeds.
*dry run* plans it from nothing, *no-op* finds all of it done. *start* is importing Snakemake and this package's
configuration, which each Snakemake process pays. To be run in the root of a checkout."""
ROUNDS = 5

OPERATORS = ("hydra", "softmax", "linear", "linrec", "cosine", "cottention", "performer")


def cases(conditions: Conditions) -> Iterator[Case]:
    """Plan once to learn the jobs, pretend that all files are there, and build the one case."""
    checkout = Path.cwd()
    if not (checkout / "Snakefile").is_file():
        raise ValueError(f"{checkout}: no Snakefile here; run this benchmark in the root of a checkout")
    config = conditions.scratch / "config.yaml"
    config.write_text(yaml.safe_dump(_config(checkout / "config.yaml", conditions.quick)), encoding="utf-8")
    for name in ("planned", "done"):
        (conditions.scratch / name).mkdir()
    planned, done = conditions.scratch / "planned", conditions.scratch / "done"
    n_jobs = _pretend(checkout, config, done)
    yield Case(
        name=f"{n_jobs:,} jobs",
        unit="plan",
        subjects=[
            Subject("dry run", lambda: _snakemake(checkout, config, planned, "--dry-run")),
            Subject("no-op", lambda: _snakemake(checkout, config, done)),
            Subject("start", lambda: _run([sys.executable, "-c", "import snakemake.cli, hydrarec.config"], checkout)),
        ],
        against="start",
    )


def _config(path: Path, quick: bool) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    if quick:
        return config | {"datasets": ["synthetic"], "seeds": [0], "per_dataset": {}}
    grid = config["grid"] | {"attention": [{"kind": kind} for kind in OPERATORS]}
    return config | {"protocols": ["loo", "gts"], "grid": grid}


def _pretend(checkout: Path, config: Path, folder: Path) -> int:
    """Make an empty file of every output and let Snakemake believe in them; return the number of jobs."""
    plan = _snakemake(checkout, config, folder, "--dry-run", "--quiet", "rules")
    for line in _snakemake(checkout, config, folder, "--summary").splitlines()[1:]:
        output, _, rest = line.partition("\t")
        if rest:
            (folder / output).parent.mkdir(parents=True, exist_ok=True)
            (folder / output).touch()
    _describe_runs(config, folder)
    for path in (folder / "results").rglob("*"):
        # All of one moment: nothing is newer than what was made of it.
        os.utime(path, (0, 0))
    if "Nothing to be done" not in _snakemake(checkout, config, folder, "--dry-run"):
        raise ValueError(f"{folder}: Snakemake finds something to do although all files are there")
    return next(int(line.split()[1]) for line in plan.splitlines() if line.startswith("total"))


def _describe_runs(config: Path, folder: Path) -> None:
    """Write into every run's manifest what a plan reads there: its settings, and of which data it is."""
    comparison = load_file(config)
    for one in planned_run_seeds(comparison, folder / "results"):
        entry = comparison.run(one.run)
        trained = isinstance(entry, TrainedRun)
        settings = comparison.settings(one.run, one.dataset).model_dump(mode="json") if trained else None
        manifest = dict.fromkeys(MANIFEST_KEYS, "") | {
            "run": entry.model_dump(mode="json"), "settings": settings, "data": {"test.parquet": ""},
        }  # fmt: skip
        write_json(one.folder / "manifest.json", manifest)
    tables = comparison_folder(folder / "results", comparison.report)
    for name in (COLLECTED, CONTRASTED, ANALYSED, DECIDED):
        write_json(tables / name, compared_settings(comparison))


def _snakemake(checkout: Path, config: Path, folder: Path, *options: str) -> str:
    profile = str(checkout / "profiles/local")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(checkout / "Snakefile"), "--profile", profile]
    return _run([*command, "--directory", str(folder), "--configfile", str(config), *options], checkout)


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        # Snakemake says on the one what is wrong and on the other what it was about to do.
        said = (done.stdout + done.stderr).strip()[-900:]
        raise ValueError(f"{' '.join(command)}: ended with {done.returncode}: {said}")
    return done.stdout + done.stderr
