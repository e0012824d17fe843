"""Data sets that are the same but for thinning: one catalogue, of which claims over density read several densities."""

from collections.abc import Sequence

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
    return [sorted(group, key=_left_out) for group in groups]


def _left_out(dataset: DatasetConfig) -> float:
    return 0.0 if dataset.thin is None else 1 - dataset.thin.keep
