"""`hydrarec new`: all starter files or none, never over anything. tests/workflow/test_add_baseline.py runs them."""

import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hydrarec import scaffold
from hydrarec.cli import app
from hydrarec.scaffold import write_baseline
from tests.conftest import ROOT


@pytest.fixture
def checkout(tmp_path):
    """Return a folder with as much of a checkout as is looked at."""
    rules = tmp_path / "workflow" / "rules"
    (rules / "baselines").mkdir(parents=True)
    (tmp_path / "Snakefile").write_text("rule all:\n    input:\n")
    (rules / "train.smk").write_text("rule train:\n    shell:\n")
    (rules / "baselines/ease.smk").write_text("use rule package_baseline as ease with:\n    log:\n")
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs/library.txt").write_text("recbole==1.2.1\npytorch-lightning==2.6 ; python_version < '4'\n")
    return tmp_path


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("inside", "method"), [(False, "workflow/scripts/my_knn2.py"), (True, "hydrarec/baselines/my_knn2.py")]
)
def test_a_rule_a_method_and_a_test_are_written_under_the_name(inside, method, checkout):
    before = files(checkout)
    written = write_baseline("my_knn2", checkout, inside=inside)
    expected = ["workflow/rules/baselines/my_knn2.smk", method, "tests/unit/baselines/test_my_knn2.py"]
    assert list(map(str, written)) == expected
    assert files(checkout) - before == set(expected)
    rule, method, test = ((checkout / path).read_text() for path in written)
    assert ("use rule package_baseline as my_knn2 with:\n" if inside else "rule my_knn2:\n") in rule
    assert 'runs_of("my_knn2")' in rule
    assert "my_knn2" in test
    for text in (method, test):
        compile(text, "starter", "exec")


def test_the_command_says_what_was_written_and_what_comes_next(checkout, monkeypatch):
    monkeypatch.chdir(checkout)
    said = CliRunner().invoke(app, ["new", "baseline", "mine"]).stdout
    assert all(path in said for path in files(checkout) if "mine" in path)
    assert "- {id: mine, baseline: mine, deterministic: true}" in said
    assert "snakemake --profile local --configfile examples/demo.yaml" in said


@pytest.mark.parametrize("name", ["", "My", "my-knn", "2nd", "_mine", "mine.py", "../mine", "größe", "mine\n", "class"])
def test_names_that_are_none_are_refused_with_what_is_allowed(name, checkout):
    before = files(checkout)
    with pytest.raises(ValueError, match=r"cannot be the name .* allowed: lower-case letters, digits and _"):
        write_baseline(name, checkout, inside=False)
    assert files(checkout) == before


@pytest.mark.parametrize(
    ("name", "where"),
    [("all", "Snakefile"), ("train", "workflow/rules/train.smk"), ("ease", "workflow/rules/baselines/ease.smk")],
)
def test_a_name_that_another_rule_has_is_refused(name, where, checkout):
    with pytest.raises(ValueError, match=rf"{where}: has a rule {name}"):
        write_baseline(name, checkout, inside=True)


@pytest.mark.parametrize("name", ["json", "random", "torch", "recbole", "pytorch_lightning"])
def test_a_script_may_not_hide_a_module_that_scripts_import(name, checkout):
    with pytest.raises(ValueError, match=f"would hide the Python module {name}"):
        write_baseline(name, checkout, inside=False)
    assert write_baseline(name, checkout, inside=True)


@pytest.mark.parametrize("target", [*scaffold.OUTSIDE.values(), *scaffold.INSIDE.values()])
def test_nothing_is_overwritten_and_nothing_else_is_written(target, checkout):
    path = checkout / target.format(name="mine")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("precious")
    before = files(checkout)
    with pytest.raises(ValueError, match=f"{path.relative_to(checkout)}: there already"):
        write_baseline("mine", checkout, inside=target in scaffold.INSIDE.values())
    assert files(checkout) == before
    assert path.read_text() == "precious"


def test_nothing_is_left_when_writing_fails(checkout):
    (checkout / "tests").write_text("a file where a folder must be")
    before = files(checkout)
    with pytest.raises(OSError, match="tests"):
        write_baseline("mine", checkout, inside=False)
    assert files(checkout) == before


def test_a_folder_that_is_no_checkout_is_refused(tmp_path):
    with pytest.raises(ValueError, match=rf"{tmp_path} is no checkout of HydraRec \(no Snakefile"):
        write_baseline("mine", tmp_path, inside=False)
    assert not files(tmp_path)


def test_an_installed_package_holds_every_file_that_is_no_module():
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["hydrarec"]
    packed = {path for pattern in patterns for path in (ROOT / "hydrarec").glob(pattern)}
    templates = {Path(scaffold.__file__).parent / name for name in (*scaffold.OUTSIDE, *scaffold.INSIDE)}
    others = {
        path for path in (ROOT / "hydrarec").rglob("*.*") if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert templates <= others <= packed
