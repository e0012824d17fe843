"""How often each test is wrong, and how often it finds what is there: the tables of docs/significance.md.

    python -m tests.unit.significance.simulation

writes them anew (about ten minutes of one processor); the test suite runs small ones. Every function returns, by
name of the test, the share of simulated comparisons in which it rejected.
"""

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from scipy import stats

from hydrarec.significance.conjunction import partial_conjunction
from hydrarec.significance.corrections import holm
from hydrarec.significance.crossed import crossed_mean, independent_parts, paired_difference
from hydrarec.significance.equivalence import equivalence
from hydrarec.significance.estimate import two_sided_p
from hydrarec.significance.max_t import max_t
from hydrarec.significance.pairs import CrossedPairs, adjust_pairs, crossed_pairs
from hydrarec.significance.rank_intervals import rank_intervals
from hydrarec.significance.seed_spread import seed_spread

DOCUMENT = Path(__file__).parents[3] / "docs" / "significance.md"
GAIN = 1 / np.log2(np.arange(1, 11) + 1)
"""NDCG@10 of a target in place 1 to 10."""
EASY, HARD = GAIN[:3], GAIN[4:]
"""What a run that hits rarely but high gets, and one that hits often but low."""

Rates = dict[str, float]


def share(decisions: Iterable[Rates | dict[str, bool]]) -> Rates:
    """Average over simulated comparisons."""
    rows = list(decisions)
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def _hits(stream: np.random.Generator, difficulty: np.ndarray, rate: float, gains: np.ndarray) -> np.ndarray:
    latent = np.sqrt(0.5) * (difficulty + stream.normal(size=difficulty.shape))
    return np.where(latent < stats.norm.ppf(rate), stream.choice(gains, difficulty.shape), 0)


def two_shapes(stream: np.random.Generator, n_users: int, effect: float = 0, flips: int = 0) -> dict[str, bool]:
    """Compare a run that hits 30 % of users low in the list with one that hits fewer of them high in the list.

    Their true means are equal, but for `effect` standard errors of the difference. Users that are hard for one are
    hard for the other.
    """
    often = 0.3
    rarely = often * HARD.mean() / EASY.mean()
    both = stats.multivariate_normal.cdf(stats.norm.ppf([often, rarely]), cov=[[1, 0.5], [0.5, 1]])
    squares = often * (HARD**2).mean() + rarely * (EASY**2).mean() - 2 * both * HARD.mean() * EASY.mean()
    rarely += effect * np.sqrt(squares / n_users) / EASY.mean()
    difficulty = stream.normal(size=n_users)
    first, second = _hits(stream, difficulty, often, HARD), _hits(stream, difficulty, rarely, EASY)
    difference = second - first
    wins, losses = int((difference > 0).sum()), int((difference < 0).sum())
    found = {
        "t over users": crossed_mean(difference[:, None]).p < 0.05,
        "Wilcoxon": stats.wilcoxon(difference).pvalue < 0.05,
        "sign test": stats.binomtest(wins, wins + losses).pvalue < 0.05,
    }
    if flips:
        found["sign flips"] = max_t(np.stack([first, second]), flips)[0, 1] < 0.05
    return found


def matched_seeds(
    stream: np.random.Generator, n_users: int, n_seeds: int, ratio: float, correlation: float, effect: float = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw two runs on the same users with matched seeds.

    `ratio` is a run's standard deviation over seeds, `effect` the true difference, both in standard errors that the
    difference of means would have from the users alone; `correlation` is that of the runs' seed effects.
    """
    error = np.sqrt((2 * 0.7**2 + 2 / n_seeds) / n_users)
    users = stream.normal(size=(n_users, 1))
    covariance = [[1, correlation], [correlation, 1]]
    seeds = ratio * error * stream.multivariate_normal([0, 0], covariance, n_seeds)
    runs = [
        users + stream.normal(0, 0.7, (n_users, 1)) + seeds[:, run] + stream.normal(size=(n_users, n_seeds))
        for run in (0, 1)
    ]
    return runs[0] + effect * error, runs[1]


def users_and_seeds(
    stream: np.random.Generator, n_users: int, n_seeds: int, ratio: float, correlation: float, effect: float = 0
) -> dict[str, bool]:
    """Compare two runs that differ by `effect`, with the tests in use; see `matched_seeds`."""
    run, reference = matched_seeds(stream, n_users, n_seeds, ratio, correlation, effect)
    difference = run - reference
    p = {
        "one seed, t over users": stats.ttest_1samp(difference[:, 0], 0).pvalue,
        "users x seeds pooled": stats.ttest_1samp(difference.ravel(), 0).pvalue,
        "seed means, t over users": stats.ttest_1samp(difference.mean(axis=1), 0).pvalue,
        "Welch over seeds": stats.ttest_ind(run.mean(axis=0), reference.mean(axis=0), equal_var=False).pvalue,
        "paired t over seeds": stats.ttest_1samp(difference.mean(axis=0), 0).pvalue,
        "crossed": crossed_mean(difference).p,
    }
    return {name: value < 0.05 for name, value in p.items()}


def margins(stream: np.random.Generator, n_users: int, n_seeds: int, ratio: float, true: float) -> dict[str, bool]:
    """Test a run against a reference whose mean is 1 with a margin of 5 % of what is measured; `true` is in margins."""
    error = np.sqrt((2 * 0.7**2 + 2 / n_seeds) / n_users)
    run, reference = matched_seeds(stream, n_users, n_seeds, ratio, 0.5)
    # Scaled so that the margin is four standard errors from the users.
    run, reference = (1 + 0.05 / 4 * (values / error) for values in (run, reference))
    run = run + 0.05 * true
    found = equivalence(paired_difference(run, reference).log_ratio)
    return {"equivalent": found.p_equivalent < 0.05, "not inferior": found.p_not_inferior < 0.05}


def many_runs(stream: np.random.Generator, n_users: int, better: int, flips: int = 999, effect: float = 4) -> Rates:
    """Compare ten runs, of which the last `better` hit more users, by `effect` standard errors of a hit rate; one seed.

    Returns whether any false statement was made, and the share of the true ones that was found.
    """
    rates = np.full(10, 0.15)
    rates[10 - better :] += effect * np.sqrt(0.15 / n_users)
    difficulty = stream.normal(size=n_users)
    values = np.stack([_hits(stream, difficulty, rate, GAIN) for rate in rates])
    pairs = crossed_pairs(values[:, :, None])
    truth = np.sign(rates[:, None] - rates)
    found: Rates = {}
    kinds = {"unadjusted": pairs.p, "Holm": adjust_pairs(pairs.p, holm), "max-T": max_t(values, flips)}
    for name, p in kinds.items():
        shown = (p < 0.05) * np.sign(pairs.difference)
        found[f"{name}: any false"] = float(((shown != 0) & (shown != truth)).any())
        found[f"{name}: found"] = float((shown == truth)[truth != 0].mean()) if better else float("nan")
    places = rank_intervals(pairs.difference, kinds["max-T"])
    first, last = 1 + (truth < 0).sum(axis=1), 10 - (truth > 0).sum(axis=1)
    found["places covered"] = float(((places.best <= first) & (last <= places.worst)).all())
    return found


def seeded_runs(
    stream: np.random.Generator, n_runs: int, n_seeds: int, ratios: tuple[float, ...], better: int = 0
) -> Rates:
    """Compare runs with seeds of their own, of which the last `better` are better by eight standard errors; 500 users.

    `ratios` (one for each run, in turn) and the standard error are as in `matched_seeds`. Beside the interval in use
    stand Student's with Satterthwaite's degrees of freedom, and that of the two runs' own spread. Returns whether any
    false statement about a pair was made, after Holm's correction, and the share of true ones found.
    """
    values, error = _seeded_values(stream, n_runs, n_seeds, ratios)
    n_users = values.shape[1]
    values[n_runs - better :] += 8 * error
    level = np.arange(n_runs) >= n_runs - better
    truth = np.sign(level[:, None].astype(int) - level)
    pairs = crossed_pairs(values)
    found: Rates = {}
    kinds = {
        "Satterthwaite": _satterthwaite(pairs, n_users, n_seeds),
        "own spread": _own_spread(pairs, n_users, n_seeds),
        "in use": pairs.p,
    }
    for name, p in kinds.items():
        adjusted = adjust_pairs(p, holm)
        shown = (adjusted < 0.05) * np.sign(pairs.difference)
        found[f"{name}: any false"] = float(((shown != 0) & (shown != truth)).any())
        found[f"{name}: found"] = float((shown == truth)[truth != 0].mean()) if better else float("nan")
    return found


def single_comparisons(
    stream: np.random.Generator,
    n_runs: int,
    n_seeds: int,
    ratios: tuple[float, ...],
    correlation: float = 0,
    effect: float = 0,
) -> dict[str, bool]:
    """Compare the first of several runs with the second, and with one that the seed does not change; not adjusted.

    As in `seeded_runs`, but that the runs' seed effects have a `correlation` and the first is better by `effect`
    standard errors.
    """
    values, error = _seeded_values(stream, n_runs, n_seeds, ratios, correlation, without_chance=True)
    values[0] += effect * error
    spread, found = seed_spread(values.mean(axis=1)), {}
    for name, other, n_stochastic in (("two runs", values[1], 2), ("one run", values[-1], 1)):
        own = paired_difference(values[0], other).difference
        found[f"{name}, in use"] = own.with_seeds_at_least(spread, n_stochastic, 0.05).p < 0.05
        found[f"{name}, own spread"] = own.p < 0.05
    return found


def _seeded_values(
    stream: np.random.Generator,
    n_runs: int,
    n_seeds: int,
    ratios: tuple[float, ...],
    correlation: float = 0,
    *,
    without_chance: bool = False,
) -> tuple[np.ndarray, float]:
    """Draw values of 500 users, and the standard error that a difference has from its users.

    Behind the runs stands one more, if asked for, that the seed does not change.
    """
    n_users = 500
    error = float(np.sqrt((2 * 0.7**2 + 2 / n_seeds) / n_users))
    shared, own = stream.normal(size=(1, 1, n_seeds)), stream.normal(size=(n_runs, 1, n_seeds))
    seeds = np.resize(ratios, n_runs)[:, None, None] * (np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own)
    noise = stream.normal(size=(n_runs, n_users, n_seeds))
    chance = error * seeds + noise
    if without_chance:
        chance = np.concatenate([chance, np.zeros((1, n_users, n_seeds))])
    users = stream.normal(size=(1, n_users, 1)) + stream.normal(0, 0.7, (len(chance), n_users, 1))
    return users + chance, error


def _own_spread(pairs: CrossedPairs, n_users: int, n_seeds: int) -> np.ndarray:
    seeds = pairs.variances.seed_means
    parts = independent_parts(pairs.variances.users, pairs.variances.residual, [(seeds, n_seeds - 1)], n_users)
    return two_sided_p(np.abs(pairs.difference), parts)


def _satterthwaite(pairs: CrossedPairs, n_users: int, n_seeds: int) -> np.ndarray:
    squares = [
        (pairs.variances.users, n_users - 1),
        (pairs.variances.seed_means, n_seeds - 1),
        (pairs.variances.residual, (n_users - 1) * (n_seeds - 1)),
    ]
    total = np.where(pairs.variances.standard_error > 0, pairs.variances.standard_error**2, np.inf)
    df = np.maximum(1 / np.maximum(sum((part / total) ** 2 / df for part, df in squares), 1e-12), n_seeds - 1)
    p = 2 * stats.t.sf(np.abs(pairs.difference) / np.sqrt(total), df)
    return np.where(np.eye(len(p), dtype=bool), 1, p)


def data_sets(stream: np.random.Generator, n_users: int, holding: int, effect: float = 4) -> dict[str, bool]:
    """Count on how many of three data sets a run is better, where on `holding` it is, by `effect` standard errors.

    Five matched seeds; a standard error is that of the difference from its users alone.
    """
    p = []
    for number in range(3):
        run, reference = matched_seeds(stream, n_users, 5, 1, 0.8, effect * (number < holding))
        p.append(crossed_mean(run - reference).p_above(0))
    counted = int((partial_conjunction(p) <= 0.05).sum())
    names = {1: "1 or more", 2: "2 or more", 3: "all 3"}
    return {"too many": counted > holding} | {name: counted >= least for least, name in names.items()}


def repeat(trials: int, start: list[int], simulate: Callable[[np.random.Generator], Rates | dict[str, bool]]) -> Rates:
    """Return the shares over independent simulations; `start` names the random stream."""
    stream = np.random.default_rng(start)
    return share(simulate(stream) for _ in range(trials))


def _table(key: str, rows: dict[str, Rates]) -> str:
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    lines = [f"| {key} | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    lines += [
        f"| {label} | " + " | ".join("" if np.isnan(row.get(n, np.nan)) else f"{row[n]:.3f}" for n in names) + " |"
        for label, row in rows.items()
    ]
    return "\n".join(lines)


def _shapes_table(effect: float) -> str:
    rows = {
        f"{n:,}": repeat(trials, [1, n], lambda s, n=n, f=flips: two_shapes(s, n, effect, f))
        for n, trials, flips in [
            (200, 2000, 999),
            (1000, 2000, 999),
            (6040, 1000, 999),
            (22363, 1000, 0),
            (138493, 400, 0),
        ]
    }
    return _table("users", rows)


def _seeds_table(effect: float) -> str:
    settings = [
        (5, 0, 0),
        (5, 0.5, 0),
        (5, 1, 0),
        (5, 2, 0),
        (5, 1, 0.8),
        (5, 2, 0.8),
        (2, 1, 0),
        (2, 2, 0),
        (2, 5, 0),
        (3, 2, 0),
        (3, 5, 0),
        (10, 1, 0),
        (10, 2, 0.8),
    ]
    rows = {
        f"{r}, {ratio}, {c}": repeat(
            2000, [2, r, int(10 * ratio)], lambda s, r=r, ratio=ratio, c=c: users_and_seeds(s, 500, r, ratio, c, effect)
        )
        for r, ratio, c in settings
    }
    return _table("seeds, spread, correlation", rows)


def _margins_table() -> str:
    rows = {
        f"{r}, {ratio}, {true}": repeat(
            2000, [3, r, int(10 * ratio)], lambda s, r=r, ratio=ratio, true=true: margins(s, 500, r, ratio, true)
        )
        for r, ratio in [(1, 0), (5, 0), (5, 1), (5, 2)]
        for true in (-1, 0, 0.5, 1)
    }
    return _table("seeds, spread, true difference in margins", rows)


def _families_table() -> str:
    rows = {
        f"{n:,}, {better}": repeat(500, [4, n, better], lambda s, n=n, b=better: many_runs(s, n, b))
        for n in (200, 1000, 5000)
        for better in (0, 5)
    }
    return _table("users, better runs", rows)


def _seeded_families_table() -> str:
    rows = {
        f"{runs}, {seeds}, {title}, {better}": repeat(
            500,
            [6, runs, seeds, better, *(int(10 * ratio) for ratio in ratios)],
            lambda s, runs=runs, seeds=seeds, ratios=ratios, better=better: seeded_runs(s, runs, seeds, ratios, better),
        )
        for runs, seeds in ((8, 2), (8, 3), (8, 5), (17, 5), (8, 10))
        for title, ratios, better in (
            ("1", (1,), 0),
            ("2", (2,), 0),
            ("0.3 and 3", (0.3, 3), 0),
            ("4 of one", (4, *[0.5] * (runs - 1)), 0),
            ("1", (1,), runs // 2),
        )
    }
    return _table("runs, seeds, spread, better runs", rows)


def _single_table() -> str:
    rows = {}
    for runs, seeds in ((8, 2), (17, 2), (8, 3), (17, 5)):
        for title, ratios, correlation, effect in (
            ("1, 0", (1,), 0, 0),
            ("4, 0.95", (4,), 0.95, 0),
            ("4 of both and 0.3, 0", (4, 4, *[0.3] * (runs - 2)), 0, 0),
            ("1 and 20 of a third, 0", (1, 1, 20, *[1] * (runs - 3)), 0, 0),
            ("1, 0", (1,), 0, 6),
            ("1 and 20 of a third, 0", (1, 1, 20, *[1] * (runs - 3)), 0, 6),
        ):
            rows[f"{runs}, {seeds}, {title}, {effect}"] = repeat(
                500,
                [7, runs, seeds, effect, len(title)],
                lambda s, a=(runs, seeds, ratios, correlation, effect): single_comparisons(s, *a),
            )
    return _table("runs, seeds, spread, correlation, effect", rows)


def _conjunction_table() -> str:
    rows = {
        f"{holding}": repeat(2000, [5, holding], lambda s, holding=holding: data_sets(s, 500, holding))
        for holding in range(4)
    }
    return _table("better on", rows)


TABLES: dict[str, Callable[[], str]] = {
    "users": lambda: _shapes_table(0),
    "users-power": lambda: _shapes_table(2.8),
    "seeds": lambda: _seeds_table(0),
    "seeds-power": lambda: _seeds_table(2.8),
    "margins": _margins_table,
    "families": _families_table,
    "seeded-families": _seeded_families_table,
    "single": _single_table,
    "conjunction": _conjunction_table,
}


def main(names: list[str]) -> None:
    """Write the tables of these names, or all, into the document."""
    for name in names or TABLES:
        block = f"<!-- simulated: {name} -->\n{TABLES[name]()}\n<!-- end -->"
        text, found = re.subn(
            rf"<!-- simulated: {name} -->.*?<!-- end -->", block, DOCUMENT.read_text(), count=1, flags=re.DOTALL
        )
        if not found:
            raise ValueError(f"{DOCUMENT}: has no place for the table {name}")
        DOCUMENT.write_text(text)


if __name__ == "__main__":
    main(sys.argv[1:])
