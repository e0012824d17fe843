"""What commands take: options that mean the same everywhere, and how they are read."""

import json
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from pydantic import TypeAdapter, ValidationError

from hydrarec.config import ConfigError, load, load_file
from hydrarec.config.base import explain
from hydrarec.config.benchmark import BenchmarkConfig

T = TypeVar("T")

Data = Annotated[Path, typer.Option(help="Dataset folder: results/data/<dataset>.")]
Protocol = Annotated[str, typer.Option(help="loo or gts.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the run.")]
Threads = Annotated[int, typer.Option(min=1, help="CPU threads; results are byte-identical at equal numbers.")]
Output = Annotated[Path, typer.Option(help="Folder to write into.")]
Results = Annotated[Path, typer.Option(help="Folder of all results.")]
Partial = Annotated[bool, typer.Option("--partial", help="Work on the runs that are finished, if not all are.")]
Dataset = Annotated[str, typer.Option(help="The dataset's definition as JSON.")]
Config = Annotated[str, typer.Option(help="The comparison's configuration: a YAML file, or its content as JSON.")]


def benchmark_of(config: str) -> BenchmarkConfig:
    """Return the comparison that `--config` names or holds."""
    return load(json.loads(config)) if config.lstrip().startswith("{") else load_file(Path(config))


def block_of(kind: type[T], text: str) -> T:
    """Read a block of the configuration that a rule hands over as JSON."""
    try:
        return TypeAdapter(kind).validate_json(text)
    except ValidationError as error:
        raise ConfigError(f"mistakes in the given JSON:\n{explain(error)}") from None
