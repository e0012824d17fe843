"""The chain from values to verdicts keeps its error rate where nothing is true."""

import numpy as np
import pytest
from scipy import stats

from hydrarec.claims.decide import claim_rows, evaluate_claim
from hydrarec.significance.crossed import crossed_mean
from tests.fabricate import HYDRA_UNI, SASREC
from tests.unit.claims.conftest import Made, hypotheses
from tests.unit.claims.test_claims import EQUIVALENT, SUPERIOR

REPETITIONS, TOGETHER, USERS, SEEDS = 60, 3, 80, 5
BAND = stats.binom(REPETITIONS, 0.05).ppf(0.999) / REPETITIONS


def supported_share(claim, difference):
    """Return how often a claim is supported that needs two of three datasets; users and seeds are drawn."""
    stream = np.random.default_rng(5)
    file = hypotheses(claim, needed=2)
    made = Made(None, datasets=[f"d{number}" for number in range(TOGETHER)])
    supported = 0
    for _ in range(REPETITIONS):
        for dataset in made.config.datasets:
            values = 0.1 * difference + stream.normal(0, 0.1, (USERS, 1)) + stream.normal(0, 0.01, (1, SEEDS))
            found = crossed_mean(values + stream.normal(0, 0.05, (USERS, SEEDS)))
            base = 0.1 + found.mean
            made.means[dataset.id, "loo"] = {SASREC: 0.1, HYDRA_UNI: base}
            made.differences[dataset.id, "loo", SASREC, HYDRA_UNI] = (-found.mean / base, found.standard_error / base)
        (row,) = claim_rows([evaluate_claim(file.claims[0], 2, made.evidence(file))])
        supported += row["verdict"] == "supported"
    return supported / REPETITIONS


@pytest.mark.parametrize("claim", [SUPERIOR, EQUIVALENT | {"metrics": ["ndcg@10"], "margin": 0.2}])
def test_a_claim_that_is_false_everywhere_is_seldom_supported(claim):
    # Equivalence is false where the difference is the margin.
    assert supported_share(claim, difference=0.0 if claim["kind"] == "superior" else 0.2) <= BAND


def test_a_claim_that_is_true_is_found():
    assert supported_share(SUPERIOR, difference=0.8) > 0.9
