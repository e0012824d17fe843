"""Which data sets belong together: shares of one catalogue, and versions of the same users' interactions."""

from collections.abc import Sequence

from hydrarec.config.built_in import origin
from hydrarec.config.datasets import DatasetConfig


def catalogues(datasets: Sequence[DatasetConfig]) -> list[list[DatasetConfig]]:
    """Group data sets that differ in nothing but thinning.

    Returns
    -------
    list
        Groups in the order of their first members; in each the whole data set first, then by falling share.
    """
    groups: list[list[DatasetConfig]] = []
    for dataset in datasets:
        group = next((group for group in groups if all(dataset.same_but_for_thinning(one) for one in group)), None)
        if group is None:
            groups.append([dataset])
        else:
            group.append(dataset)
    return [sorted(group, key=_share_left_out) for group in groups]


def independent_datasets(datasets: Sequence[DatasetConfig]) -> list[DatasetConfig]:
    """Return one data set of each origin: those on which claims about data sets can hold.

    The same interactions thinned, filtered otherwise or with tied ones in another order have the same users again. What
    holds on two of them holds once; counted twice, a claim "on two of three data sets" could rest on a single one.

    Returns
    -------
    list
        Of each origin the data set nearest to the whole in the order of its file, the first of several; in the order
        in which origins come first.
    """
    chosen: dict[str, DatasetConfig] = {}
    for dataset in datasets:
        best = chosen.setdefault(origin(dataset), dataset)
        if _changes(dataset) < _changes(best):
            chosen[origin(dataset)] = dataset
    return list(chosen.values())


def _changes(dataset: DatasetConfig) -> tuple[float, bool]:
    return _share_left_out(dataset), dataset.tie_order is not None


def _share_left_out(dataset: DatasetConfig) -> float:
    return 0.0 if dataset.thin is None else 1 - dataset.thin.keep
