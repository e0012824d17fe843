"""Places from pairwise statements: by hand, and what they may never be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydrarec.significance.rank_intervals import rank_intervals


@given(st.integers(0, 10_000))
def test_the_observed_place_is_inside(seed):
    stream = np.random.default_rng(seed)
    means, p = stream.normal(size=6), stream.random((6, 6))
    found = rank_intervals(means[:, None] - means, np.minimum(p, p.T), alpha=0.5)
    place = 1 + (means[:, None] < means).sum(axis=1)
    assert (found.best <= place).all()
    assert (place <= found.worst).all()


def test_nothing_shown_leaves_every_place_and_everything_shown_leaves_one():
    means = np.array([0.3, 0.1, 0.2])
    difference = means[:, None] - means
    nothing = rank_intervals(difference, np.ones((3, 3)))
    assert (nothing.best.tolist(), nothing.worst.tolist()) == ([1, 1, 1], [3, 3, 3])
    everything = rank_intervals(difference, np.eye(3))
    assert (everything.best.tolist(), everything.worst.tolist()) == ([1, 3, 2], [1, 3, 2])


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="one size"):
        rank_intervals(np.ones((2, 2)), np.ones((3, 3)))
