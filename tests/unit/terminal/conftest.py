"""Fabricated results of one dataset under both protocols, and the tables made of them."""

import pytest

from hydrarec.comparison import collect, contrast
from hydrarec.layout import comparison_folder
from tests.fabricate import Tree, config


@pytest.fixture(scope="package")
def tree(tmp_path_factory) -> Tree:
    everything = config(datasets=1, seeds=3, more={"protocols": ["loo", "gts"]})
    return Tree(everything, tmp_path_factory.mktemp("terminal") / "results", n_users=80).write()


@pytest.fixture(scope="package")
def tables(tree):
    output = comparison_folder(tree.results, tree.config.report)
    collect(tree.config, tree.results, output)
    contrast(tree.config, tree.results, output)
    return output


@pytest.fixture
def small(tmp_path) -> Tree:
    """Two seeds under one protocol, for a test to spoil."""
    return Tree(config(datasets=1, seeds=2), tmp_path / "results", n_users=40).write()
