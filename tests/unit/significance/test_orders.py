"""The component of tie orders: against statsmodels' analysis of variance and mixed model, and known components."""

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.stats.anova import anova_lm

from hydrarec.significance.crossed import crossed_mean
from hydrarec.significance.orders import order_spread

COMPONENTS = {"o": 0.3, "u": 1.0, "r": 0.4, "ou": 0.8, "or": 0.2, "ur": 0.5, "our": 0.6}
"""Standard deviations of effects: orders, users, seeds."""


def draw(stream, shape, components=COMPONENTS, n=()):
    sizes = dict(zip("our", shape, strict=True))
    x = 0.1 * np.ones((*n, *shape))
    for name, deviation in components.items():
        of = [sizes[way] if way in name else 1 for way in "our"]
        x = x + deviation * stream.normal(size=(*n, *of))
    return x


def long(x):
    ways = dict(zip("our", (places.ravel() for places in np.indices(x.shape)), strict=True))
    return pd.DataFrame({"x": x.ravel(), "one": 1, **ways})


def test_mean_squares_are_those_of_an_analysis_of_variance():
    x = draw(np.random.default_rng(1), (4, 6, 3), COMPONENTS | {"o": 1.0})
    fitted = smf.ols("x ~ C(o) + C(u) + C(r) + C(o):C(u) + C(o):C(r) + C(u):C(r)", long(x)).fit()
    table = anova_lm(fitted)
    square = table["sum_sq"] / table["df"]
    per_order = 6 * 3
    found = order_spread(x)
    assert found.deviation**2 == pytest.approx(square["C(o)"] / per_order)
    expected = (square["C(o)"] - square["C(o):C(u)"] - square["C(o):C(r)"] + square["Residual"]) / per_order
    assert expected > 0
    assert found.variance_orders == pytest.approx(expected)


def test_the_component_is_that_of_the_mixed_model():
    # With one seed there are few enough parts for REML to converge to the analysis of variance's.
    x = draw(np.random.default_rng(3), (5, 12, 1), {"o": 0.5, "u": 1.0, "ou": 0.8})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = {"order": "0 + C(o)", "user": "0 + C(u)"}
        fitted = smf.mixedlm("x ~ 1", long(x), groups="one", vc_formula=parts).fit(reml=True)
    by_name = dict(zip(fitted.model.exog_vc.names, fitted.vcomp, strict=True))
    assert order_spread(x).variance_orders == pytest.approx(by_name["order"], rel=1e-2)


def test_components_that_were_put_in_come_out():
    """Before it is cut off at 0 the estimate is unbiased; the deviation holds users' and seeds' noise too."""
    shape = (4, 10, 3)
    every = draw(np.random.default_rng(5), shape, n=(500,))
    found = [order_spread(x) for x in every]
    # 9 is so much that nothing is cut off; the others stay as they are.
    large = draw(np.random.default_rng(6), shape, COMPONENTS | {"o": 3}, (400,))
    wide = [order_spread(x).variance_orders for x in large]
    assert np.mean(wide) == pytest.approx(9, abs=3 * np.std(wide) / 20)
    o, ou, by_seed, rest = (COMPONENTS[name] ** 2 for name in ("o", "ou", "or", "our"))
    raw = [one.deviation**2 for one in found]
    expected = o + ou / 10 + by_seed / 3 + rest / 30
    assert np.mean(raw) == pytest.approx(expected, abs=3 * np.std(raw) / np.sqrt(len(raw)))
    covered = [one.low**2 <= expected <= one.high**2 for one in found]
    assert np.mean(covered) == pytest.approx(0.95, abs=3 * np.sqrt(0.05 * 0.95 / len(covered)))


def test_with_the_component_the_squared_error_is_that_of_another_draw_of_all_three():
    """Users', seeds' and orders' parts together are the variance of one order's mean; without orders they are less."""
    stream = np.random.default_rng(9)
    every = draw(stream, (6, 12, 4), n=(400,))
    inside = [crossed_mean(x[0]).standard_error ** 2 for x in every]
    added = [order_spread(x).variance_orders for x in every]
    true = every[:, 0].mean(axis=(1, 2)).var(ddof=1)
    # The squared error of a variance over 400 draws is 2 true^2 / 400.
    assert np.mean(inside) + np.mean(added) == pytest.approx(true, rel=0.2)
    assert np.mean(inside) < 0.85 * true


def test_targets_that_users_draw_on_their_own_are_no_component_of_orders():
    without = {"u": 1.0, "ou": 2.0, "r": 0.1}
    every = [order_spread(x).variance_orders for x in draw(np.random.default_rng(2), (5, 200, 2), without, (150,))]
    # Their noise in an order's mean is 4 / 200; what is cut off at 0 leaves a part of its own error.
    assert np.mean(every) < 0.25 * 4 / 200
    assert np.mean([one == 0 for one in every]) > 0.4


def test_one_seed_keeps_what_cannot_be_told_apart():
    x = draw(np.random.default_rng(4), (5, 30, 1), {"o": 0.0, "u": 1.0, "or": 0.7, "ou": 0.1})
    found = order_spread(x)
    assert found.n_seeds == 1
    assert found.variance_orders == pytest.approx(found.deviation**2, rel=0.1)


def test_seeds_that_differ_on_every_order_are_not_the_orders():
    x = draw(np.random.default_rng(4), (5, 30, 200), {"u": 1.0, "or": 0.7})
    assert order_spread(x).variance_orders < 0.2 * order_spread(x).deviation ** 2 + 1e-3


def test_a_files_order_is_held_to_the_spread_of_random_ones():
    stream = np.random.default_rng(8)
    p = []
    for x in draw(stream, (5, 8, 2), n=(400,)):
        p.append(order_spread(x[1:]).p_of(float(x[0].mean())))
    # All orders are alike here, users and seeds are shared: p is uniform.
    assert stats.kstest(p, "uniform").pvalue > 0.001
    found = order_spread(x)
    away = (1.5 - found.mean) / found.deviation / np.sqrt(1 + 1 / 5)
    assert found.p_of(1.5) == pytest.approx(2 * stats.t.sf(abs(away), 4))


def test_orders_that_change_nothing_have_no_spread():
    found = order_spread(np.broadcast_to(draw(np.random.default_rng(0), (1, 9, 3)), (4, 9, 3)))
    assert found.variance_orders == pytest.approx(0, abs=1e-15)
    assert found.deviation == pytest.approx(0, abs=1e-15)
    level = order_spread(np.zeros((3, 4, 2)))
    assert (level.deviation, level.low, level.high, level.p_of(0.0), level.p_of(0.1)) == (0, 0, 0, 1, 0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((3, 4)), r"found \(3, 4\)"),
        (np.zeros((1, 4, 2)), "2 orders and 2 users or more, found 1 and 4"),
        (np.zeros((3, 1, 2)), "found 3 and 1"),
        (np.full((2, 2, 2), np.nan), "8 values are not finite"),
    ],
)
def test_what_is_no_table_of_orders_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        order_spread(values)
