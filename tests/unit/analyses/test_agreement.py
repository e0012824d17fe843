"""Kendall's tau between leaderboards: against counting pairs, and in a table of every variant."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydrarec.analyses.agreement import agreement, compare_orders
from hydrarec.columns import AGREEMENT, SENSITIVITY
from hydrarec.tables import read_table
from tests.fabricate import HYDRA_UNI, SASREC, config


def tau_b(one, other):
    """Kendall's tau-b by its definition: (P - Q) / sqrt((P + Q + T) (P + Q + U))."""
    concordant = discordant = only_one = only_other = 0
    for i in range(len(one)):
        for j in range(i):
            first, second = one[i] - one[j], other[i] - other[j]
            concordant += first * second > 0
            discordant += first * second < 0
            only_one += first == 0 and second != 0
            only_other += second == 0 and first != 0
    untied = concordant + discordant
    bottom = math.sqrt((untied + only_one) * (untied + only_other))
    return (concordant - discordant) / bottom if bottom else None, discordant


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=9))
def test_tau_is_its_definition(pairs):
    one, other = np.array(pairs, dtype=float).T
    runs = [f"run-{i}" for i in range(len(pairs))]
    found = compare_orders(runs, one, other)
    tau, discordant = tau_b(one, other)
    assert found["tau"] == (None if tau is None else pytest.approx(tau, abs=1e-12))
    assert found["discordant"] == discordant
    assert found["pairs"] == len(pairs) * (len(pairs) - 1) // 2

    def place(values, i):
        return 1 + sum(v > values[i] for v in values) + (sum(v == values[i] for v in values) - 1) / 2

    moves = [abs(place(one, i) - place(other, i)) for i in range(len(pairs))]
    assert found["largest_move"] == max(moves)
    assert found["moved"] == (runs[moves.index(max(moves))] if max(moves) else None)


def test_the_other_way_round_is_minus_one():
    found = compare_orders(list("abcd"), np.arange(4.0), -np.arange(4.0))
    assert found == {"n_runs": 4, "tau": -1.0, "pairs": 6, "discordant": 6, "largest_move": 3.0, "moved": "a"}


@pytest.fixture(scope="module")
def found(tables) -> pd.DataFrame:
    table = read_table(tables / "agreement.parquet", AGREEMENT)
    assert not table.duplicated(["dataset", "protocol", "variant", "metric"]).any()
    return table.set_index(["protocol", "variant", "metric"])


def test_every_variant_and_the_other_protocol_are_held_against_full(found, tables):
    values = read_table(tables / "sensitivity.parquet", SENSITIVITY)
    values = values.set_index(["protocol", "variant", "metric", "run"])["value"].sort_index()
    contest = [SASREC, HYDRA_UNI, "itemknn", "popularity"]
    for protocol, variant, other in (
        ("loo", "popularity-100", ("loo", "popularity-100")),
        ("gts", "warm", ("gts", "warm")),
        ("loo", "gts", ("gts", "full")),
    ):
        row = found.loc[(protocol, variant, "hr@10")]
        one = values.loc[(protocol, "full", "hr@10")][contest].to_numpy()
        tau, discordant = tau_b(one, values.loc[(*other, "hr@10")][contest].to_numpy())
        assert (row["tau"], row["discordant"]) == (pytest.approx(tau), discordant)
        # Controls and the best possible are no contestants.
        assert (row["n_runs"], row["pairs"]) == (4, 6)
    assert ("gts", "gts") not in set(found.index.droplevel("metric"))


def test_a_data_set_is_held_against_its_other_orders_of_ties():
    made = {"title": "Made", "reader": {"kind": "synthetic"}}
    datasets = [{"id": "plain", **made}, {"id": "tied", "tie_order": 3, **made}]
    others = [{"id": "other", "title": "Other", "reader": {"kind": "synthetic", "seed": 1}, "tie_order": 3}]
    everything = config(more={"datasets": datasets + others})
    values = {"plain": [0.4, 0.3, 0.2, 0.1], "tied": [0.4, 0.2, 0.3, 0.1], "other": [0.1, 0.2, 0.3, 0.4]}
    runs = [SASREC, HYDRA_UNI, "itemknn", "popularity"]
    table = pd.DataFrame(
        [
            {"dataset": dataset, "protocol": "loo", "run": run, "variant": "full", "metric": "mrr", "value": value}
            for dataset, of_dataset in values.items()
            for run, value in zip(runs, of_dataset, strict=True)
        ]
    )
    found = agreement(everything, table).set_index(["dataset", "variant"])
    row = found.loc[("plain", "tied")]
    assert (row["tau"], row["discordant"], row["moved"]) == (pytest.approx(4 / 6), 1, HYDRA_UNI)
    assert ("plain", "other") not in found.index
    assert ("tied", "plain") not in found.index
