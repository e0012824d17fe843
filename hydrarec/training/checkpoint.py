"""Weights on disk, with all that is needed to build the model again; safetensors, never pickle."""

import functools
import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from hydrarec.config import RunSettings
from hydrarec.files import atomic_path
from hydrarec.masking.base import Masking
from hydrarec.models.base import Blueprint, SequenceModel, initialise
from hydrarec.training.streams import stream_seed


def build(settings: RunSettings, n_items: int, seed: int = 0) -> tuple[SequenceModel, Masking]:
    """Build a model with its initial weights, and its masking.

    Parameters
    ----------
    settings
        The run's complete settings.
    n_items
        Items of the data set.
    seed
        The run's seed; decides the initial weights.
    """
    run = settings.run
    masking: Masking = run.masking.implementation()(run.masking, n_items)
    seed_for = functools.partial(stream_seed, seed)
    with torch.random.fork_rng(devices=[]):
        # For what an operator draws while it is built; everything else is drawn by `initialise`.
        # `torch.manual_seed` would seed the GPUs too, whose streams belong to dropout and are not restored here.
        torch.default_generator.manual_seed(seed_for("init.operator"))
        blueprint = Blueprint(run.model, settings.encoder, run.attention, n_items, masking.n_special_tokens)
        model: SequenceModel = run.model.implementation()(blueprint)
    initialise(model, seed_for)
    return model, masking


def weights_of(model: SequenceModel) -> dict[str, torch.Tensor]:
    """Return a copy of a model's weights on the CPU."""
    return {name: tensor.detach().cpu().clone().contiguous() for name, tensor in model.state_dict().items()}


def save(weights: dict[str, torch.Tensor], settings: RunSettings, n_items: int, path: Path) -> None:
    """Write a model's weights and settings, atomically."""
    description = {"settings": settings.model_dump(mode="json"), "n_items": n_items}
    with atomic_path(path) as temporary:
        write_tensors(weights, description, temporary)


def write_tensors(tensors: dict[str, torch.Tensor], description: dict[str, Any], path: Path) -> None:
    """Write tensors and a description of them; raises `OSError` if that fails."""
    try:
        # One key only: the format writes several in no fixed order, and equal models shall be equal files.
        save_file(tensors, path, {"hydrarec": json.dumps(description)})
    except SafetensorError as error:
        # The system's reason is told as text only.
        number = re.search(r"\(os error (\d+)\)", str(error))
        raise OSError(int(number[1]) if number else None, str(error)) from error


def load(path: Path) -> tuple[RunSettings, SequenceModel, Masking]:
    """Read a model's settings, the model, ready for inference on the CPU, and its masking.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not a checkpoint of this package and version, or a weight is not finite.
    """
    settings, n_items, weights = _read(path)
    model, masking = build(settings, n_items)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"{path}: written by another version of hydrarec: {error}") from error
    return settings, model.eval(), masking


def _read(path: Path) -> tuple[RunSettings, int, dict[str, torch.Tensor]]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; train it first")
    try:
        with safe_open(path, framework="pt") as file:
            description = json.loads(file.metadata()["hydrarec"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary
        settings, n_items = RunSettings.model_validate(description["settings"]), description["n_items"]
        if type(n_items) is not int or n_items < 1:
            raise ValueError(f"n_items is {n_items!r}")
    except (TypeError, KeyError, ValueError, OSError, RecursionError, SafetensorError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise ValueError(
            f"{path}: not a checkpoint of this version of hydrarec: {reason}; remove it and train again"
        ) from error
    if wrong := [name for name, tensor in weights.items() if not bool(tensor.isfinite().all())]:
        raise ValueError(f"{path}: {wrong[0]} has values that are not finite; remove it and train again")
    return settings, n_items, weights
