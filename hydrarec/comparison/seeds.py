"""What all competing runs of a comparison say about seeds, for whoever looks at one run or two."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hydrarec.columns import METRICS
from hydrarec.comparison.contrasts import compared_runs
from hydrarec.config import BenchmarkConfig
from hydrarec.layout import comparison_folder
from hydrarec.tables import read_table


def means_by_seed(
    config: BenchmarkConfig, results: Path, dataset: str, protocol: str
) -> dict[str, NDArray[np.float64]]:
    """Return by metric the means over users of all competing runs (rows) by seed, from the comparison's tables.

    Parameters
    ----------
    config
        The comparison.
    results
        Folder of everything computed.
    dataset, protocol
        Where.

    Returns
    -------
    dict
        Empty where the tables were not made yet.
    """
    path = comparison_folder(results, config.report) / "metrics.parquet"
    if not path.is_file():
        return {}
    table = read_table(path, METRICS)
    here = (table["dataset"] == dataset) & (table["protocol"] == protocol) & (table["group"] == "all")
    table = table[here & table["run"].isin(compared_runs(config))]
    found: dict[str, NDArray[np.float64]] = {}
    for metric, rows in table.groupby("metric"):
        # A run that does not depend on the seed says nothing here, and has one.
        means = rows.pivot_table(index="run", columns="seed", values="value").dropna()
        if means.shape[1] == len(config.seeds):
            found[str(metric)] = means.to_numpy(dtype=np.float64)
    return found
