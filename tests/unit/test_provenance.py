"""What made a result: the code's commit and whether it is that commit's code."""

import os
import shutil
import subprocess
import sys

import pytest

from hydrarec import __version__
from tests.conftest import ROOT

COMMIT = "-c user.name=anybody -c user.email=any@where commit"


@pytest.fixture
def checkout(tmp_path):
    """Return a repository with the package in it, and a function that asks a new process for its code's state."""
    shutil.copytree(ROOT / "hydrarec", tmp_path / "hydrarec", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("workflow", "reports/mine", "docs"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "kept.txt").touch()
    (tmp_path / ".gitignore").write_text("__pycache__/\n")
    for arguments in ("init -q", "add .", f"{COMMIT} -qm before"):
        subprocess.run(["git", *arguments.split()], cwd=tmp_path, check=True)
    return tmp_path


def ask(checkout, meanwhile="pass", **variables):
    program = f"from hydrarec.sources import code_state; code_state(); {meanwhile}; found = code_state()"
    program += "; print(found['git_commit'], found['git_dirty'])"
    environment = {**os.environ, **variables, "PYTHONPATH": str(checkout)}
    return subprocess.run(
        [sys.executable, "-c", program], cwd=checkout, env=environment, capture_output=True, text=True, check=True
    )


def state(checkout, meanwhile="pass", **variables):
    return ask(checkout, meanwhile, **variables).stdout.split()


def head(checkout):
    return subprocess.run(["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True).stdout.strip()


def test_a_new_file_of_the_code_counts_and_others_do_not(checkout):
    (checkout / "notes.txt").touch()
    (checkout / "results").mkdir()
    (checkout / "results/ranks.parquet").touch()
    assert state(checkout) == [head(checkout), "False"]
    for place in ("hydrarec/attention/mine.py", "workflow/mine.smk"):
        (checkout / place).touch()
        assert state(checkout) == [head(checkout), "True"]
        (checkout / place).unlink()
    (checkout / ".gitignore").write_text("")
    assert state(checkout)[1] == "True"


def test_a_kept_report_that_is_made_anew_leaves_the_code_as_it_was(checkout):
    (checkout / "reports/mine/kept.txt").unlink()
    assert state(checkout) == [head(checkout), "False"]
    (checkout / "docs/kept.txt").write_text("other")
    assert state(checkout) == [head(checkout), "True"]


def test_a_checkout_that_is_updated_meanwhile_changes_nothing(checkout):
    before = head(checkout)
    update = f"import subprocess; subprocess.run('git {COMMIT} --allow-empty -qm after'.split())"
    assert state(checkout, update) == [before, "False"]
    assert head(checkout) != before


def test_an_edited_file_is_told_of_results_that_it_was_loaded_for(checkout):
    compute = "import hydrarec.formatting; provenance.write_json(folder / 'manifest.json', "
    compute += "{'sources': sources.loaded_sources()})"
    # The second is not loaded; the third holds settings, which are compared by themselves.
    edited = ["formatting.py", "attention/softmax.py", "config/base.py"]
    edit = f"[Path('hydrarec', path).open('a').write('# edited') for path in {edited}]"
    tell = "print(provenance.changed_sources(folder))"

    def run(*program):
        beginning = "from pathlib import Path; from hydrarec import provenance, sources; folder = Path()"
        command = [sys.executable, "-c", "; ".join([beginning, *program])]
        return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True).stdout.strip()

    (checkout / "manifest.json").write_text("{}")
    assert run(tell, compute, tell) == "[]\n[]"
    # Edited while it computes: what counts is what was there when it began.
    run("sources.code_state()", edit, compute)
    assert run(tell, compute, tell) == "['formatting.py']\n[]"


def test_a_package_inside_somebody_elses_repository_has_no_commit(checkout):
    subprocess.run(["git", "rm", "-rq", "--cached", "hydrarec"], cwd=checkout, check=True)
    assert state(checkout) == ["None", "None"]


def test_a_checkout_of_somebody_else_is_asked_as_ones_own(checkout):
    # As Git's own tests say that they are another user.
    somebody_else = {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    refused = subprocess.run(
        ["git", "status"], cwd=checkout, env=os.environ | somebody_else, capture_output=True, text=True
    )
    assert "dubious ownership" in refused.stderr
    assert state(checkout, **somebody_else) == [head(checkout), "False"]
    (checkout / "hydrarec/heap.py").write_text("")
    assert state(checkout, **somebody_else) == [head(checkout), "True"]


def test_what_git_says_of_a_checkout_that_it_cannot_read_is_logged_once(checkout):
    (checkout / ".git/HEAD").write_text("")
    asked = ask(checkout)
    assert asked.stdout.split() == ["None", "None"]
    assert asked.stderr.count(f"{checkout}: not known which commit this is") == 1
    assert "fatal: not a git repository" in asked.stderr
    # A package that is in no checkout has nothing to be told.
    shutil.rmtree(checkout / ".git")
    asked = ask(checkout)
    assert (asked.stdout.split(), asked.stderr) == (["None", "None"], "")


def test_the_command_line_says_version_and_commit(checkout):
    def said():
        program = "from hydrarec.cli import main; main()"
        asked = subprocess.run(
            [sys.executable, "-c", program, "--version"], cwd=checkout, capture_output=True, text=True
        )
        return asked.stdout

    commit = head(checkout)[:10]
    assert said() == f"hydrarec {__version__}, commit {commit}\n"
    (checkout / "workflow/mine.smk").touch()
    assert said() == f"hydrarec {__version__}, commit {commit} with uncommitted changes\n"
