"""Counts among sampled candidates: as comparing one at a time, and nothing else changes by them."""

import random

import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrarec.columns import CANDIDATES, SAMPLED
from hydrarec.models.base import OutputLayer
from hydrarec.ranking.full import rank
from hydrarec.ranking.sampled import SampledCandidates, read_sampled_candidates
from hydrarec.ranking.tiles import Products
from hydrarec.tables import content_hash, write_table
from tests.unit.ranking.worlds import TableScorer, candidates_of, world, worlds


@pytest.mark.parametrize("repeats", [False, True])
@settings(max_examples=25)
@given(data=st.data(), batch_size=st.integers(1, 4), share=st.floats(0, 1))
def test_agrees_with_comparing_sampled_items_one_at_a_time(repeats, data, batch_size, share):
    sequences, n_items, scores = data.draw(worlds(repeats))
    cases, catalogue = world(sequences, n_items)
    sampled_candidates, lists, stream = [], {}, random.Random(0)
    for kind in ("uniform-100", "popularity-100"):
        others = [set(candidates_of(s, sequences, n_items, repeats)) - {s[-1]} for s in sequences]
        lists[kind] = [{item for item in left if stream.random() < share} for left in others]
        width = max(map(len, lists[kind]))
        padded = [[*sorted(items), *[0] * (width - len(items))] for items in lists[kind]]
        items = torch.tensor(padded, dtype=torch.int32).reshape(len(sequences), width)
        sampled_candidates.append(SampledCandidates(kind, items, "hash"))
    plain = rank(TableScorer(scores), cases, catalogue, batch_size=batch_size, top_k=5)
    found = rank(
        TableScorer(scores), cases, catalogue, batch_size=batch_size, top_k=5, sampled_candidates=sampled_candidates
    )
    pd.testing.assert_frame_equal(found.ranks, plain.ranks)
    pd.testing.assert_frame_equal(found.recommendations, plain.recommendations)
    assert plain.sampled is None
    expected = []
    for kind, of_kind in lists.items():
        for user, (sequence, items, row) in enumerate(zip(sequences, of_kind, scores.tolist(), strict=True), 1):
            target = sequence[-1]
            warm = bool(catalogue.warm[target])
            greater = sum(row[i] > row[target] for i in items) if warm else len(items)
            expected.append((user, 0, kind, greater, sum(row[i] == row[target] for i in items) if warm else 0))
    pd.testing.assert_frame_equal(found.sampled, pd.DataFrame(expected, columns=SAMPLED.names), check_dtype=False)


def test_products_are_counted_like_the_scores_they_come_to():
    stream = torch.Generator().manual_seed(3)
    sequences = [torch.randperm(40, generator=stream)[:7].add(1).tolist() for _ in range(30)]
    cases, catalogue = world(sequences, 40)
    hidden, weight = torch.randn(30, 4, generator=stream), torch.randn(41, 4, generator=stream)
    left = [sorted(set(candidates_of(s, sequences, 40, repeats=False)) - {s[-1]})[:12] for s in sequences]
    sampled_candidates = [SampledCandidates("uniform-100", torch.tensor(left, dtype=torch.int32), "hash")]
    products = rank(
        lambda rows: Products(hidden[rows], OutputLayer(weight, None)),
        cases,
        catalogue,
        batch_size=8,
        sampled_candidates=sampled_candidates,
    )
    dense = rank(TableScorer(hidden @ weight.T), cases, catalogue, batch_size=8, sampled_candidates=sampled_candidates)
    pd.testing.assert_frame_equal(products.sampled, dense.sampled)
    assert (products.sampled["greater"] > 0).any()


SEQUENCES = [[1, 2, 3, 4, 5], [2, 3, 1, 6, 4], [4, 5, 6, 1, 7]]


def read(tmp_path, rows):
    frame = pd.DataFrame(rows, columns=CANDIDATES.names).astype("int32")
    path = tmp_path / "candidates-uniform-100.parquet"
    write_table(frame, path, CANDIDATES)
    return read_sampled_candidates([path], *world(SEQUENCES, 8))[0], path


def test_a_file_is_read_in_the_order_of_the_cases(tmp_path):
    sampled_candidates, path = read(tmp_path, [(3, 0, 2), (1, 0, 6), (3, 0, 3), (2, 0, 5)])
    assert sampled_candidates.items.shape == (3, 100)
    assert [[item for item in items if item] for items in sampled_candidates.items.tolist()] == [[6], [5], [2, 3]]
    assert (sampled_candidates.kind, sampled_candidates.content_hash) == ("uniform-100", content_hash(path))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([(1, 0, 6), (3, 0, 2), (3, 0, 3)], "1 targets with another number of items than could be drawn"),
        ([(1, 0, 6), (2, 0, 5), (2, 1, 5), (3, 0, 2), (3, 0, 3)], "1 users and steps that are no test target"),
        ([(1, 0, 6), (2, 0, 5), (3, 0, 3), (3, 0, 8)], "1 items that are not in the training data"),
        ([(1, 0, 6), (2, 0, 5), (3, 0, 9), (3, 0, 10)], "2 items that are not in the training data"),
        ([(1, 0, 6), (2, 0, 4), (3, 0, 2), (3, 0, 3)], "1 targets among their own items"),
        ([(1, 0, 6), (2, 0, 1), (3, 0, 2), (3, 0, 3)], "1 items of their user's known history"),
        ([(1, 0, 6), (2, 0, 5), (3, 0, 2), (3, 0, 2)], "1 items that their target has already"),
    ],
)
def test_candidates_of_other_cases_or_items_are_refused(tmp_path, rows, words):
    with pytest.raises(ValueError, match=rf"candidates-uniform-100.parquet.*{words}.*draw the candidates anew"):
        read(tmp_path, rows)
