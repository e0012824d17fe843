"""Baselines and controls: one file each, whose name is the baseline's name.

A file defines `scorer(inputs, options)`, which learns from the training events and returns something that scores all
items for held-out cases. Reading, ranking, timing and writing are done for it, see `hydrarec.baselines.run`.
Baselines outside this package need no file here: see docs/how-to/add-baseline.md.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from hydrarec.config.base import ConfigModel
from hydrarec.config.baselines import NoOptions
from hydrarec.config.mistakes import explain
from hydrarec.sequences.log import Cases, Catalogue, Log

__all__ = ["BaselineInputs", "NoOptions", "read_options"]


@dataclass(frozen=True)
class BaselineInputs:
    """All that a baseline may know."""

    data: Path
    """Dataset folder, with `items.parquet`."""
    split: Path
    """Folder of the split files."""
    train: Log
    """Training events: all that may be learnt from."""
    cases: Cases
    """What is asked. Their histories may be looked at when scoring; their targets may not, but by the oracle."""
    catalogue: Catalogue
    """The items, with their training counts."""
    seed: int
    """Seed of the run."""


OptionsT = TypeVar("OptionsT", bound=ConfigModel)


def read_options(kind: type[OptionsT], options: dict[str, Any]) -> OptionsT:
    """Check the options that a configuration gives to a baseline.

    Parameters
    ----------
    kind
        Class of the baseline's options, with types, ranges and defaults.
    options
        As they stand in the configuration.

    Returns
    -------
    ConfigModel
        The options, typed, with defaults filled in.

    Raises
    ------
    ValueError
        With all mistakes, and all options with their ranges and defaults.
    """
    try:
        return kind.model_validate(options)
    except ValidationError as error:
        allowed = kind.model_json_schema()["properties"] if kind.model_fields else {}
        options = "; ".join(f"{name}: {_describe(schema)}" for name, schema in allowed.items()) or "none"
        mistakes = "; ".join(line.strip() for line in explain(error).splitlines())
        raise ValueError(f"mistakes in the options: {mistakes}\nallowed: {options}") from None


def _describe(schema: dict[str, Any]) -> str:
    signs = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {schema[key]}" for key, sign in signs.items() if key in schema]
    kinds = " or ".join(str(kind.get("type", "any")) for kind in schema.get("anyOf", [schema]))
    default = f"default {schema['default']}" if "default" in schema else "required"
    described = f": {schema['description']}" if "description" in schema else ""
    return ", ".join([kinds, *bounds, default]) + described
