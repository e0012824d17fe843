"""docs/how-to/add-baseline.md, followed literally: its commands run, its code goes where it says, the row is there."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hydrarec.columns import LEADERBOARD
from hydrarec.tables import read_table
from tests.conftest import ROOT

PAGE = (ROOT / "docs/how-to/add-baseline.md").read_text()
BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
SCRIPT = "workflow/scripts/followed.py"
RUN = "results/runs/synthetic/loo/followed/seed-0"


def section(title):
    """Return a section of the page, its own sections included."""
    level = re.search(rf"^(#+) {re.escape(title)}$", PAGE, re.MULTILINE)[1]
    return re.search(
        rf"^{level} {re.escape(title)}\n(.*?)(?=^#{{2,{len(level)}}} |\Z)", PAGE, re.MULTILINE | re.DOTALL
    )[1]


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """Return a copy of this checkout whose demo is made small enough for seconds."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("Snakefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    for name in ("hydrarec", "workflow", "envs", "profiles", "examples", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "local").symlink_to("profiles/local")
    demo = folder / "examples/demo.yaml"
    raw = yaml.safe_load(demo.read_text())
    del raw["grid"], raw["efficiency"]
    runs = [run for run in raw.pop("runs") if run["id"] in ("popularity", "markov")]
    data = {"id": "synthetic", "title": "Small", "reader": {"kind": "synthetic", "n_users": 80, "n_items": 160}}
    raw |= {"datasets": [data], "seeds": [0], "evaluation": {"reference": "markov", "cutoffs": [1, 10]}}
    # The runs go last, so that a line can be added below them as in the real file.
    listed = "".join(f"  - {yaml.safe_dump(run, default_flow_style=True)}" for run in runs)
    demo.write_text(f"{yaml.safe_dump(raw)}runs:\n{listed}")
    return folder


def shell(clone, command):
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(clone),
    }
    return subprocess.run(
        ["bash", "-c", command], cwd=clone, env=environment, capture_output=True, text=True, timeout=300
    )


def follow(clone, text):
    """Do what a part of the page says; code goes into the file named last before it."""
    for block in BLOCK.finditer(text):
        if block["language"] == "sh":
            finished = shell(clone, block["text"])
            assert finished.returncode == 0, block["text"] + finished.stdout[-3000:] + finished.stderr[-3000:]
        else:
            path = clone / re.findall(r"`([\w./]+\.(?:py|yaml))`", text[: block.start()])[-1]
            if block["language"] == "python":
                replace_definitions(path, block["text"])
            else:
                path.write_text(path.read_text() + block["text"])


def replace_definitions(path, code):
    """Put functions and constants in the place of those of the same names."""
    lines = path.read_text().splitlines()
    new = dict(definitions(code))
    old = dict(definitions("\n".join(lines)))
    assert set(new) <= set(old)
    for name in sorted(new, key=lambda name: -old[name].lineno):
        lines[old[name].lineno - 1 : old[name].end_lineno] = ast.get_source_segment(code, new[name]).splitlines()
    path.write_text("\n".join(lines) + "\n")


def definitions(code):
    for part in ast.parse(code).body:
        if isinstance(part, ast.FunctionDef):
            yield part.name, part
        elif isinstance(part, ast.Assign):
            yield part.targets[0].id, part


@pytest.fixture(scope="module")
def starter(clone):
    follow(clone, section("2. The starter"))
    return clone


@pytest.fixture(scope="module")
def finished(starter):
    for title in ("3. Your method", "4. Its test", "5. Its row"):
        follow(starter, section(title))
    return starter


def test_the_starter_passes_its_test_and_the_linters(starter):
    written = f"{SCRIPT} tests/unit/baselines/test_followed.py"
    linters = f"ruff check {written} && ruff format --check {written} && snakefmt --check workflow"
    passed = shell(starter, f"{linters} && pytest -q tests/unit/baselines/test_followed.py")
    assert passed.returncode == 0, passed.stdout + passed.stderr


def test_the_row_is_in_the_report_and_the_method_is_the_one_of_the_page(finished):
    board = read_table(finished / "results/comparison/demo/leaderboard.parquet", LEADERBOARD)
    board = board[(board["group"] == "all") & (board["metric"] == "hr@10")].set_index("run")["mean"]
    # Both look at what came after the newest item; the starter would be as good as popularity.
    assert board["followed"] > board["popularity"]
    assert "What followed" in (finished / "reports/demo/index.html").read_text()


def test_a_changed_script_repeats_the_run_and_what_is_wrong_with_it_is_told(finished):
    script = finished / SCRIPT
    right = script.read_text()
    wrong = right.replace("    end = clocks", "    rows[7] = (*rows[7][:-1], float('nan'))\n    end = clocks")
    assert wrong != right
    script.write_text(wrong)
    failed = shell(finished, f"snakemake {RUN}/ranks.parquet --profile local --configfile examples/demo.yaml")
    script.write_text(right)
    assert failed.returncode != 0
    assert not list((finished / RUN).glob("*")), "costs of the run before could be taken for those of the next"
    told = (
        f"hydrarec: {RUN}/recommendations.parquet: {{}} rows have a score that is no finite 32-bit number; the first:\n"
    )
    assert told.format("1 of 8000") in failed.stdout + failed.stderr
    assert told.format("2000 of 200000") in PAGE


def test_inside_the_package(clone):
    follow(clone, re.sub(r"^```python.*?^```", "", section("Inside the package"), flags=re.MULTILINE | re.DOTALL))
