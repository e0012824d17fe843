"""docs/how-to/use-as-a-module.md, followed literally: its Snakefile makes the comparison and goes on from it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

PAGE = (ROOT / "docs/how-to/use-as-a-module.md").read_text()
SNAKEFILE = "\n\n".join(re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
COMPARISON = {
    "report": "mine",
    "datasets": [{"id": "small", "title": "Small", "reader": {"kind": "synthetic", "n_users": 80, "n_items": 160}}],
    "seeds": [0],
    "runs": [
        {"id": "popularity", "label": "Popularity", "baseline": "popularity", "deterministic": True},
        {"id": "markov", "label": "Markov chain", "baseline": "markov", "deterministic": True},
    ],
    "evaluation": {"reference": "markov", "cutoffs": [1, 10]},
}


@pytest.fixture
def paper(tmp_path):
    """Return a folder with the page's workflow, a comparison, and a program that stands in for LaTeX's."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "comparison.yaml").write_text(yaml.safe_dump(COMPARISON))
    (tmp_path / "paper.tex").write_text(r"\input{reports/mine/tables/leaderboard}")
    (tmp_path / "HydraRec").symlink_to(ROOT)
    program = tmp_path / "bin/latexmk"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nls reports/mine > paper.pdf\n")
    program.chmod(0o755)
    return tmp_path


def snakemake(folder, *arguments):
    paths = [Path(sys.executable).parent, folder / "bin", os.environ["PATH"]]
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", *arguments],
        cwd=folder,
        env={**os.environ, "PATH": os.pathsep.join(map(str, paths))},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_the_workflow_of_the_page_makes_the_report_and_goes_on_from_it(paper):
    finished = snakemake(paper)
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert {"index.html", "tables", "figures"} <= set((paper / "paper.pdf").read_text().split())
    assert "Nothing to be done" in snakemake(paper).stderr


def test_mistakes_are_named_with_the_line_of_its_configuration(paper):
    (paper / "comparison.yaml").write_text(yaml.safe_dump(COMPARISON | {"seeds": [-1]}))
    refused = snakemake(paper, "--dry-run")
    assert refused.returncode != 0
    assert re.search(r"comparison\.yaml:\d+: seeds\[0\]", refused.stdout + refused.stderr)


def test_two_comparisons_stand_beside_each_other(paper):
    other = COMPARISON | {"report": "other", "datasets": [COMPARISON["datasets"][0] | {"id": "other"}]}
    (paper / "comparison.yaml").write_text(yaml.safe_dump({"mine": COMPARISON, "other": other}))
    part = SNAKEFILE[SNAKEFILE.index("module hydrarec") : SNAKEFILE.index("rule paper")]
    (paper / "Snakefile").write_text(
        'configfile: "comparison.yaml"\n'
        "rule all:\n    default_target: True\n"
        '    input: "reports/mine/index.html", "reports/other/index.html"\n'
        + "".join(
            part.replace("hydrarec", name)
            .replace("exclude all", f"as {name}_*")
            .replace("        config\n", f'        config["{name}"]\n')
            for name in ("mine", "other")
        )
    )
    planned = snakemake(paper, "--dry-run", "--quiet", "all")
    assert planned.returncode == 0, planned.stdout[-3000:] + planned.stderr[-3000:]
    # Each job reads the configuration of its own comparison anew.
    for name, folder in (("mine", "small"), ("other", "other")):
        made = snakemake(paper, f"results/data/{folder}/items.parquet")
        assert made.returncode == 0, made.stderr[-3000:]
        assert f"rule {name}_prepare:" in made.stderr


def test_a_prefix_is_refused(paper):
    prefixed = SNAKEFILE.replace("    config:\n", '    prefix:\n        "part"\n    config:\n')
    (paper / "Snakefile").write_text(prefixed)
    refused = snakemake(paper, "--dry-run")
    assert refused.returncode != 0
    assert "takes no `prefix`" in refused.stdout + refused.stderr
