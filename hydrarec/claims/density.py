"""An advantage in time that grows with sparser data: `kind: trend` with `over: density`.

The points are data sets that are the same but for thinning. In each of them the logarithm of the ratio of the median
times of an epoch is averaged over matched seeds; these are regressed on the logarithm of the density. Data sets are the
repetitions, seeds are not: with exact times, a relation that is no power law still has an error.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd

from hydrarec.claims.base import Finding, Verdict
from hydrarec.claims.catalogues import catalogues, independent_datasets
from hydrarec.claims.evidence import Evidence, Undecidable
from hydrarec.claims.faster import log_ratios, matched_times, own_clock, refuse_machines
from hydrarec.claims.places import Scope
from hydrarec.comparison.clocks import clock_name
from hydrarec.config.hypotheses import TrendClaimConfig
from hydrarec.config.runs import TrainedRun
from hydrarec.formatting import p_statement, signed
from hydrarec.significance.student import LEAST_POINTS, fit_slope

COLUMN = "epoch_s"
"""Which time; how many epochs a training has is another question."""


def density_scopes(evidence: Evidence) -> list[Scope]:
    """Return a scope for each catalogue of several data sets, named after the densest; of each if there is no such.

    Of catalogues that hold the same users only one, as everywhere.
    """
    groups = catalogues(evidence.config.datasets)
    several = [group for group in groups if len(group) > 1] or groups
    densest = independent_datasets([group[0] for group in several])
    return [evidence.scope(dataset.id, protocol) for protocol in evidence.config.protocols for dataset in densest]


def density_findings(config: TrendClaimConfig, evidence: Evidence, scope: Scope) -> Sequence[Finding]:
    """Return a finding for each comparator.

    Raises
    ------
    Undecidable
        If there are fewer than three data sets of the catalogue, one of them cannot be used, or the data sets differ in
        more than their density.
    """
    datasets = next(
        [dataset.id for dataset in group]
        for group in catalogues(evidence.config.datasets)
        if group[0].id == scope.dataset
    )
    if len(datasets) < LEAST_POINTS:
        raise Undecidable(
            f"a slope over density needs {LEAST_POINTS} data sets that differ in nothing but thinning, and there "
            f"{'are' if len(datasets) > 1 else 'is'} {len(datasets)} ({', '.join(map(evidence.title, datasets))})"
        )
    protocol, runs = scope.protocol, [config.run, *config.against]
    for dataset in datasets:
        with _naming(evidence.title(dataset)):
            evidence.require(dataset, protocol, runs, converged=config.converged)
    _require_same_settings(evidence, datasets, runs)
    densities = _densities(evidence, datasets)
    return [_finding_against(config, evidence, protocol, densities, against) for against in config.against]


def _finding_against(
    config: TrendClaimConfig, evidence: Evidence, protocol: str, densities: "pd.Series[float]", against: str
) -> Finding:
    run, alpha = config.run, config.alpha
    times: dict[str, tuple[pd.DataFrame, pd.DataFrame]] = {}
    for dataset in densities.index:
        with _naming(evidence.title(dataset)):
            times[dataset] = matched_times(evidence, dataset, protocol, run, against)
    every = [pd.concat(sides) for sides in zip(*times.values(), strict=True)]
    refuse_machines(pd.concat(every))
    # One clock for all: a ratio by another is another quantity.
    column = own_clock(every[0], every[1], COLUMN)
    ratios = []
    for dataset, (own, other) in times.items():
        with _naming(evidence.title(dataset)):
            ratios.append(float(log_ratios(own[column], other[column]).mean()))
    found = fit_slope(np.log(densities.to_numpy()), np.array(ratios), alpha)
    p = found.p_above(0.0)
    verdict: Verdict = "superior" if p < alpha else "inferior" if found.high < 0 else "inconclusive"
    by_dataset = ", ".join(
        f"{np.exp(ratio):.2f} at {100 * density:.2g} %"
        for density, ratio in zip(densities.to_numpy(), ratios, strict=True)
    )
    interval = f"{100 * (1 - alpha):g} % interval {signed(found.low, 3)} to {signed(found.high, 3)}"
    sentence = (
        f"Over {', '.join(map(evidence.title, densities.index))} the ratio of {evidence.label(run)}'s time of an epoch "
        f"to that of {evidence.label(against)} changes with the density to the power {signed(found.mean, 3)} "
        f"({clock_name(column)}, {interval} with {found.df} degrees of freedom, one-sided {p_statement(p)}): "
        f"{by_dataset}."
    )
    return Finding(
        run, "slope over density", verdict, sentence, against, found.mean, found.low, found.high,
        p=p, holds=verdict == "superior", refutes=found.high < 0,
    )  # fmt: skip


def _densities(evidence: Evidence, datasets: Sequence[str]) -> "pd.Series[float]":
    cards = {dataset: evidence.card(dataset) for dataset in datasets}
    items = {dataset: card["items"] for dataset, card in cards.items()}
    if len(set(items.values())) > 1:
        sizes = ", ".join(f"{evidence.title(dataset)} {n}" for dataset, n in items.items())
        raise Undecidable(f"the catalogues are of different sizes ({sizes}), so that more than density differs")
    densities = pd.Series({dataset: float(card["density"]) for dataset, card in cards.items()})
    if densities.nunique() < LEAST_POINTS:
        raise Undecidable(f"a slope over density needs {LEAST_POINTS} different ones, found {densities.nunique()}")
    return densities


def _require_same_settings(evidence: Evidence, datasets: Sequence[str], runs: Sequence[str]) -> None:
    """Refuse what is trained otherwise on one data set than on another: length and batch size change times too."""
    config = evidence.config
    for run in runs:
        if not isinstance(config.run(run), TrainedRun):
            raise Undecidable(f"{evidence.label(run)} is not trained in epochs here")
        first = config.settings(run, datasets[0])
        for dataset in datasets[1:]:
            if config.settings(run, dataset) != first:
                raise Undecidable(
                    f"{evidence.label(run)} is trained with other settings on {evidence.title(dataset)} than on "
                    f"{evidence.title(datasets[0])}, so that more than density differs; see per_dataset"
                )


@contextmanager
def _naming(title: str) -> Iterator[None]:
    """Put the data set in front of a reason: a scope over density has several of them."""
    try:
        yield
    except Undecidable as reason:
        raise Undecidable(f"on {title}: {reason}") from None
