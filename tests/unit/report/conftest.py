"""Reports rendered from fabricated results."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from hydrarec.analyses import analyse
from hydrarec.comparison import collect, contrast
from hydrarec.report import render
from hydrarec.report.figures import panels
from tests.fabricate import Tree, config


def compute(tree: Tree, output: Path) -> Path:
    """Compute all tables of a tree."""
    collect(tree.config, tree.results, output)
    contrast(tree.config, tree.results, output)
    analyse(tree.config, tree.results, output)
    return output


@pytest.fixture(scope="session")
def tree(tmp_path_factory) -> Tree:
    """Two datasets, three seeds."""
    return Tree(config(), tmp_path_factory.mktemp("fabricated") / "results", n_users=120).write()


@pytest.fixture(scope="session")
def tables(tree, tmp_path_factory) -> Path:
    """Folder of the tables of `tree`."""
    return compute(tree, tmp_path_factory.mktemp("tables"))


@pytest.fixture(scope="session")
def report(tree, tables, tmp_path_factory) -> Path:
    """Folder of the report on `tree`."""
    output = tmp_path_factory.mktemp("report")
    render(tree.config, tree.results, tables, output)
    return output


@pytest.fixture
def page_of(tmp_path) -> Callable[..., str]:
    """Render one dataset of a changed configuration and return the page."""
    return partial(page_in, tmp_path)


def page_in(
    folder: Path,
    more: dict | None = None,
    seeds: int = 1,
    spoil: Callable[[Tree, Path], None] | None = None,
    **settings,
) -> str:
    """Render in a folder; PDFs, which take long, are empty."""
    everything = config(datasets=1, seeds=seeds, more=more)
    tree = Tree(everything, folder / "results", **({"n_users": 60} | settings)).write()
    tables = compute(tree, folder / "tables")
    if spoil:
        spoil(tree, tables)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(panels, "_as_pdf", lambda canvas: b"")
        render(tree.config, tree.results, tables, folder / "report")
    return (folder / "report" / "index.html").read_text(encoding="utf-8")
