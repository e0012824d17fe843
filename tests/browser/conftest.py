"""A rendered report, a browser to open it with, and axe-core to examine it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hydrarec.report import render
from tests.browser.devtools import Browser, browse
from tests.conftest import ROOT
from tests.fabricate import Tree, config
from tests.unit.report.conftest import compute

AXE = ROOT / "node_modules/axe-core/axe.min.js"


@pytest.fixture(scope="session")
def report(tmp_path_factory) -> Path:
    """Folder of a report on fabricated results, with labels as long as they get."""
    tree = Tree(config(), tmp_path_factory.mktemp("fabricated") / "results", n_users=120).write()
    tables, output = tmp_path_factory.mktemp("tables"), tmp_path_factory.mktemp("report")
    render(tree.config, tree.results, compute(tree, tables), output)
    return output


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser without a screen; skips where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no chromium on the PATH")
    with browse(program) as started:
        yield started


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core; skips where it was not installed."""
    if not AXE.is_file():
        pytest.skip("no axe-core: npm install --no-save --no-package-lock axe-core@4")
    return AXE.read_text(encoding="utf-8")
