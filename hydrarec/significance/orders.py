"""How much of a difference hangs on the order in which tied interactions were put: a variance component of its own.

Where a user's last interactions share a second, chance decides which of them is the target and how the history ends.
The crossed interval (`hydrarec.significance.crossed`) holds for the order at hand. With K random orders, each prepared
and trained on anew with the same N users and R seeds,

    x[o, u, r] = mean + order[o] + user[u] + seed[r] + order-user[o, u] + order-seed[o, r] + user-seed[u, r] + rest

Another target for a user is `order-user`: users draw theirs independently, so that the users' part of the interval
holds it already. A training that took another path on another order is `order-seed`, held by the seeds' part. What no
part holds is `order`: that all users of all trainings do better at once. From the mean squares, each divided by N R,

    Var(order) = max(0, S2(order means) - order-user - order-seed + rest)

which adds to the squared standard error of one order as it stands. With one seed `order-seed` cannot be told from
`order` and is in it.

References
----------
Searle, Casella and McCulloch 1992, *Variance Components*, for expected mean squares of balanced crossed designs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats


@dataclass(frozen=True)
class OrderSpread:
    """How a mean differs between random orders of ties."""

    mean: float
    """Mean over orders, users and seeds."""
    deviation: float
    """Standard deviation of the orders' means, with one degree of freedom fewer than there are orders; holds what users
    and seeds contribute."""
    low: float
    """Lower bound of the interval of `deviation`."""
    high: float
    """Upper bound of it."""
    variance_orders: float
    """What orders add to the squared standard error of one order: the square of `deviation` less what users and seeds
    contribute; by chance it may be estimated as 0."""
    n_orders: int
    """Orders, K."""
    n_seeds: int
    """Seeds, R; with 1 the interaction of orders and seeds is in `variance_orders`."""

    def p_of(self, mean: float) -> float:
        """Return the two-sided p-value of the hypothesis that another order, such as a file's, is one like these.

        Parameters
        ----------
        mean
            The same mean in that order.
        """
        away = mean - self.mean
        if self.deviation == 0:
            return 1.0 if away == 0 else 0.0
        error = self.deviation * np.sqrt(1 + 1 / self.n_orders)
        return float(2 * stats.t.sf(abs(away) / error, self.n_orders - 1))


def order_spread(values: ArrayLike, alpha: float = 0.05) -> OrderSpread:
    """Estimate how much a mean over users and seeds hangs on the order of ties.

    Parameters
    ----------
    values
        Orders x users x seeds, complete and finite. Orders are drawn at random; that of a file is none of them.
    alpha
        The interval of the deviation covers 1 - alpha (chi-squared: exact where the orders' means are normal).

    Raises
    ------
    ValueError
        If there are fewer than two orders or users, no seed, or values that are not finite.

    Examples
    --------
    Two orders, between which all users differ alike: nothing of it is noise of users or seeds.

    >>> values = np.array([[[0.0, 1.0], [1.0, 2.0]], [[0.2, 1.2], [1.2, 2.2]]])
    >>> found = order_spread(values)
    >>> round(found.mean, 2), round(found.variance_orders, 3), round(found.deviation**2, 3)
    (1.1, 0.02, 0.02)
    """
    x = _validate(values)
    n_orders, n_users, n_seeds = x.shape
    between = float(x.mean(axis=(1, 2)).var(ddof=1))
    by_user = _interaction(x.mean(axis=2)) / n_users
    by_seed = rest = 0.0
    if n_seeds > 1:
        by_seed = _interaction(x.mean(axis=1)) / n_seeds
        rest = _rest(x) / (n_users * n_seeds)
    df = n_orders - 1
    low, high = (float(np.sqrt(between * df / stats.chi2.ppf(1 - tail, df))) for tail in (alpha / 2, 1 - alpha / 2))
    return OrderSpread(
        mean=float(x.mean()),
        deviation=float(np.sqrt(between)),
        low=low,
        high=high,
        variance_orders=max(0.0, between - by_user - by_seed + rest),
        n_orders=n_orders,
        n_seeds=n_seeds,
    )


def _interaction(means: NDArray[np.float64]) -> float:
    """Return the mean square of what two ways leave of their table of means."""
    left = means - means.mean(axis=0) - means.mean(axis=1, keepdims=True) + means.mean()
    return float((left**2).sum()) / ((means.shape[0] - 1) * (means.shape[1] - 1))


def _rest(x: NDArray[np.float64]) -> float:
    """Return the mean square of what all pairs of ways leave."""
    left = x - x.mean(axis=0) - x.mean(axis=1, keepdims=True) - x.mean(axis=2, keepdims=True)
    for axes in ((0, 1), (0, 2), (1, 2)):
        left += x.mean(axis=axes, keepdims=True)
    left -= x.mean()
    orders, users, seeds = x.shape
    return float((left**2).sum()) / ((orders - 1) * (users - 1) * (seeds - 1))


def _validate(values: ArrayLike) -> NDArray[np.float64]:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 3 or x.shape[2] < 1:
        raise ValueError(f"values must have the shape (orders, users, seeds), found {x.shape}")
    if min(x.shape[:2]) < 2:
        raise ValueError(f"a spread needs 2 orders and 2 users or more, found {x.shape[0]} and {x.shape[1]}")
    if not np.isfinite(x).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(x))} values are not finite")
    return x
