"""What a run cost, as every run leaves it behind: `timing.json` before the test targets, `inference.json` for them.

Seconds are measured where they pass; this file only says which there are and how they are written.
"""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from hydrarec.config.base import ConfigModel
from hydrarec.config.mistakes import explain
from hydrarec.files import read_json, write_json
from hydrarec.formatting import several

Number = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]


class Timing(ConfigModel):
    """Everything up to the test targets; the defaults are those of a method without epochs on a CPU."""

    train_s: Number
    """All training seconds, validation and set-up excluded."""
    peak_memory_mib: Number
    """Peak resident memory of the process."""
    device: Annotated[str, Field(min_length=1)] = "cpu"
    """`cpu`, or the GPU's name."""
    threads: Annotated[int, Field(ge=1)] = 1
    """CPU threads."""
    runs_per_gpu: Annotated[int, Field(ge=1)] = 1
    """Trainings that shared the GPU; times of more than one stand in no table."""
    epochs: Count = 0
    """Epochs trained."""
    best_epoch: Count = 0
    """Epoch whose weights were kept."""
    converged: bool = True
    """Stopped by itself, not by a limit."""
    parameters: Count = 0
    """Trainable parameters."""
    setup_s: Number | None = None
    """Reading data and building the model; null: not measured."""
    epoch_s: Number = 0.0
    """Median training seconds of an epoch."""
    train_to_best_s: Number | None = None
    """Training seconds up to the best epoch; null: `train_s`."""
    validation_s: Number = 0.0
    """All validation seconds."""
    peak_gpu_mib: Number | None = None
    """Peak allocated GPU memory; null on a CPU."""
    train_cpu_s: Number | None = None
    """Processor seconds of training, all threads together; this and all that follow null: not measured."""
    epoch_cpu_s: Number | None = None
    """Median processor seconds of an epoch's training."""
    train_to_best_cpu_s: Number | None = None
    """Processor seconds of training up to the best epoch; without `train_to_best_s`: `train_cpu_s`."""
    validation_cpu_s: Number | None = None
    """Processor seconds of validation."""
    load: Number | None = None
    """Load average of the machine, mean over the epochs."""
    train_j: Number | None = None
    """Joules that the GPU took while training."""
    validation_j: Number | None = None
    """Joules that the GPU took while validating."""


class OutsideCosts(Timing):
    """`costs.json`, which a method outside this package hands over: both files in one."""

    test_s: Number
    """Making the lists of all test targets."""
    test_cpu_s: Number | None = None
    """Processor seconds of it; null: not measured."""
    test_load: Number | None = None
    """Load average of the machine afterwards; null: not measured."""
    test_j: Number | None = None
    """Joules that the GPU took for it; null: not measured."""


class Inference(ConfigModel):
    """What ranking the test targets cost, and what it was done with."""

    device: Annotated[str, Field(min_length=1)]
    """`cpu`, or the GPU's name."""
    test_s: Number
    """Seconds of ranking all test targets."""
    n_cases: Annotated[int, Field(ge=1)]
    """Their number."""
    peak_memory_mib: Number
    """Peak resident memory of the process."""
    threads: Annotated[int, Field(ge=1)]
    """CPU threads."""
    test_cpu_s: Number | None = None
    """Processor seconds of ranking them, all threads together; null, here and below: not measured."""
    load: Number | None = None
    """Load average of the machine afterwards."""
    test_j: Number | None = None
    """Joules that the GPU took meanwhile."""
    candidates: dict[str, str] = Field(default_factory=dict)
    """Content hashes of the drawn candidates that were ranked among as well, by kind."""
    files: dict[str, str] = Field(default_factory=dict)
    """Hashes of what the ranking read and wrote in the run folder, where the manifest was written before it."""
    code: dict[str, Any] = Field(default_factory=dict)
    """Version, commit and sources of the ranking, where the manifest was written before it."""


def write_timing(folder: Path, timing: Timing) -> None:
    """Write `timing.json`."""
    values = timing.model_dump(include=set(Timing.model_fields))
    if timing.train_to_best_s is None:
        values["train_to_best_s"] = timing.train_s
        if timing.train_to_best_cpu_s is None:
            values["train_to_best_cpu_s"] = timing.train_cpu_s
    write_json(folder / "timing.json", values)


def write_inference(folder: Path, inference: Inference) -> None:
    """Write `inference.json`, with the milliseconds a target took, and without hashes where there are none."""
    values = inference.model_dump(exclude={"code"})
    hashes = {name: values.pop(name) for name in ("candidates", "files")}
    values["infer_ms_per_user"] = 1000 * inference.test_s / inference.n_cases
    filled = {name: by_name for name, by_name in hashes.items() if by_name}
    write_json(folder / "inference.json", inference.code | values | filled)


def read_costs(path: Path) -> OutsideCosts:
    """Read the `costs.json` of a method outside this package.

    Raises
    ------
    ValueError
        With one line per mistake, and all keys, if it is absent, not JSON, or has absent, unknown or impossible values.
    """
    keys = ", ".join(
        f"{name} (needed)" if field.is_required() else name for name, field in OutsideCosts.model_fields.items()
    )
    if not path.is_file():
        raise ValueError(f"{path}: no such file; it must be a JSON object with the keys {keys}")
    try:
        return OutsideCosts.model_validate(read_json(path))
    except ValidationError as error:
        mistakes = [line.strip() for line in explain(error).splitlines()]
        said = f"{several(len(mistakes), 'mistake')}: {'; '.join(mistakes)}"
        raise ValueError(f"{path}: {said}\nkeys: {keys}") from None
