"""How cost grows with a size: the exponent p of t = a + b n^p, with an interval over rounds.

The offset a holds what does not grow (launches, fixed parts). Without it, growth looks slower than it is: dot-product
attention has a slope of 1.3 between 25 and 200 positions and of 2.2 between 200 and 1,600. Fitted by least squares of
relative deviations, because times span orders of magnitude and their noise is proportional; on medians over rounds. The
interval comes from drawing rounds with replacement and fitting anew. Draws from few rounds vary too little, so it takes
in more of them than 1 - alpha (the expanded percentile interval of Hesterberg 2014, arXiv 1411.5279).

b is at least 0; a may be negative. Where truly nothing is fixed, noise takes the best a below 0 half of the time. Held
at 0 there, p could err to one side only: with a = 0 the 90 % interval lay above the true p in about 19 % of simulations
instead of 5 %, and p = 0.9 was called linear as often.

For a given p the fit is linear, so the best a and b are known in closed form and only p is searched for.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

LARGEST_EXPONENT = 4.0
STEPS = (0.1, 0.01, 0.001)
"""Distances of the exponents that are tried: all of the range, then the neighbours of the best, then theirs."""
DRAWS = 1000
LEAST_SIZES = 4
"""Sizes that a fit of three unknowns needs at least."""
LEAST_GROWTH = 0.01
"""Part of the largest cost by which the fitted law must grow between the sizes; below, every exponent fits noise."""


@dataclass(frozen=True)
class Fit:
    """A fitted power law."""

    exponent: float
    """0 where costs do not grow between the sizes, and then so are the bounds and the factor."""
    low: float
    high: float
    offset: float
    """May be below 0: it is what leaves the exponent unbiased, and no cost by itself."""
    factor: float
    last_slope: float
    """Between the two largest sizes on logarithmic axes."""


def fit(sizes: Float[np.ndarray, " S"], costs: Float[np.ndarray, "R S"], *, alpha: float = 0.1, seed: int = 0) -> Fit:
    """Fit a + b n^p to costs.

    Parameters
    ----------
    sizes
        What is varied, ascending.
    costs
        By round and size, above 0; one round gives an interval of no width.
    alpha
        The interval covers 1 - alpha. To be called linear, p must have its 90 % interval within (0.9, 1.1), which is
        two one-sided tests at 5 %.
    seed
        Seed of the draws.

    Raises
    ------
    ValueError
        If there are too few sizes.

    Examples
    --------
    >>> sizes = np.array([64.0, 128.0, 256.0, 512.0, 1024.0])
    >>> round(fit(sizes, (3.0 + 0.01 * sizes**2)[None]).exponent, 3)
    2.0
    >>> fit(sizes, np.full((1, 5), 3.7)).exponent
    0.0
    """
    if len(sizes) < LEAST_SIZES:
        raise ValueError(f"{len(sizes)} sizes are too few for a power law with an offset; it needs {LEAST_SIZES}")
    medians = np.median(costs, axis=0)
    drawn = np.random.default_rng(seed).integers(0, len(costs), size=(DRAWS, len(costs)))
    exponents, offsets, factors = _fit_all(sizes, np.vstack([medians[None], np.median(costs[drawn], axis=1)]))
    last_slope = float(local_slopes(sizes, medians)[-1])
    grown = factors[0] * (sizes[-1] ** exponents[0] - sizes[0] ** exponents[0])
    if grown < LEAST_GROWTH * medians[-1]:
        return Fit(exponent=0.0, low=0.0, high=0.0, offset=float(medians.mean()), factor=0.0, last_slope=last_slope)
    outside = _outside(alpha, len(costs))
    low, high = np.quantile(exponents[1:], [outside, 1 - outside])
    return Fit(
        exponent=float(exponents[0]),
        low=float(low),
        high=float(high),
        offset=float(offsets[0]),
        factor=float(factors[0]),
        last_slope=last_slope,
    )


def _outside(alpha: float, n_rounds: int) -> float:
    """Return which share of the draws lies beyond either end: alpha / 2 with many rounds, less with few."""
    if n_rounds == 1:
        return alpha / 2
    reach = stats.t.isf(alpha / 2, n_rounds - 1) * np.sqrt(n_rounds / (n_rounds - 1))
    return float(stats.norm.sf(reach))


def local_slopes(sizes: Float[np.ndarray, " S"], costs: Float[np.ndarray, " S"]) -> Float[np.ndarray, " S1"]:
    """Return the slopes between neighbouring sizes on logarithmic axes.

    >>> local_slopes(np.array([10.0, 100.0, 1000.0]), np.array([1.0, 10.0, 1000.0])).round(6).tolist()
    [1.0, 2.0]
    """
    return np.diff(np.log(costs)) / np.diff(np.log(sizes))


def _fit_all(
    sizes: Float[np.ndarray, " S"], costs: Float[np.ndarray, "K S"]
) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, " K"], Float[np.ndarray, " K"]]:
    """Fit every row; return exponents, offsets and factors."""
    best = np.full((len(costs), 1), LARGEST_EXPONENT / 2)
    reach = LARGEST_EXPONENT / 2
    for step in STEPS:
        tried = (best + np.arange(-reach, reach + step / 2, step)).clip(0, LARGEST_EXPONENT)
        errors = np.stack([_linear(sizes, costs, column[:, None])[0] for column in tried.T])
        best = np.take_along_axis(tried, errors.argmin(axis=0)[:, None], axis=1)
        reach = step
    _, offsets, factors = _linear(sizes, costs, best)
    return best[:, 0], offsets, factors


def _linear(
    sizes: Float[np.ndarray, " S"], costs: Float[np.ndarray, "K S"], exponents: Float[np.ndarray, "K 1"]
) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, " K"], Float[np.ndarray, " K"]]:
    """Return squared relative errors, offsets and factors of the best fits with these exponents."""
    # Divided by the costs, both columns of the design and the target are dimensionless: a / t + b n^p / t = 1.
    ones, powers = 1 / costs, (sizes / sizes[-1]) ** exponents / costs
    oo, op, pp = (ones**2).sum(1), (ones * powers).sum(1), (powers**2).sum(1)
    o, p = ones.sum(1), powers.sum(1)
    determinant = oo * pp - op**2
    solvable = determinant > 1e-12 * oo * pp
    safe = np.where(solvable, determinant, 1.0)
    offset, factor = (pp * o - op * p) / safe, (oo * p - op * o) / safe
    # Where the best power falls, or is none, the best fit lies on the edge: nothing but the offset.
    inside = solvable & (factor >= 0)
    offset, factor = np.where(inside, offset, o / oo), np.where(inside, factor, 0.0)
    errors = ((1 - offset[:, None] * ones - factor[:, None] * powers) ** 2).sum(1)
    return errors, offset, factor / sizes[-1] ** exponents[:, 0]
