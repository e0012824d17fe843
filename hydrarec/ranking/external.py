"""Take in a run that was computed outside this package: its recommendation lists and what they cost."""

from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hydrarec.columns import RECOMMENDATIONS
from hydrarec.costs import Inference, read_costs, write_inference, write_timing
from hydrarec.files import atomic_folder, names_in
from hydrarec.layout import ALL_FILES
from hydrarec.provenance import data_hashes, write_manifest
from hydrarec.ranking.full import Ranking
from hydrarec.ranking.lists import ListError, rank_lists
from hydrarec.ranking.outputs import write_ranking
from hydrarec.sequences.log import read_cases, read_catalogue
from hydrarec.sources import code_state


def import_lists(
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
        `hydrarec.columns.RECOMMENDATIONS` where nothing is lost but a score's digits and further columns, and
        `costs.json`. Gets `ranks.parquet`, `timing.json`, `inference.json` and `manifest.json`.

    Raises
    ------
    ValueError
        If the lists are absent, no Parquet, of other columns or types, or wrong (see
        `hydrarec.ranking.lists.rank_lists`), or the costs are (see `hydrarec.costs.read_costs`). Nothing is written
        then.
    """
    code_state()
    split = data / protocol
    seen = data_hashes(split)
    cases, catalogue = read_cases(split, "test"), read_catalogue(data, split)
    path = output / "recommendations.parquet"
    costs, lists = read_costs(output / "costs.json"), _read_lists(path, data)
    try:
        ranks = rank_lists(lists, cases, catalogue)
    except ListError as error:
        raise ValueError(f"{path}: {error}") from error
    # Arrow refuses to round large whole numbers.
    ranking = Ranking(ranks, lists.astype({"score": np.float32}), sampled=None)
    with atomic_folder(output, last="manifest.json", replaces=ALL_FILES) as new:
        write_ranking(new, ranking)
        # As it came: what it said is part of the run and has a hash like the rest.
        copyfile(output / "costs.json", new / "costs.json")
        write_timing(new, costs)
        write_inference(
            new,
            Inference(
                device=costs.device,
                test_s=costs.test_s,
                n_cases=len(cases),
                peak_memory_mib=costs.peak_memory_mib,
                threads=costs.threads,
                test_cpu_s=costs.test_cpu_s,
                load=costs.test_load,
                test_j=costs.test_j,
            ),
        )
        write_manifest(
            new / "manifest.json",
            run={"id": run, "baseline": baseline, "options": options},
            settings=None,
            dataset=data.name,
            protocol=protocol,
            seed=seed,
            data=seen,
            threads=costs.threads,
            device=costs.device,
            files=names_in(new),
        )


def _read_lists(path: Path, data: Path) -> pd.DataFrame:
    """Read a stranger's table; only its columns are checked here, its rows are by `rank_lists`."""
    expected = "expected the columns " + ", ".join(f"{field.name} {field.type}" for field in RECOMMENDATIONS)
    if not path.is_file():
        raise ValueError(f"{path}: no such file; {expected}")
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path}: not a readable Parquet file: {error}; {expected}") from error
    absent = [name for name in RECOMMENDATIONS.names if name not in table.column_names]
    if absent:
        raise ValueError(f"{path}: has no column {', '.join(absent)} but {table.column_names}; {expected}")
    table = table.select(RECOMMENDATIONS.names)
    # Text is refused even where it spells a number: it would be the id of the source, not the dense one.
    wrong = [
        f"{field.name} is {field.type}"
        for field in table.schema
        if not (pa.types.is_integer(field.type) or pa.types.is_floating(field.type))
    ]
    if wrong:
        mapped = [name for name in ("user", "item") if any(text.startswith(f"{name} is") for text in wrong)]
        ids = [f"{data / f'{name}s.parquet'} has the {name} of each raw_{name}" for name in mapped]
        raise ValueError(
            f"{path}: column {', '.join(wrong)}; {expected}, in 32 or 64 bits, ids as in train.parquet"
            + (f"\n  {'; '.join(ids)}" if ids else "")
        )
    return table.to_pandas()
