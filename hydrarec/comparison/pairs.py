"""Every pair of compared runs, and the places that follow: rows of `pairs.parquet` and `places.parquet`.

Two families of p-values stand side by side. The crossed ones, adjusted by Holm, are about methods: another draw of
users and of seeds. Those of step-down max-T by sign flips are about the trained weights at hand. Places are made of
the first, because a leaderboard is read as one of methods.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hydrarec.config.protocol import EvaluationConfig
from hydrarec.significance.corrections import holm
from hydrarec.significance.max_t import max_t
from hydrarec.significance.pairs import CrossedPairs, adjust_pairs, crossed_pairs
from hydrarec.significance.rank_intervals import rank_intervals

_PARTS = {
    "variance_users": "users",
    "variance_residual": "residual",
    "variance_seed_means": "seed_means",
    "counted_by_seeds": "by_seeds",
    "counted_by_runs": "by_runs",
}
"""Columns of what intervals are made of, and the attributes of `PairVariances` that they hold."""
SEED = 0
"""Start of the random signs: fixed, so that equal results have equal p-values."""


def contrast_pairs(
    runs: Sequence[str], values: NDArray[np.float64], evaluation: EvaluationConfig
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare every run with every other one on one metric.

    Parameters
    ----------
    runs
        Run ids.
    values
        A value for each run, user and seed.
    evaluation
        Error rate and number of sign flips.

    Returns
    -------
    tuple
        Columns of `PAIRS` and of `PLACES` from the run on: a row for each pair, the run that comes first in `runs` as
        `run`; and a row for each run.
    """
    crossed = crossed_pairs(values, evaluation.alpha)
    adjusted = adjust_pairs(crossed.p, holm)
    flipped = max_t(values.mean(axis=2), evaluation.flips, SEED)
    places = rank_intervals(crossed.difference, adjusted, evaluation.alpha)
    board = pd.DataFrame({"run": list(runs), "best": places.best, "worst": places.worst})
    return _rows(runs, values, crossed, adjusted, flipped), board


def _rows(
    runs: Sequence[str],
    values: NDArray[np.float64],
    crossed: CrossedPairs,
    adjusted: NDArray[np.float64],
    flipped: NDArray[np.float64],
) -> pd.DataFrame:
    one, other = np.triu_indices(len(runs), 1)
    names = np.array(runs, dtype=object)
    base = values.mean(axis=(1, 2))[other]
    percent = np.divide(100 * crossed.difference[one, other], base, out=np.full(len(one), np.nan), where=base > 0)
    return pd.DataFrame(
        {
            "run": names[one],
            "other": names[other],
            "difference": crossed.difference[one, other],
            "percent": percent,
            "standard_error": crossed.variances.standard_error[one, other],
            "low": crossed.low[one, other],
            "high": crossed.high[one, other],
            "p": crossed.p[one, other],
            "p_holm": adjusted[one, other],
            "p_max_t": flipped[one, other],
            "variance_seeds": _pair_values(crossed.variances.seeds, one, other),
            **{
                f"{prefix}{column}": _pair_values(getattr(variances, name), one, other)
                for prefix, variances in (("", crossed.variances), ("ratio_", crossed.ratio_variances))
                for column, name in _PARTS.items()
            },
            "n_users": values.shape[1],
            "n_seeds": values.shape[2],
            "runs_df": crossed.variances.runs_df,
            "ratio_runs_df": crossed.ratio_variances.runs_df,
        }
    )


def _pair_values(
    matrix: NDArray[np.float64] | None, one: NDArray[np.int64], other: NDArray[np.int64]
) -> NDArray[np.float64]:
    return np.full(len(one), np.nan) if matrix is None else matrix[one, other]
