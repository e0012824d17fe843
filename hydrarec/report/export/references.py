"""The sources of what a comparison holds, as BibTeX.

`assets/references.bib` has one entry for each source; its `keywords` say what it is the source of: `attention/hydra`,
`models/lru`, `losses/cross_entropy`, `baseline/ease`. An entry with the keyword `data` belongs to the data sets whose
citation names its DOI.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from hydrarec.config import BenchmarkConfig
from hydrarec.config.runs import TrainedRun

_FILE = Path(__file__).parents[1] / "assets" / "references.bib"


def references(config: BenchmarkConfig) -> str:
    """Return the entries of a comparison's models, operators, losses, baselines and data sets; own ones have none."""
    wanted = {"always", *_parts(config)}
    citations = " ".join(dataset.citation for dataset in config.datasets)
    kept = [
        entry
        for entry, keywords in entries()
        if keywords & wanted or ("data" in keywords and (doi := _field(entry, "doi")) and doi in citations)
    ]
    return "\n\n".join([*kept, ""]).removesuffix("\n")


def entries() -> list[tuple[str, set[str]]]:
    """Return every entry there is, with its keywords; these are left out of the entry."""
    found = re.split(r"\n\n(?=@)", _FILE.read_text(encoding="utf-8").strip())
    return [
        (re.sub(r",\n  keywords = \{[^}]*\}", "", entry), set(re.split(r",\s*", _field(entry, "keywords"))))
        for entry in found
    ]


def _field(entry: str, name: str) -> str:
    found = re.search(rf"^  {name} = \{{([^}}]*)\}}", entry, re.MULTILINE)
    return found[1] if found else ""


def _parts(config: BenchmarkConfig) -> Iterator[str]:
    for run in config.all_runs:
        if isinstance(run, TrainedRun):
            losses = (config.settings(run.id, dataset.id).loss for dataset in config.datasets)
            blocks = (run.model, run.attention, run.masking, *losses)
            yield from (f"{block.room}/{block.kind}" for block in blocks if block is not None)
        else:
            yield f"baseline/{run.baseline}"
