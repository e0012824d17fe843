"""What lies beside the comparison: how much hangs on choices of measuring, and what recommendation lists are like.

No claim rests on these tables, and nothing is selected by them. All is computed from what runs have stored; no model is
asked again.
"""

from pathlib import Path

from hydrarec.analyses.agreement import agreement
from hydrarec.analyses.beyond import beyond
from hydrarec.analyses.orders import orders
from hydrarec.analyses.sensitivity import sensitivity
from hydrarec.columns import AGREEMENT, BEYOND, ORDERS, SENSITIVITY
from hydrarec.comparison.runs import require_complete
from hydrarec.config import BenchmarkConfig
from hydrarec.config.compared import compared_settings
from hydrarec.files import atomic_folder, write_json
from hydrarec.layout import ANALYSED
from hydrarec.tables import write_table

__all__ = ["analyse"]


def analyse(config: BenchmarkConfig, results: Path, output: Path, *, partial: bool = False) -> None:
    """Write `sensitivity.parquet`, `agreement.parquet`, `orders.parquet` and `beyond.parquet`.

    The settings they were made with stand beside them in `analysed.json`.

    Parameters
    ----------
    config
        The comparison.
    results
        Folder of everything computed (`hydrarec.layout`).
    output
        Folder of the four tables.
    partial
        Whether to go on where not everything is there: with the runs that are finished with all their seeds.

    Raises
    ------
    FileNotFoundError
        If files are absent.
    ValueError
        If runs are about different cases, candidates or data, or a file does not hold what it must.
    """
    scopes = require_complete(config, results, partial=partial)
    values = sensitivity(config, scopes, partial=partial)
    moved, tied, lists = agreement(config, values), orders(config, scopes), beyond(config, scopes)
    with atomic_folder(output, last=ANALYSED) as new:
        write_table(values, new / "sensitivity.parquet", SENSITIVITY)
        write_table(moved, new / "agreement.parquet", AGREEMENT)
        write_table(tied, new / "orders.parquet", ORDERS)
        write_table(lists, new / "beyond.parquet", BEYOND)
        write_json(new / ANALYSED, compared_settings(config))
