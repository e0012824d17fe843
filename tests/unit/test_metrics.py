"""Metrics against independent implementations, against brute force, and against what theory says of known scorers."""

from itertools import permutations

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import RR, Success, nDCG
from sklearn.metrics import ndcg_score

from hydrarec.metrics import hit_rate, mrr, ndcg, tie_variance

counts = st.tuples(st.integers(0, 30), st.integers(0, 30))


def rank_counts(scores: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    of_target = scores[np.arange(len(scores)), targets][:, None]
    return (scores > of_target).sum(1), (scores == of_target).sum(1) - 1


@pytest.mark.parametrize("n_levels", [1, 2, 5, 10_000])
@pytest.mark.parametrize("k", [1, 5, 10, 40])
def test_ndcg_is_scikit_learns_under_heavy_ties(n_levels, k):
    stream = np.random.default_rng(n_levels)
    scores = stream.integers(0, n_levels, size=(200, 30)).astype(float)
    targets = stream.integers(0, 30, size=200)
    relevant = np.eye(30)[targets]
    ours = ndcg(*rank_counts(scores, targets), k=k)
    theirs = [ndcg_score(relevant[i : i + 1], scores[i : i + 1], k=k) for i in range(200)]
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_metrics_are_trec_evals_without_ties():
    stream = np.random.default_rng(3)
    scores = np.argsort(stream.random((50, 40)), axis=1).astype(float)
    targets = stream.integers(0, 40, size=50)
    qrels = [ir_measures.Qrel(str(u), str(t), 1) for u, t in enumerate(targets)]
    run = [ir_measures.ScoredDoc(str(u), str(i), scores[u, i]) for u in range(50) for i in range(40)]
    found = ir_measures.calc_aggregate([nDCG @ 10, Success @ 5, RR], qrels, run)
    greater, equal = rank_counts(scores, targets)
    assert ndcg(greater, equal, 10).mean() == pytest.approx(found[nDCG @ 10], abs=1e-6)
    assert hit_rate(greater, equal, 5).mean() == pytest.approx(found[Success @ 5], abs=1e-6)
    assert mrr(greater, equal).mean() == pytest.approx(found[RR], abs=1e-6)


def test_expected_is_the_mean_over_every_order_of_the_ties():
    greater, equal, k = 2, 3, 4
    places = [order.index("target") + greater + 1 for order in permutations(["target", "b", "c", "d"])]
    assert hit_rate([greater], [equal], k)[0] == pytest.approx(np.mean([p <= k for p in places]))
    assert ndcg([greater], [equal], k)[0] == pytest.approx(np.mean([(p <= k) / np.log2(p + 1) for p in places]))
    assert mrr([greater], [equal])[0] == pytest.approx(np.mean([1 / p for p in places]))


def test_the_variance_is_that_of_every_order_of_the_ties():
    greater, equal, k = 2, 3, 4
    places = np.array([order.index("t") + greater + 1 for order in permutations("tbcd")])
    hits = places <= k
    for metric, gains in (("hr", hits), ("ndcg", hits / np.log2(places + 1)), ("mrr", 1 / places)):
        found = tie_variance(metric, [greater], [equal], None if metric == "mrr" else k)
        assert found[0] == pytest.approx(np.var(gains)), metric
    with pytest.raises(ValueError, match="k must be at least 1, found 0"):
        tie_variance("hr", [greater], [equal], 0)


@given(counts, st.integers(1, 40))
def test_the_variance_is_at_most_that_of_a_coin_between_the_extremes(case, k):
    greater, equal = [case[0]], [case[1]]
    reach = ndcg(greater, equal, k, "optimistic")[0] - ndcg(greater, equal, k, "pessimistic")[0]
    found = tie_variance("ndcg", greater, equal, k)[0]
    assert 0 <= found <= reach**2 / 4 + 1e-12
    assert (found > 0) == (reach > 0)
    if not case[1]:
        assert found == 0


@given(counts, st.integers(1, 40))
def test_expected_lies_between_the_extremes_which_agree_without_ties(case, k):
    greater, equal = [case[0]], [case[1]]
    for metric in (
        lambda t: hit_rate(greater, equal, k, t),
        lambda t: ndcg(greater, equal, k, t),
        lambda t: mrr(greater, equal, t),
    ):
        low, middle, high = metric("pessimistic")[0], metric("expected")[0], metric("optimistic")[0]
        assert -1e-15 <= low <= middle + 1e-12 <= high + 2e-12 <= 1 + 3e-12
        assert case[1] > 0 or low == middle == high


@given(counts, st.integers(1, 40))
def test_ndcg_never_exceeds_the_hit_rate(case, k):
    assert ndcg([case[0]], [case[1]], k)[0] <= hit_rate([case[0]], [case[1]], k)[0] + 1e-12


def test_known_scorers_score_as_theory_says():
    n, users = 400, 20_000
    zeros = np.zeros(users, dtype=np.int32)
    assert hit_rate(zeros, zeros, 1).mean() == ndcg(zeros, zeros, 10).mean() == mrr(zeros, zeros).mean() == 1
    # A constant scorer ties the target with everything: exactly chance, not a perfect score.
    assert hit_rate([0], [n - 1], 10)[0] == pytest.approx(10 / n)
    random = np.random.default_rng(0).integers(0, n, users)
    chance = 10 / n
    assert abs(hit_rate(random, zeros, 10).mean() - chance) < 4 * np.sqrt(chance * (1 - chance) / users)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0], [0], 0), "at least 1"),
        (([-1], [0], 5), "must not be negative"),
        (([0, 1], [0], 5), "one shape"),
        (([0], [0], 5, "middle"), "'middle'"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        hit_rate(*arguments)


def test_no_cases_give_no_values():
    assert hit_rate([], [], 10).shape == ndcg([], [], 10).shape == mrr([], []).shape == (0,)
