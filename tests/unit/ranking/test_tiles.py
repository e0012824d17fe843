"""Tiles hold the scores of a batch, whatever a scorer returned."""

import pytest
import torch

from hydrarec.models.base import OutputLayer
from hydrarec.ranking import tiles
from hydrarec.ranking.tiles import Products, ScoreTiles

N_ITEMS = 30


@pytest.fixture
def products():
    stream = torch.Generator().manual_seed(0)
    hidden, weight, bias = (
        torch.randn(shape, generator=stream) for shape in [(50, 8), (N_ITEMS + 1, 8), (N_ITEMS + 1,)]
    )
    return Products(hidden, OutputLayer(weight, bias))


def scores_of(products):
    return products.hidden @ products.output.weight.T + products.output.bias


@pytest.mark.parametrize("cached", [1, 20 * (N_ITEMS + 1), 2**20])
def test_together_they_are_the_batch(products, cached, monkeypatch):
    monkeypatch.setattr(tiles, "CACHED_SCORES", cached)
    expected = scores_of(products)
    for scores in (products, expected):
        parts = [(tile.rows, tile.values.clone()) for tile in ScoreTiles(N_ITEMS).of(scores, 50)]
        assert [row for rows, _ in parts for row in range(50)[rows]] == list(range(50))
        assert torch.allclose(torch.cat([values for _, values in parts]), expected[:, 1:], atol=1e-5)
        lengths = [len(values) for _, values in parts]
        # Not even the last one is so short that its product would be another routine's.
        assert max(lengths) <= max(16, cached // (N_ITEMS + 1))
        assert min(lengths) >= max(lengths) - 1


def test_tiles_may_be_written_to(products):
    dense = scores_of(products)
    before = dense.clone()
    for tile in ScoreTiles(N_ITEMS).of(dense, 50):
        tile.values.zero_()
        tile.spare.zero_()
    assert torch.equal(dense, before)


def test_memory_is_used_again(products):
    cutter = ScoreTiles(N_ITEMS)
    places = {tile.values.data_ptr() for _ in range(3) for tile in cutter.of(products, 50)}
    assert len(places) == 1


def test_no_bias_is_none_added(products):
    plain = Products(products.hidden, OutputLayer(products.output.weight, None))
    (tile,) = ScoreTiles(N_ITEMS).of(plain, 50)
    assert torch.allclose(tile.values, (plain.hidden @ plain.output.weight.T)[:, 1:], atol=1e-5)


@pytest.mark.parametrize("which", ["hidden", "weight"])
def test_products_have_to_be_float32(products, which):
    hidden, weight = products.hidden, products.output.weight
    wrong = (
        Products(hidden.double(), products.output)
        if which == "hidden"
        else Products(hidden, OutputLayer(weight.double(), None))
    )
    with pytest.raises(ValueError, match=r"scores are torch\.float64"):
        next(ScoreTiles(N_ITEMS).of(wrong, 50))


def test_products_of_too_few_items_are_refused(products):
    with pytest.raises(ValueError, match=r"shape \(50, 31\); expected 50 rows and at least 32 columns"):
        next(ScoreTiles(N_ITEMS + 1).of(products, 50))
