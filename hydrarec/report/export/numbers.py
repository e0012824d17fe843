"""`report.json`: everything the report is made of, for programs. Its keys are described in docs/report.md."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd
import pyarrow as pa

from hydrarec import __version__
from hydrarec.report.blocks import Chapter
from hydrarec.report.inputs import Inputs

FORMAT = 1
"""Raised when a key is renamed, removed or given another meaning."""


def numbers(inputs: Inputs, chapters: Sequence[Chapter]) -> str:
    """Return the content of `report.json`."""
    config, evaluation = inputs.config, inputs.config.evaluation
    content = {
        "format": FORMAT,
        "hydrarec": __version__,
        "report": config.report,
        "title": config.heading,
        "primary": inputs.primary,
        "reference": evaluation.reference,
        "alpha": evaluation.alpha,
        "seeds": config.seeds,
        "datasets": [{"id": dataset.id, "title": dataset.title} for dataset in config.datasets],
        "protocols": config.protocols,
        "runs": [{"id": run.id, "label": config.label(run.id), "kind": run.role} for run in config.all_runs],
        "tables": {name: _table(frame, schema) for name, (frame, schema) in inputs.tables.items()},
        "gates": [asdict(gate) for gate in inputs.gates],
        "cards": inputs.cards,
        "manifests": [manifest for _, manifest in inputs.manifests],
        "figures": [
            {"chapter": chapter.anchor, "name": panel.name, "title": panel.title, "text": panel.alt}
            | {"caption": figure.caption}
            for chapter in chapters
            for figure in chapter.figures()
            for panel in figure.panels
        ],
        "shown": [
            {"chapter": chapter.anchor, "name": table.name, "caption": table.caption}
            for chapter in chapters
            for table in chapter.tables()
        ],
        "config": config.model_dump(mode="json"),
    }  # fmt: skip
    return _format_json(content, levels=4) + "\n"


def _format_json(value: Any, levels: int) -> str:
    """Write JSON with a line for each part of the outermost levels; further in, the quick way, on one line.

    >>> print(_format_json({"rows": [[1, None], [2, "x"]], "none": []}, levels=2))
    {
    "rows": [
    [1, null],
    [2, "x"]
    ],
    "none": []
    }
    """
    if levels and value and isinstance(value, dict):
        parts = [f"{_format_json(str(key), 0)}: {_format_json(part, levels - 1)}" for key, part in value.items()]
        return "{\n" + ",\n".join(parts) + "\n}"
    if levels and value and isinstance(value, list):
        return "[\n" + ",\n".join(_format_json(part, levels - 1) for part in value) + "\n]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _table(frame: pd.DataFrame, schema: pa.Schema) -> dict[str, Any]:
    """Return a table by rows, with what its columns mean; what is null or no number is null."""
    # Pandas writes what `json` refuses: NaN as null, and numbers of numpy.
    rows = json.loads(frame[schema.names].to_json(orient="values", double_precision=15))
    about = {field.name: field.metadata[b"description"].decode() for field in schema}
    return {"columns": schema.names, "about": about, "rows": rows}
