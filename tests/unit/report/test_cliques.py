"""Bars over runs that no test of a pair tells apart."""

from itertools import combinations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from hydrarec.report.figures.cliques import clique_bars, cliques
from hydrarec.report.style import run_styles
from tests.unit.report.test_parts import many_runs

PAIRS = [frozenset(pair) for pair in combinations("abcdef", 2)]


@given(st.sets(st.sampled_from(PAIRS)), st.integers(0, 6))
def test_bars_are_the_longest_stretches_without_a_pair_told_apart(apart, number):
    order = list("abcdef"[:number])
    stretches = [order[i:j] for i in range(number) for j in range(i + 2, number + 1)]
    free = [s for s in stretches if not any(frozenset(pair) in apart for pair in combinations(s, 2))]
    longest = [s for s in free if not any(set(s) < set(other) for other in free)]
    assert cliques(order, apart) == longest


def test_the_drawing_says_who_is_in_which_group():
    means = pd.Series({"run-1": 0.2, "run-0": 0.3, "run-2": 0.19})
    apart = {frozenset(("run-0", "run-1")), frozenset(("run-0", "run-2"))}
    panel = clique_bars("groups", "Groups", means, apart, run_styles(many_runs(3)))
    assert panel is not None
    assert panel.alt == (
        "Groups: run-0 0.3000, run-1 0.2000, run-2 0.1900. Groups that no test separates: run-1, run-2"
    )
    assert panel.data["run"].tolist() == ["run-0", "run-1", "run-2"]
    assert panel.data["group_1"].tolist() == [False, True, True]
    assert clique_bars("groups", "Groups", means[:2], apart, run_styles(many_runs(3))) is None
