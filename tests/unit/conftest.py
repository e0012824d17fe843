"""Fabricated results, written once, and the tables computed from them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hydrarec.comparison import collect, contrast
from tests.fabricate import Tree, config


@pytest.fixture(scope="session")
def tree(tmp_path_factory) -> Tree:
    """Two datasets under both protocols, three seeds."""
    everything = config(more={"protocols": ["loo", "gts"]})
    return Tree(everything, tmp_path_factory.mktemp("fabricated") / "results").write()


@pytest.fixture(scope="session")
def tables(tree, tmp_path_factory) -> Path:
    """Folder of all tables of `tree`."""
    output = tmp_path_factory.mktemp("tables")
    collect(tree.config, tree.results, output)
    contrast(tree.config, tree.results, output)
    return output


@pytest.fixture
def small(tmp_path) -> Callable[..., Tree]:
    """Write a tree of one dataset that a test may spoil."""

    def write(seeds: int = 1, **settings) -> Tree:
        shutil.rmtree(tmp_path / "results", ignore_errors=True)
        return Tree(config(datasets=1, seeds=seeds), tmp_path / "results", **({"n_users": 60} | settings)).write()

    return write
