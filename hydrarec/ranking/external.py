"""Take in a run that was computed outside this package: its recommendation lists and what they cost."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hydrarec.columns import RANKS, RECOMMENDATIONS, write_table
from hydrarec.files import read_json, write_json
from hydrarec.provenance import write_manifest
from hydrarec.ranking.lists import rank_lists
from hydrarec.sequences.log import read_cases, read_catalogue

REQUIRED_COSTS = {"train_s", "test_s", "peak_memory_mib"}
"""Keys that `costs.json` must have."""
OTHER_COSTS: dict[str, Any] = {
    "device": "cpu",
    "threads": 1,
    "epochs": 0,
    "best_epoch": 0,
    "converged": True,
    "parameters": 0,
    "setup_s": 0.0,
    "epoch_s": 0.0,
    "validation_s": 0.0,
    "sequences_per_s": 0.0,
    "peak_gpu_mib": None,
}
"""Keys that it may have, with what is taken if it does not; `train_to_best_s` is `train_s` if absent."""


def take_in(
    *, data: Path, protocol: str, run: str, baseline: str, options: dict[str, Any], seed: int, output: Path
) -> None:
    """Check a stranger's lists, rank the test targets with them and complete the run folder.

    Parameters
    ----------
    data
        Dataset folder, with a folder per protocol.
    protocol
        Which split.
    run
        Id of the run.
    baseline
        Name of its rule file.
    options
        As in the configuration.
    seed
        Seed of the run.
    output
        Run folder with `recommendations.parquet`, whose columns are cast to the types of
        `hydrarec.columns.RECOMMENDATIONS` where nothing is lost but a score's digits, and `costs.json`. Gets
        `ranks.parquet`, `timing.json`, `inference.json` and `manifest.json`.

    Raises
    ------
    ValueError
        If the lists cannot be read or used (see `hydrarec.ranking.lists.rank_lists`), or costs are absent or unknown.
    """
    split = data / protocol
    cases, catalogue = read_cases(split, "test"), read_catalogue(data, split)
    path = output / "recommendations.parquet"
    costs = _read_costs(output / "costs.json")
    try:
        table = pq.read_table(path)
        lists = table.select(RECOMMENDATIONS.names).cast(RECOMMENDATIONS).to_pandas()
    except (pa.ArrowInvalid, KeyError, ValueError) as error:
        expected = ", ".join(f"{field.name} {field.type}" for field in RECOMMENDATIONS)
        raise ValueError(f"{path}: not a recommendation table ({error}); expected the columns {expected}") from error
    write_table(rank_lists(lists, cases, catalogue), output / "ranks.parquet", RANKS)
    write_table(lists, path, RECOMMENDATIONS)
    test_s = costs.pop("test_s")
    write_json(output / "timing.json", costs)
    write_json(
        output / "inference.json",
        {
            "device": costs["device"],
            "test_s": test_s,
            "infer_ms_per_user": 1000 * test_s / len(cases),
            "n_cases": len(cases),
            "peak_memory_mib": costs["peak_memory_mib"],
        },
    )
    write_manifest(
        output / "manifest.json",
        run={"id": run, "baseline": baseline, "options": options},
        settings=None,
        dataset=data.name,
        protocol=protocol,
        seed=seed,
        split=split,
        threads=costs["threads"],
        device=costs["device"],
    )


def _read_costs(path: Path) -> dict[str, Any]:
    costs = read_json(path)
    absent, unknown = REQUIRED_COSTS - set(costs), set(costs) - REQUIRED_COSTS - set(OTHER_COSTS) - {"train_to_best_s"}
    if absent or unknown:
        raise ValueError(
            f"{path}: missing keys {sorted(absent)}, unknown keys {sorted(unknown)}; needed: {sorted(REQUIRED_COSTS)}, "
            f"allowed: {sorted([*OTHER_COSTS, 'train_to_best_s'])}"
        )
    return {**OTHER_COSTS, "train_to_best_s": costs["train_s"], **costs}
