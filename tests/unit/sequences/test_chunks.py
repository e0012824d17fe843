"""How positions are cut into chunks, and what depends on their distance."""

import pytest
import torch

from hydrarec.devices import MOST_GRAPHS
from hydrarec.sequences.chunks import chunks
from hydrarec.sequences.distances import by_distance


@pytest.mark.parametrize("largest", [1, 16, 32])
def test_chunks_are_as_many_and_as_large_as_it_takes(largest):
    for length in range(1, 300):
        count, size = chunks(length, largest)
        assert count == -(-length // size)
        assert size == min(largest, 2 ** (length - 1).bit_length())


@pytest.mark.parametrize("largest", [16, 32])
def test_a_compiler_meets_few_kinds_of_chunks_and_no_many_empty_ones(largest, monkeypatch):
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    kinds = {length: chunks(length, largest) for length in range(1, 10_000, 3)}
    assert all(count * size > length for length, (count, size) in kinds.items())
    assert all(count <= 1.125 * -(-(length + 1) // size) for length, (count, size) in kinds.items())
    assert len({*kinds.values()}) < MOST_GRAPHS


def test_cutting_fills_up_with_zeros():
    x = torch.randn(2, 3, 21, 5)
    cut = chunks(21, 8).cut(x)
    assert cut.shape == (2, 3, 3, 8, 5)
    assert torch.equal(cut.flatten(2, 3)[:, :, :21], x)
    assert not cut.flatten(2, 3)[:, :, 21:].any()


@pytest.mark.parametrize("length", [1, 2, 7])
def test_weights_by_distance_are_those_of_the_definition(length):
    kernel = torch.randn(length, 3, dtype=torch.complex64)
    weights = by_distance(kernel)
    assert weights.shape == (length, length, 3)
    for t in range(length):
        for s in range(length):
            assert torch.equal(weights[t, s], kernel[t - s] if s <= t else torch.zeros_like(kernel[0]))
