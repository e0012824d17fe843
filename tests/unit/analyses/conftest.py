"""Fabricated results under both protocols, with counts among sampled candidates, and the tables computed from them."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from hydrarec.analyses import analyse
from hydrarec.columns import RANKS
from hydrarec.tables import read_table, write_table
from tests.fabricate import SASREC, Tree, config

KINDS = ["uniform-100", "popularity-100"]
EVALUATION = {"reference": SASREC, "cutoffs": [1, 10], "sampled": KINDS}


def fabricate(folder: Path, protocols: list[str], **settings) -> Tree:
    """Write a tree of one dataset."""
    everything = config(datasets=1, seeds=2, more={"protocols": protocols, "evaluation": EVALUATION})
    tree = Tree(everything, folder / "results", **({"n_users": 60, "cold_share": 0.2} | settings)).write()
    for path in tree.results.rglob("ranks.parquet"):
        ranks = read_table(path, RANKS)
        # A third of the known items would stand above.
        further = ranks["greater"] // 3 + ranks["user"] % 3
        write_table(ranks.assign(greater_unfiltered=ranks["greater"] + further), path, RANKS)
    return tree


@pytest.fixture(scope="session")
def tree(tmp_path_factory) -> Tree:
    """One dataset under both protocols, two seeds."""
    return fabricate(tmp_path_factory.mktemp("fabricated"), ["loo", "gts"])


@pytest.fixture(scope="session")
def tables(tree, tmp_path_factory) -> Path:
    """Folder of the tables of `tree`."""
    output = tmp_path_factory.mktemp("tables")
    analyse(tree.config, tree.results, output)
    return output


@pytest.fixture(scope="session")
def sound(tmp_path_factory) -> Tree:
    """One dataset under `loo`, two seeds."""
    return fabricate(tmp_path_factory.mktemp("sound"), ["loo"], n_users=40)


@pytest.fixture
def small(sound, tmp_path) -> Tree:
    """Copy `sound` for a test that spoils it."""
    shutil.copytree(sound.results, tmp_path / "results")
    return dataclasses.replace(sound, results=tmp_path / "results")
