"""Real results of a data set that is learnt in seconds: a trained run and a baseline, on prepared data."""

import shutil

import pytest

from hydrarec.baselines.run import run_baseline
from hydrarec.config.datasets import DatasetConfig
from hydrarec.data.prepare import prepare
from hydrarec.data.split import split
from hydrarec.layout import data_folder, run_folder
from tests.unit.training.ring import run


@pytest.fixture(scope="session")
def computed(tmp_path_factory):
    """Results of `x`, trained for three epochs, and of `items`, a nearest-neighbour baseline."""
    results = tmp_path_factory.mktemp("audit") / "results"
    data = data_folder(results, "drawn")
    reader = {"kind": "synthetic", "n_users": 60, "n_items": 50}
    prepare(DatasetConfig.model_validate({"id": "drawn", "title": "Drawn", "reader": reader}), None, data)
    split(data, "loo", data / "loo")
    run(data, run_folder(results, "drawn", "loo", "x", 0))
    run_baseline(
        "itemknn",
        data=data,
        protocol="loo",
        run="items",
        seed=0,
        options={},
        threads=1,
        output=run_folder(results, "drawn", "loo", "items", 0),
    )
    return results


@pytest.fixture
def results(computed, tmp_path):
    """The same, for a test to spoil."""
    shutil.copytree(computed, tmp_path / "results")
    return tmp_path / "results"


@pytest.fixture
def trained(results):
    """Folder of the trained run."""
    return run_folder(results, "drawn", "loo", "x", 0)


@pytest.fixture
def baseline(results):
    """Folder of the baseline."""
    return run_folder(results, "drawn", "loo", "items", 0)
