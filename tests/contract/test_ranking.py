"""Ranking means what ADR 0002 and method.md say, for any scorer."""

import dataclasses
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hydrarec.columns import RANKS, RECOMMENDATIONS
from hydrarec.metrics import hit_rate, ndcg
from hydrarec.models.base import OutputLayer
from hydrarec.ranking import tiles
from hydrarec.ranking.candidates import Candidates
from hydrarec.ranking.full import count_ranks, rank
from hydrarec.ranking.tiles import Products
from hydrarec.tables import read_table, write_table
from tests.unit.ranking.worlds import TableScorer, candidates_of, world, worlds


def brute_force(sequences, n_items, table, repeats):
    """Rank each case by comparing its items one at a time."""
    rows = []
    for user, (sequence, scores) in enumerate(zip(sequences, table.tolist(), strict=True), 1):
        target, own = sequence[-1], scores[sequence[-1]]
        filtered = candidates_of(sequence, sequences, n_items, repeats)
        everything = candidates_of([0, 0], sequences, n_items, repeats)
        row = {"user": user, "step": 0, "target": target, "n_candidates": len(filtered)}
        for suffix, candidates in (("", filtered), ("_unfiltered", everything)):
            warm = target in candidates
            row["greater" + suffix] = sum(scores[i] > own for i in candidates) if warm else len(candidates)
            row["equal" + suffix] = sum(scores[i] == own for i in candidates if i != target) if warm else 0
            row["warm"] = warm
        rows.append(row)
    return pd.DataFrame(rows)[RANKS.names]


def brute_force_lists(sequences, n_items, table, repeats, k):
    rows = []
    for user, (sequence, scores) in enumerate(zip(sequences, table.tolist(), strict=True), 1):
        best = sorted(candidates_of(sequence, sequences, n_items, repeats), key=lambda i: (-scores[i], i))[:k]
        rows += [(user, 0, place, item, scores[item]) for place, item in enumerate(best, 1)]
    return pd.DataFrame(rows, columns=RECOMMENDATIONS.names)


@pytest.mark.parametrize("repeats", [False, True])
@given(data=st.data(), batch_size=st.integers(1, 7), k=st.integers(1, 25))
def test_agrees_with_comparing_items_one_at_a_time(repeats, data, batch_size, k):
    sequences, n_items, table = data.draw(worlds(repeats))
    cases, catalogue = world(sequences, n_items)
    ranking = rank(TableScorer(table), cases, catalogue, batch_size=batch_size, top_k=k)
    expected = brute_force(sequences, n_items, table, repeats)
    pd.testing.assert_frame_equal(ranking.ranks, expected, check_dtype=False)
    lists = brute_force_lists(sequences, n_items, table, repeats, k)
    pd.testing.assert_frame_equal(ranking.recommendations, lists, check_dtype=False)
    greater, equal = count_ranks(TableScorer(table), cases, Candidates(cases, catalogue), batch_size=batch_size)
    assert greater.tolist() == expected["greater"].tolist()
    assert equal.tolist() == expected["equal"].tolist()


def random_world(n_users=60, n_items=500, n_unused=0, seed=0):
    """Return cases and catalogue of users with 5 to 200 distinct items; the last `n_unused` items are never met."""
    stream = np.random.default_rng(seed)
    lengths = stream.integers(5, 200, n_users)
    return world([(stream.permutation(n_items - n_unused)[:n] + 1).tolist() for n in lengths], n_items)


def uniform(cases, n_columns, seed=0):
    return TableScorer(np.random.default_rng(seed).random((len(cases), n_columns), dtype=np.float32))


def test_tables_have_the_schemas(tmp_path):
    cases, catalogue = random_world()
    ranking = rank(uniform(cases, 501), cases, catalogue, batch_size=16, top_k=100)
    for frame, schema in ((ranking.ranks, RANKS), (ranking.recommendations, RECOMMENDATIONS)):
        write_table(frame, tmp_path / "table.parquet", schema)
        pd.testing.assert_frame_equal(read_table(tmp_path / "table.parquet", schema), frame)


def test_neither_batches_nor_tiles_change_anything(monkeypatch):
    cases, catalogue = random_world(n_unused=20)
    score = uniform(cases, 501)
    whole = rank(score, cases, catalogue, batch_size=1000, top_k=10)
    again = rank(score, cases, catalogue, batch_size=1000, top_k=10)
    small = rank(score, cases, catalogue, batch_size=7, top_k=10)
    monkeypatch.setattr(tiles, "FEWEST_ROWS", 1)
    monkeypatch.setattr(tiles, "CACHED_SCORES", 1200)
    two_rows = rank(score, cases, catalogue, batch_size=1000, top_k=10)
    for other in (again, small, two_rows):
        pd.testing.assert_frame_equal(other.ranks, whole.ranks, check_exact=True)
        pd.testing.assert_frame_equal(other.recommendations, whole.recommendations, check_exact=True)


@contextmanager
def torch_threads(number):
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("batch_size", [10, 90, 100])
def test_threads_change_nothing(batch_size):
    # So many items that threads are at work at the same time, and would be in each other's way.
    cases, catalogue = random_world(n_users=100, n_items=20_000, n_unused=20)
    stream = torch.Generator().manual_seed(0)
    hidden, weight = (torch.randn(shape, generator=stream) for shape in [(len(cases), 64), (20_001, 64)])
    threads_of_a_scorer = []

    def score(rows):
        threads_of_a_scorer.append(torch.get_num_threads())
        return Products(hidden[rows], OutputLayer(weight, None))

    rankings = []
    for threads in (1, 3):
        with torch_threads(threads):
            rankings.append(rank(score, cases, catalogue, batch_size=batch_size, top_k=10))
    one, three = rankings
    pd.testing.assert_frame_equal(three.ranks, one.ranks, check_exact=True)
    pd.testing.assert_frame_equal(three.recommendations, one.recommendations, check_exact=True)
    # A model computes with all of them.
    assert set(threads_of_a_scorer) == {1, 3}


def test_the_next_scores_may_lie_where_the_last_did():
    cases, catalogue = random_world(n_users=100, n_items=20_000)
    table = torch.rand((len(cases), 20_001), generator=torch.Generator().manual_seed(0))
    lasting = rank(TableScorer(table), cases, catalogue, batch_size=40)
    memory = torch.empty((40, 20_001))

    def score(rows):
        return torch.index_select(table, 0, rows, out=memory[: len(rows)])

    with torch_threads(3):
        found = rank(score, cases, catalogue, batch_size=40)
    pd.testing.assert_frame_equal(found.ranks, lasting.ranks, check_exact=True)


def test_products_are_ranked_like_their_scores():
    cases, catalogue = random_world(n_unused=20)
    stream = torch.Generator().manual_seed(0)
    # Small whole numbers: many ties, and no rounding that could hang on how many rows are multiplied at once.
    hidden, weight, bias = (
        torch.randint(-3, 4, shape, generator=stream).float() for shape in [(len(cases), 4), (501, 4), (501,)]
    )
    for layer in (OutputLayer(weight, bias), OutputLayer(weight, None)):
        scores = hidden @ weight.T + (0 if layer.bias is None else bias)
        dense = rank(TableScorer(scores), cases, catalogue, batch_size=16, top_k=20)
        ranking = rank(
            lambda rows, layer=layer: Products(hidden[rows], layer), cases, catalogue, batch_size=16, top_k=20
        )
        pd.testing.assert_frame_equal(ranking.ranks, dense.ranks)
        pd.testing.assert_frame_equal(ranking.recommendations, dense.recommendations)


def test_the_complete_history_is_filtered_whatever_window_a_model_sees():
    long = list(range(1, 302))
    others = [[*range(300, 520)], [*range(1, 520)]]
    cases, catalogue = world([long, *others], 520)

    def sees_50(rows):
        scores = torch.zeros(len(rows), 521)
        for place, row in enumerate(rows.tolist()):
            stop = int(cases.stops[row])
            scores[place, cases.log.items[max(int(cases.starts[row]), stop - 50) : stop].long()] = 1.0
        return scores

    ranking = rank(sees_50, cases, catalogue, batch_size=2, top_k=520)
    n_warm = int(catalogue.warm.sum())
    assert ranking.ranks["n_candidates"].tolist()[0] == n_warm - 300
    # The model puts its own window first; only unfiltered does that count.
    assert ranking.ranks["greater"].tolist()[0] == 0
    assert ranking.ranks["greater_unfiltered"].tolist()[0] == 50
    listed = ranking.recommendations.query("user == 1")["item"]
    assert len(listed) == n_warm - 300
    assert not set(listed) & set(long[:-1])


def test_special_tokens_are_never_ranked():
    cases, catalogue = random_world()
    score = uniform(cases, 501)
    plain = rank(score, cases, catalogue, batch_size=16, top_k=20)
    table = torch.nn.functional.pad(score.table, (0, 2), value=1e30)
    table[:, 0] = torch.nan
    table[:, -1] = torch.inf
    inflated = rank(TableScorer(table), cases, catalogue, batch_size=16, top_k=20)
    pd.testing.assert_frame_equal(inflated.ranks, plain.ranks)
    pd.testing.assert_frame_equal(inflated.recommendations, plain.recommendations)


def test_cold_items_are_no_candidates_and_cold_targets_are_misses():
    cases, catalogue = world([[1, 2, 3, 4], [2, 1, 5, 3], [3, 1, 2, 6]], 6)
    table = torch.zeros(3, 7)
    table[:, 4:] = 9.0
    ranking = rank(TableScorer(table), cases, catalogue, batch_size=3, top_k=6)
    assert ranking.ranks["warm"].tolist() == [False, True, False]
    # Warm: 1, 2, 3. Items 4, 5 and 6 are first in every row, and do not count.
    assert ranking.ranks["n_candidates"].tolist() == [0, 1, 0]
    assert ranking.ranks["greater"].tolist() == [0, 0, 0]
    assert ranking.ranks["greater_unfiltered"].tolist() == [3, 0, 3]
    assert ranking.ranks["equal_unfiltered"].tolist() == [0, 2, 0]
    assert ranking.recommendations["item"].tolist() == [3]


def test_an_item_met_twice_is_filtered_once():
    # Training has no repeats, but the validation item is one.
    cases, catalogue = world([[1, 2, 1, 3], [3, 4, 2, 1]], 4)
    assert not catalogue.has_repeats
    ranking = rank(TableScorer(torch.zeros(2, 5)), cases, catalogue, batch_size=2)
    assert ranking.ranks["n_candidates"].tolist() == [2, 1]
    assert ranking.ranks["equal"].tolist() == [1, 0]


def test_repeats_are_found_however_many_users_are_looked_at_at_once(monkeypatch):
    sequences = [[1, 2, 1, 3], [3, 4, 2, 1], [4, 3, 4, 2], [2, 3, 1, 4]]
    cases, catalogue = world(sequences, 4)
    for table in (1, 10, 15, 100):
        monkeypatch.setattr("hydrarec.ranking.candidates.TABLE", table)
        ranking = rank(TableScorer(torch.zeros(4, 5)), cases, catalogue, batch_size=2)
        assert ranking.ranks["n_candidates"].tolist() == [2, 1, 2, 1]


def test_a_target_in_its_own_filtered_history_is_refused():
    cases, catalogue = world([[3, 4, 2, 1], [1, 2, 3, 1]], 4)
    with pytest.raises(ValueError, match=r"user 2: target 1 is in the user's own history.*1 such targets"):
        rank(TableScorer(torch.zeros(2, 5)), cases, catalogue, batch_size=2)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("ranker", [rank, count_ranks])
def test_scores_that_are_not_finite_are_refused(ranker, value):
    cases, catalogue = random_world()
    score = uniform(cases, 501)
    score.table[17, [3, 5, 500]] = value
    with pytest.raises(ValueError, match=r"user 18: 3 of 500 scores are not finite \(1 of 60 cases"):
        ranker(score, cases, catalogue if ranker is rank else Candidates(cases, catalogue), batch_size=16)


def test_scores_that_are_nothing_but_nan_are_refused_with_lists_too():
    cases, catalogue = random_world()
    with pytest.raises(ValueError, match=r"500 of 500 scores are not finite \(60 of 60 cases"):
        rank(TableScorer(torch.full((60, 501), torch.nan)), cases, catalogue, batch_size=16, top_k=10)


def test_huge_finite_scores_are_fine():
    cases, catalogue = random_world()
    score = TableScorer(uniform(cases, 501).table * torch.finfo(torch.float32).max)
    assert score.table.sum().isinf()
    assert rank(score, cases, catalogue, batch_size=16).ranks["greater"].max() > 100


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.int64])
def test_only_float32_is_ranked(dtype):
    cases, catalogue = random_world()
    with pytest.raises(ValueError, match="float32"):
        rank(TableScorer(torch.zeros(60, 501, dtype=dtype)), cases, catalogue, batch_size=16)


@pytest.mark.parametrize("shape", [(60, 500), (60,), (3, 501)])
def test_scores_of_another_shape_are_refused(shape):
    cases, catalogue = random_world()
    with pytest.raises(ValueError, match=r"shape .* expected 60 rows and at least 501 columns"):
        rank(lambda rows: torch.zeros(shape), cases, catalogue, batch_size=60)


def test_batch_size_zero_is_refused():
    cases, catalogue = random_world()
    with pytest.raises(ValueError, match="batch_size is 0"):
        rank(uniform(cases, 501), cases, catalogue, batch_size=0)


def test_the_scores_are_not_written_to():
    cases, catalogue = random_world()
    row = torch.rand(501)
    before = row.clone()
    rank(lambda rows: row.expand(len(rows), -1), cases, catalogue, batch_size=16, top_k=10)
    assert torch.equal(row, before)


def test_successive_targets_each_know_what_came_before():
    cases, catalogue = world([[1, 2, 3, 4, 5, 6, 7], [7, 6, 5, 4, 3, 2, 1]], 7)
    stops = torch.tensor([2, 4, 10])
    steps = dataclasses.replace(
        cases,
        users=torch.tensor([1, 1, 2], dtype=torch.int32),
        steps=torch.tensor([0, 1, 0], dtype=torch.int32),
        targets=cases.log.items[stops],
        starts=torch.tensor([0, 0, 7]),
        stops=stops,
    )
    table = torch.arange(8.0).expand(3, -1)
    ranking = rank(TableScorer(table), steps, catalogue, batch_size=2, top_k=7)
    assert ranking.ranks[["user", "step", "target"]].to_numpy().tolist() == [[1, 0, 3], [1, 1, 5], [2, 0, 4]]
    assert ranking.ranks["n_candidates"].tolist() == [5, 3, 4]
    assert ranking.ranks["greater"].tolist() == [4, 2, 0]
    lists = ranking.recommendations.groupby(["user", "step"])["item"].apply(list)
    assert lists.tolist() == [[7, 6, 5, 4, 3], [7, 6, 5], [4, 3, 2, 1]]


def test_no_cases_give_empty_tables():
    cases, catalogue = random_world()
    none = {name: getattr(cases, name)[:0] for name in ("users", "steps", "targets", "starts", "stops")}
    ranking = rank(uniform(cases, 501), dataclasses.replace(cases, **none), catalogue, batch_size=16, top_k=5)
    assert len(ranking.ranks) == len(ranking.recommendations) == 0


@pytest.mark.parametrize("k", [1, 10, 100])
def test_a_constant_scorer_scores_chance(k):
    cases, catalogue = random_world()
    ranks = rank(TableScorer(torch.ones(60, 501)), cases, catalogue, batch_size=16).ranks
    chance = np.minimum(k / ranks["n_candidates"], 1)
    assert np.allclose(hit_rate(ranks["greater"], ranks["equal"], k), chance)
    assert hit_rate(ranks["greater"], ranks["equal"], k, "optimistic").mean() == 1


@pytest.mark.parametrize("k", [1, 10, 100])
def test_a_random_scorer_lies_around_chance(k):
    cases, catalogue = random_world(n_users=2000)
    ranks = rank(uniform(cases, 501), cases, catalogue, batch_size=256).ranks
    chance = (k / ranks["n_candidates"]).to_numpy()
    error = np.sqrt((chance * (1 - chance)).sum()) / len(chance)
    assert abs(hit_rate(ranks["greater"], ranks["equal"], k).mean() - chance.mean()) < 4 * error


def test_an_oracle_scores_one_on_warm_targets():
    cases, catalogue = random_world(n_users=12)
    table = torch.zeros(12, 501).scatter_(1, cases.targets.long()[:, None], 1.0)
    ranks = rank(TableScorer(table), cases, catalogue, batch_size=5).ranks
    assert 0 < ranks["warm"].sum() < len(ranks)
    for metric in (hit_rate, ndcg):
        for k in (1, 10):
            assert np.array_equal(metric(ranks["greater"], ranks["equal"], k), ranks["warm"].astype(float))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_ranks_like_the_cpu():
    cases, catalogue = random_world(n_users=300, n_unused=20)
    # Few distinct scores, so that every list has ties at its end.
    score = TableScorer((uniform(cases, 501).table * 8).round())
    on_cpu = rank(score, cases, catalogue, batch_size=64, top_k=50)
    on_gpu = rank(lambda rows: score(rows).cuda(), cases, catalogue, batch_size=64, top_k=50)
    # One hidden unit per item, so that products are the table.
    layer = OutputLayer(torch.eye(501).cuda(), None)
    products = rank(lambda rows: Products(score(rows).cuda(), layer), cases, catalogue, batch_size=64, top_k=50)
    for other in (on_gpu, products):
        pd.testing.assert_frame_equal(other.ranks, on_cpu.ranks)
        pd.testing.assert_frame_equal(other.recommendations, on_cpu.recommendations)
