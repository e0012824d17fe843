"""What commands take: options that mean the same everywhere, and how they are read."""

import json
import reprlib
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import TypeAdapter, ValidationError

from hydrarec.config import ConfigError, load, load_file, protocol, training
from hydrarec.config.base import LARGEST
from hydrarec.config.benchmark import BenchmarkConfig
from hydrarec.config.built_in import BUILT_IN
from hydrarec.config.datasets import DatasetConfig
from hydrarec.config.mistakes import format_errors

T = TypeVar("T")

Data = Annotated[Path, typer.Option(help="Dataset folder: results/data/<dataset>.")]
Protocol = Annotated[protocol.Protocol, typer.Option(help="How targets are held out.")]
Seed = Annotated[int, typer.Option(min=0, max=LARGEST, help="Seed of the run.")]
# More than any machine has; with tens of thousands OpenMP ends the process without a word.
Threads = Annotated[
    int, typer.Option(min=1, max=1024, help="CPU threads; results are byte-identical at equal numbers.")
]
Output = Annotated[Path, typer.Option(help="Folder to write into.")]
Folder = Annotated[Path, typer.Option(help="Where Snakemake works.", exists=True, file_okay=False)]
Results = Annotated[Path, typer.Option(help="Folder of all results.")]
Device = Annotated[training.Device, typer.Option(help="auto takes the GPU where there is one.")]
Dataset = Annotated[str, typer.Option(help="A built-in dataset's id, or a definition as JSON.")]
Config = Annotated[str, typer.Option(help="The comparison's configuration: a YAML file, or its content as JSON.")]


def benchmark_of(config: str) -> BenchmarkConfig:
    """Return the comparison that `--config` names or holds."""
    return load(json_of("--config", config)) if config.lstrip().startswith("{") else load_file(Path(config))


def dataset_of(text: str) -> DatasetConfig:
    """Return the dataset that `--dataset` names or defines."""
    if text in BUILT_IN:
        return BUILT_IN[text]
    if not text.lstrip().startswith("{"):
        raise ValueError(
            f"--dataset: {text!r} is not a built-in dataset; allowed: {', '.join(sorted(BUILT_IN))}, or a JSON object"
        )
    return block_of(DatasetConfig, text)


def json_of(option: str, text: str) -> dict[str, Any]:
    """Read an object that an option gives as JSON."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{option}: not valid JSON: {error}; found {reprlib.repr(text)}") from None
    if not isinstance(value, dict):
        raise ValueError(f"{option}: expected a JSON object such as {{}}; found {reprlib.repr(text)}")
    return value


def block_of(kind: type[T], text: str) -> T:
    """Read a block of the configuration that a rule hands over as JSON."""
    try:
        return TypeAdapter(kind).validate_json(text)
    except ValidationError as error:
        raise ConfigError(format_errors(error, f"the given {kind.__name__}")) from None
