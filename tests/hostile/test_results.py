"""Questions about results whose files are damaged, foreign or lie."""

import shutil
from pathlib import Path

import pytest
import yaml

from hydrarec.layout import run_folder
from tests import fabricate
from tests.conftest import ROOT

RUN = "sasrec+softmax+causal"


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    """Return a comparison in which nothing is wrong."""
    config = fabricate.config(datasets=1, seeds=1)
    results = tmp_path_factory.mktemp("right") / "results"
    fabricate.Tree(config, results, n_users=30, n_items=40).write()
    return config, results


@pytest.fixture
def asks(tmp_path, command, right):
    """Return a trained run's folder and how to ask something that must be refused."""
    config, results = right
    shutil.copytree(results, tmp_path / "results")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config.model_dump(mode="json")))
    folder = run_folder(tmp_path / "results", "made-0", "loo", RUN, 0)

    def run(question, *words):
        return command.refuses(*QUESTIONS[question](folder), words=words)

    return folder, run


QUESTIONS = {
    "show": lambda _: ("show", RUN),
    "estimate": lambda _: ("estimate", "--config", "config.yaml"),
    "compare": lambda _: ("compare", "itemknn", RUN, "--dataset", "made-0"),
    "contrast": lambda _: ("contrast", "--config", "config.yaml", "--output", "out"),
    "reproduce": lambda folder: ("reproduce", folder),
}
FILES = {
    "show": ("manifest.json", "timing.json", "inference.json", "ranks.parquet"),
    "estimate": ("manifest.json",),
    "compare": ("ranks.parquet", "manifest.json"),
    "contrast": ("ranks.parquet", "manifest.json"),
    "reproduce": ("manifest.json",),
}


@pytest.mark.parametrize(
    ("question", "file"), [(question, file) for question, files in FILES.items() for file in files]
)
@pytest.mark.parametrize("content", [b"", b"[]", b"\x80\x04pickle"], ids=["empty", "list", "pickle"])
def test_a_file_that_is_none(question, file, content, asks):
    folder, ask = asks
    (folder / file).write_bytes(content)
    ask(question, folder.relative_to(Path.cwd()), file)


@pytest.mark.parametrize("content", [b"{}", b'{"settings": null}', b'{"data": {}}', b'{"data": 3}'], ids=bytes.decode)
@pytest.mark.parametrize("question", ["show", "reproduce", "contrast", "compare"])
def test_a_manifest_that_says_nothing(question, content, asks):
    folder, ask = asks
    (folder / "manifest.json").write_bytes(content)
    ask(question, folder.relative_to(Path.cwd()), "manifest.json")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\x80\x04pickle"], ids=["empty", "list", "nothing", "pickle"])
def test_verify_goes_on_and_reports_it(content, asks, command):
    folder, _ = asks
    (folder / "manifest.json").write_bytes(content)
    code, out, err = command("verify", "results")
    assert code == 1
    assert str(folder.relative_to(command.folder) / "manifest.json") in out
    assert err == ""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("claims:", "claims: [", ("not valid YAML",)),
        ("claims:", "clams: 1\nclaims:", ("clams", "no such key")),
        ("claims:", "claims: !!python/name:os.system x\nother:", ("could not determine a constructor",)),
        ("claims:", "claims: []\nclaims:", ("the key 'claims' stands in line",)),
    ],
)
def test_hypotheses(old, new, words, asks, command, tmp_path):
    text = (ROOT / "hypotheses.yaml").read_text()
    assert text.count(f"\n{old}") == 1
    (tmp_path / "hypotheses.yaml").write_text(text.replace(f"\n{old}", f"\n{new}"))
    arguments = ("--config", "config.yaml", "--hypotheses", "hypotheses.yaml", "--comparison", "x", "--output", "out")
    command.refuses("verdicts", *arguments, words=("hypotheses.yaml:", *words))


@pytest.mark.parametrize(
    "arguments", [("show", "../x"), ("show", "nobody"), ("compare", "x", RUN, "--dataset", "made-0")]
)
def test_a_run_that_there_is_not(arguments, asks, command):
    command.refuses(*arguments, words=(arguments[1],))


def test_a_data_set_that_there_is_not(asks, command):
    command.refuses("compare", "itemknn", RUN, "--dataset", "../made-0", words=("../made-0", "made-0"))


@pytest.mark.parametrize("kind", ["uniform-7", "../x", ""])
def test_candidates_of_a_kind_that_there_is_not(kind, ring, command):
    arguments = ("--data", ring, "--protocol", "loo", "--output", "candidates.parquet")
    command.refuses("candidates", kind, *arguments, words=("is not one of",))
