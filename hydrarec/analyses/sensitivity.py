"""Every run's metrics under other choices of measuring, from the counts that are stored anyway.

`full`
    What everything else is about: all candidates, the known history taken out, cold targets a miss, ties expected.
`unfiltered`
    With the history among the candidates.
`warm`
    Only targets that occur in the training data.
`optimistic`, `pessimistic`
    Equal scores in the target's favour, or against it: the bounds. Beside `full` stands how far one random order of
    equal scores would have been from it.
`uniform-100`, `popularity-100`
    Among a hundred sampled candidates (`hydrarec.data.sampled_candidates`), where the configuration asks for it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hydrarec.columns import SAMPLED, SENSITIVITY
from hydrarec.comparison.cases import EvaluationCases, Group, read_evaluation_cases, read_ranks
from hydrarec.comparison.measures import case_tie_variances, case_values, metric_names
from hydrarec.comparison.runs import Finished
from hydrarec.config import BenchmarkConfig
from hydrarec.config.protocol import sample_size
from hydrarec.config.runs import TrainedRun
from hydrarec.files import read_json
from hydrarec.layout import COSTS, candidates_file
from hydrarec.progress import bar
from hydrarec.tables import content_hash, read_table

FULL = "full"
"""The variant that the others are held against."""
LISTS_SAY_NOTHING = "a recommendation list has no scores of other items"
NOT_COUNTED = "the baseline's rule does not ask for counts among sampled candidates"
NOT_SAMPLED = "these candidates are not sampled yet, or the run was not counted among them"
NO_WARM = "no target occurs in the training data"


def variants(config: BenchmarkConfig) -> list[str]:
    """Return the names of the variants, `full` first."""
    return [FULL, *other_variants(config)]


def other_variants(config: BenchmarkConfig) -> list[str]:
    """Return the names of the variants that are held against `full`."""
    return ["unfiltered", "warm", "optimistic", "pessimistic", *config.evaluation.sampled]


def sensitivity(config: BenchmarkConfig, scopes: Sequence[Finished], *, partial: bool = False) -> pd.DataFrame:
    """Measure every run in every variant.

    Parameters
    ----------
    config
        The comparison.
    scopes
        The runs of every dataset and protocol.
    partial
        Whether candidates may be missing, or counts among them; both are then named in place of values.

    Returns
    -------
    pandas.DataFrame
        Columns of `hydrarec.columns.SENSITIVITY`.

    Raises
    ------
    FileNotFoundError
        If a file is absent that the run must have.
    ValueError
        If counts are about other cases or other sampled candidates.
    """
    rows: list[dict[str, Any]] = []
    cutoffs = config.evaluation.cutoffs
    for finished in scopes:
        if not finished.runs:
            continue
        dataset, protocol, cases = finished.dataset, finished.protocol, read_evaluation_cases(finished)
        paths = {kind: candidates_file(finished.split, kind) for kind in config.evaluation.sampled}
        hashes = {kind: content_hash(path) for kind, path in paths.items() if path.is_file() or not partial}
        for run in bar(finished.runs, what=f"variants on {dataset}/{protocol}", unit="run"):
            folders = [one.folder for one in finished.seeds_of(run)]
            read = [read_ranks(folder / "ranks.parquet", cases) for folder in folders]
            by_seed = [
                _variants(config, cases, ranks, folder, run, _counted_hashes(folder, hashes) if partial else hashes)
                for ranks, folder in zip(read, folders, strict=True)
            ]
            deviations = tie_deviations(cases.groups[0], [case_tie_variances(one, cutoffs) for one in read])
            for variant in variants(config):
                found = [values[variant] for values in by_seed]
                means = [value for value in found if not isinstance(value, str)]
                why = next((value for value in found if isinstance(value, str)), None)
                group = _group(cases, variant)
                rows += [
                    {
                        "dataset": dataset,
                        "protocol": protocol,
                        "run": run,
                        "variant": variant,
                        "metric": metric,
                        "value": None if why else float(np.mean([of_seed[index] for of_seed in means])),
                        "why": why,
                        "tie_deviation": float(deviations[index]) if variant == FULL else None,
                        "n_users": group.n_users if group else 0,
                        "n_seeds": len(folders),
                    }
                    for index, metric in enumerate(metric_names(cutoffs))
                ]
    return pd.DataFrame(rows, columns=SENSITIVITY.names).astype({"tie_deviation": float})


def tie_deviations(everyone: Group, by_seed: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return how far the means over users, cases and seeds would stray if equal scores were put in a random order.

    The order is drawn for every case on its own. One order of all items, such as that of their ids, moves all users at
    once and can move a mean further.

    Parameters
    ----------
    everyone
        All cases.
    by_seed
        For each seed the variances of cases (rows) by metric (columns).

    Returns
    -------
    numpy.ndarray
        Standard deviation of each metric's mean.
    """
    steps = np.diff(everyone.starts, append=len(everyone.cases))[:, None]
    # Of a user's mean of n cases: the sum of n variances by n squared.
    of_means = [(everyone.user_means(variances) / steps).sum(axis=0) / everyone.n_users**2 for variances in by_seed]
    return np.sqrt(np.sum(of_means, axis=0)) / len(by_seed)


def _variants(
    config: BenchmarkConfig, cases: EvaluationCases, ranks: pd.DataFrame, folder: Path, run: str, hashes: dict[str, str]
) -> dict[str, NDArray[np.float64] | str]:
    """Return the mean over users of every metric, by variant, or why the run's files cannot say."""
    cutoffs, everyone, warm = config.evaluation.cutoffs, cases.groups[0], _group(cases, "warm")
    expected = case_values(ranks, cutoffs)
    unfiltered = ranks.assign(greater=ranks["greater_unfiltered"], equal=ranks["equal_unfiltered"])
    from_lists = (folder / COSTS).is_file()
    found: dict[str, NDArray[np.float64] | str] = {
        FULL: _mean(everyone, expected),
        "unfiltered": LISTS_SAY_NOTHING if from_lists else _mean(everyone, case_values(unfiltered, cutoffs)),
        "warm": _mean(warm, expected) if warm else NO_WARM,
        "optimistic": _mean(everyone, case_values(ranks, cutoffs, "optimistic")),
        "pessimistic": _mean(everyone, case_values(ranks, cutoffs, "pessimistic")),
    }
    kinds = config.evaluation.sampled
    # The rule of a baseline may not know of sampled candidates; a trained run without counts is not complete.
    if isinstance(config.run(run), TrainedRun) or (folder / "sampled.parquet").is_file():
        sampled = read_sampled(folder, cases, hashes) if hashes else {}
        values = {kind: _mean(everyone, case_values(counts, cutoffs)) for kind, counts in sampled.items()}
        return found | dict.fromkeys(kinds, NOT_SAMPLED) | values
    return found | dict.fromkeys(kinds, LISTS_SAY_NOTHING if from_lists else NOT_COUNTED)


def _counted_hashes(folder: Path, hashes: dict[str, str]) -> dict[str, str]:
    """Return the hashes of those sampled candidates that a run was counted among, whichever they were."""
    counted = read_json(folder / "inference.json").get("candidates", {})
    return {kind: wanted for kind, wanted in hashes.items() if kind in counted}


def read_sampled(folder: Path, cases: EvaluationCases, hashes: dict[str, str]) -> dict[str, pd.DataFrame]:
    """Read a run's counts among sampled candidates.

    Parameters
    ----------
    folder
        Run folder.
    cases
        The cases.
    hashes
        Content hashes of the sampled candidates by kind; other kinds are left out.

    Returns
    -------
    dict
        By kind: columns `greater`, `equal` and `warm`, in the order of the cases.

    Raises
    ------
    FileNotFoundError
        If there are no counts.
    ValueError
        If they are about other cases or candidates, or are impossible.
    """
    path = folder / "sampled.parquet"
    table = read_table(path, SAMPLED).sort_values(["user", "step"], kind="stable")
    used: dict[str, str] = read_json(folder / "inference.json").get("candidates", {})
    found: dict[str, pd.DataFrame] = {}
    for kind, wanted in hashes.items():
        if used.get(kind) != wanted:
            raise ValueError(
                f"{path}: {kind} was counted among candidates {used.get(kind, 'none')[:12]}, but those of this dataset "
                f"and protocol are {wanted[:12]}; they cannot be mixed"
            )
        counts = table.loc[table["kind"] == kind].reset_index(drop=True)
        if not np.array_equal(counts[["user", "step"]].to_numpy(), cases.frame[["user", "step"]].to_numpy()):
            raise ValueError(f"{path}: its users and steps are not those of {cases.source}; they cannot be mixed")
        number = sample_size(kind)
        if (counts[["greater", "equal"]] < 0).any(axis=None) or (counts["greater"] + counts["equal"] > number).any():
            raise ValueError(f"{path}: greater + equal must be from 0 to {number} where {number} candidates are drawn")
        found[kind] = counts[["greater", "equal"]].assign(warm=cases.frame["warm"])
    return found


def _group(cases: EvaluationCases, variant: str) -> Group | None:
    """Return the cases that a variant is about; None if there are none."""
    wanted = "warm" if variant == "warm" else "all"
    return next((group for group in cases.groups if group.name == wanted), None)


def _mean(group: Group, values: NDArray[np.float64]) -> NDArray[np.float64]:
    return group.user_means(values).mean(axis=0)
