import pytest

from hydrarec.baselines import BaselineInputs
from hydrarec.sequences.log import read_cases, read_catalogue, read_train
from tests.unit.ranking.worlds import write_world

# Training parts: 1 2 3 | 1 2 4 | 3 1 | 2 ; then a validation and a test item each.
SEQUENCES = [[1, 2, 3, 4, 5], [1, 2, 4, 3, 5], [3, 1, 2, 4], [2, 1, 3]]


def inputs_of(folder, sequences, n_items):
    """Write a data set and return what a baseline gets of it."""
    split = write_world(folder, sequences, n_items) / "loo"
    cases, catalogue = read_cases(split, "test"), read_catalogue(folder, split)
    return BaselineInputs(folder, split, read_train(split), cases, catalogue, seed=0)


@pytest.fixture
def inputs(tmp_path):
    return inputs_of(tmp_path, SEQUENCES, 5)
