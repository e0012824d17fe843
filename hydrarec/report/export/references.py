"""The sources of what a comparison holds, as BibTeX.

`assets/references.bib` has one entry for each source; its `keywords` say what it is the source of: `attention/hydra`,
`models/lru`, `losses/cross_entropy`, `baseline/ease`. An entry with the keyword `data` belongs to the data sets whose
citation names its DOI; `always` and `significance` are in every report, `hypotheses` where claims are decided,
and `tie_order` where orders of ties are compared.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from hydrarec.config import BenchmarkConfig
from hydrarec.config.losses import BinaryCrossEntropyLossConfig, LossConfig
from hydrarec.config.runs import TrainedRun

_FILE = Path(__file__).parents[1] / "assets" / "references.bib"


def references(config: BenchmarkConfig) -> str:
    """Return the entries of what is compared, of its data sets and of the statistics; own parts have none."""
    wanted = {"always", *_parts(config), *_statistics(config)}
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
            yield from (f"{block.room}/{block.kind}" for block in (run.model, run.attention, run.masking) if block)
            for dataset in config.datasets:
                yield from _loss(config.settings(run.id, dataset.id).loss)
        else:
            yield f"baseline/{run.baseline}"


def _loss(loss: LossConfig) -> Iterator[str]:
    yield f"losses/{loss.kind}"
    if isinstance(loss, BinaryCrossEntropyLossConfig) and loss.calibration:
        yield "losses/binary_cross_entropy/calibration"


def _statistics(config: BenchmarkConfig) -> Iterator[str]:
    yield "significance"
    if config.hypotheses is not None:
        yield "hypotheses"
    if any(dataset.tie_order is not None for dataset in config.datasets):
        yield "tie_order"
