"""How long a report takes at full size: `python -m tests.full_size [folder]`. No part of the tests.

Three data sets, thirty runs and five seeds, with ranks that nobody trained for (tests/fabricate.py): collected,
compared, checked, analysed and rendered, each timed.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydrarec.analyses import analyse
from hydrarec.comparison import collect, contrast
from hydrarec.report import render
from tests.fabricate import Tree, config

DATASETS, TRAINED, BASELINES, SEEDS, USERS = 3, 20, 8, 5, 1_000
KINDS = ("hydra", "softmax", "linear", "linrec", "cosine", "cottention", "performer", "efficient", "cosformer", "gla")


def full_size() -> dict[str, Any]:
    """Return what differs from the small comparison: 20 trained runs, 8 baselines, 2 controls."""
    trained = [
        {"id": f"{model}+{kind}+causal", "model": {"kind": model}, "attention": {"kind": kind}}
        | {"masking": {"kind": "causal"}}
        for model in ("sasrec", "bert4rec")
        for kind in KINDS
    ]
    baselines = [
        {"id": f"baseline-{i}", "label": f"Baseline {i} (variant)", "baseline": "popularity", "deterministic": True}
        for i in range(BASELINES)
    ]
    controls = [
        {"id": "random", "baseline": "random", "control": "random"},
        {"id": "oracle", "baseline": "oracle", "control": "oracle", "deterministic": True},
    ]
    evaluation = {"reference": "sasrec+softmax+causal", "cutoffs": [1, 5, 10, 20]}
    return {"runs": [*trained, *baselines, *controls], "evaluation": evaluation}


def main(folder: Path) -> None:
    """Build everything in a folder and say how long each step took."""
    everything = config(DATASETS, SEEDS, full_size())
    skills = {run.id: 1.2 + 0.05 * number for number, run in enumerate(everything.all_runs)}
    results, tables, output = folder / "results", folder / "tables", folder / "report"
    timed("write ranks", lambda: Tree(everything, results, n_users=USERS, skills=skills).write())
    timed("collect", lambda: collect(everything, results, tables))
    timed("contrast", lambda: contrast(everything, results, tables))
    timed("analyse", lambda: analyse(everything, results, tables))
    timed("render", lambda: render(everything, results, tables, output))
    say(f"page: {(output / 'index.html').stat().st_size / 1e6:.2f} MB, {len(list(output.rglob('*.svg')))} drawings")


def timed(what: str, step: Callable[[], object]) -> None:
    """Say how long a step took."""
    began, spent = time.perf_counter(), time.process_time()
    step()
    say(f"{what}: {time.perf_counter() - began:.1f} s, {time.process_time() - spent:.1f} s of processor time")


def say(line: str) -> None:
    """Write a line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory(prefix="hydrarec-full-size-") as scratch:
            main(Path(scratch))
