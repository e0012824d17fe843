"""The complete state of a training on disk: interrupted anywhere, it goes on as if it had not been.

Saved are the weights, the best weights so far, the optimiser's moments, every random stream, the progress of the epoch,
the history and the clocks; in one safetensors file, so that no part can be of another moment, and never a pickle. The
file before it is kept too, should the newest not be readable.
"""

import dataclasses
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from hydrarec.config.differences import differences
from hydrarec.devices import peak_gpu_mib
from hydrarec.files import atomic_path
from hydrarec.provenance import peak_memory_mib
from hydrarec.sources import loaded_sources, source_hashes
from hydrarec.training.checkpoint import weights_of, write_tensors
from hydrarec.training.engine import Epoch, EpochProgress, Trainer
from hydrarec.unfinished import LATEST_STATE, PREVIOUS_STATE

log = logging.getLogger(__name__)


class TrainingState:
    """Where the state of one training is kept.

    Parameters
    ----------
    folder
        Folder for nothing else; gone when the training is finished.
    identity
        What the state belongs to, JSON: settings, data, versions, kind of device. A state of something else is not
        taken up.
    host
        The machine of this process.
    code
        What `hydrarec.sources.code_state` says in this process.
    threads
        CPU threads of this process.
    runs_per_gpu
        Trainings that share this process's GPU, this one included.
    """

    def __init__(
        self,
        *,
        folder: Path,
        identity: dict[str, Any],
        host: str,
        code: dict[str, Any],
        threads: int,
        runs_per_gpu: int,
    ) -> None:
        self.folder = folder
        self.identity = identity
        self.hosts = [host]
        """Machines on which the training has been, the first one first."""
        self.code = code
        """The code of this process."""
        self.earlier_code: list[dict[str, Any]] = []
        """Other code that the training was with before, the first one first."""
        self.earlier_sources: dict[str, str] = {}
        """What `loaded_sources` was of the process that it was begun in; empty: of this one."""
        self.threads = threads
        """Threads with which it was begun: sums over other numbers of threads differ in their last digits."""
        self.runs_per_gpu = runs_per_gpu
        """Most trainings that it has shared a GPU with, itself included: such times are not its own."""
        self.resumed = 0
        """How often the training was taken up again."""
        self.peak_memory_mib = 0.0
        """Largest resident memory so far, of this process or one before."""
        self.peak_gpu_mib: float | None = None
        """Likewise of the GPU; None on a CPU."""

    def save(self, trainer: Trainer) -> None:
        """Write the state, between two batches or after an epoch; a crash leaves the one before."""
        self.peak_memory_mib = max(self.peak_memory_mib, peak_memory_mib())
        self.peak_gpu_mib = max(filter(None, (self.peak_gpu_mib, peak_gpu_mib(trainer.device))), default=None)
        tensors = {
            **{f"model.{name}": tensor for name, tensor in weights_of(trainer.model).items()},
            **{f"best.{name}": tensor for name, tensor in trainer.best_weights.items()},
            **{f"optimizer.{name}": tensor.cpu() for name, tensor in trainer.optimizer.state().items()},
            **_stream_tensors(trainer),
            "position.loss_sum": trainer.progress.loss_sum.cpu(),
        }
        values = {
            "identity": self.identity,
            "history": [dataclasses.asdict(epoch) for epoch in trainer.history],
            "order": trainer.progress.order,
            "batches": trainer.progress.batches,
            "targets": trainer.progress.targets,
            **_read_clocks(trainer),
            "resumed": self.resumed,
            "hosts": self.hosts,
            "code": [*self.earlier_code, self.code],
            "sources": loaded_sources() | self.earlier_sources,
            "threads": self.threads,
            "runs_per_gpu": self.runs_per_gpu,
            "peak_memory_mib": self.peak_memory_mib,
            "peak_gpu_mib": self.peak_gpu_mib,
        }
        with atomic_path(self.folder / LATEST_STATE) as temporary:
            write_tensors(tensors, values, temporary)
            if (self.folder / LATEST_STATE).exists():
                (self.folder / LATEST_STATE).replace(self.folder / PREVIOUS_STATE)

    def restore(self, trainer: Trainer) -> None:
        """Bring a new trainer into the saved state.

        Without a state, or with none that can be read or only one of another training, the trainer stays as it was.

        Raises
        ------
        ValueError
            If the state is of this training and incomplete, which no crash leads to; or was saved on a GPU, and this
            process computes on a CPU.
        """
        for left_over in self.folder.glob(".*.part"):
            left_over.unlink()
        for path in (self.folder / LATEST_STATE, self.folder / PREVIOUS_STATE):
            found = _read(path)
            if found is None:
                continue
            tensors, values = found
            if changed := list(differences(self.identity, values["identity"])):
                if changed == ["device"] and self.identity["device"] == "cpu":
                    # Begun anew it would soon be overwritten, and GPU hours with it.
                    raise ValueError(
                        f"{path} was saved on a GPU, and {self.hosts[0]} has none for it; nothing was changed.\n"
                        f"Go on where there is a GPU, or remove {self.folder} to begin anew on a CPU."
                    )
                log.warning("%s is of a training with other %s; starting anew", path, ", ".join(changed))
                return
            try:
                _put(trainer, tensors, values)
                self.resumed = values["resumed"] + 1
                self.hosts = list(dict.fromkeys(values["hosts"] + self.hosts))
                # Older states say neither with which code nor with how many threads.
                self.earlier_sources = values.get("sources", {})
                self.earlier_code = [code for code in values.get("code", []) if code != self.code]
                self.threads = values.get("threads", self.threads)
                self.runs_per_gpu = max(self.runs_per_gpu, values.get("runs_per_gpu", 1))
                self.peak_memory_mib, self.peak_gpu_mib = values["peak_memory_mib"], values.get("peak_gpu_mib")
            except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
                reason = " ".join(str(error).split())
                raise ValueError(f"{path}: not complete ({reason}); remove {self.folder} to train anew") from error
            if edited := sorted(set(self.earlier_sources.items()) - set(source_hashes().items())):
                log.warning("begun with other code than goes on now; edited since: %s", ", ".join(dict(edited)))
            log.info("resumed after epoch %d and %d batches", len(trainer.history), trainer.progress.batches)
            return

    def remove(self) -> None:
        """Delete the state, once what it was for is written."""
        # With what a killed process was about to write.
        shutil.rmtree(self.folder, ignore_errors=True)


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            values = json.loads(file.metadata()["hydrarec"])
            if not isinstance(values["identity"], dict):
                raise TypeError("it does not say what it belongs to")
            return {name: file.get_tensor(name) for name in file.keys()}, values  # noqa: SIM118 - not a dictionary
    except (TypeError, KeyError, ValueError, OSError, RecursionError, SafetensorError) as error:
        log.warning("%s: cannot be read and is not used: %s", path, error)
        return None


def _put(trainer: Trainer, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
    def part(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

    trainer.model.load_state_dict(part("model."))
    trainer.best_weights = part("best.")
    trainer.optimizer.load_state(part("optimizer."))
    trainer.history = [Epoch(**epoch) for epoch in values["history"]]
    trainer.progress = EpochProgress(
        values["order"], tensors["position.loss_sum"].to(trainer.device), values["batches"], values["targets"]
    )
    _put_clocks(trainer, values)
    trainer.streams.order.bit_generator.state = values["order"]
    for name, (_, put) in _streams(trainer).items():
        put(tensors[f"stream.{name}"])


def _read_clocks(trainer: Trainer) -> dict[str, float | None]:
    watches = {"train": trainer.train_watch, "validation": trainer.validation_watch}
    return {
        f"{of}_{unit}": value
        for of, watch in watches.items()
        for unit, value in (("s", watch.seconds), ("cpu_s", watch.cpu_s), ("j", watch.joules))
    }


def _put_clocks(trainer: Trainer, values: dict[str, Any]) -> None:
    for of, watch in (("train", trainer.train_watch), ("validation", trainer.validation_watch)):
        watch.seconds = values[f"{of}_s"]
        # Older states do not say how much it was so far.
        watch.cpu_s, watch.joules = values.get(f"{of}_cpu_s"), values.get(f"{of}_j")


def _stream_tensors(trainer: Trainer) -> dict[str, Tensor]:
    return {f"stream.{name}": get() for name, (get, _) in _streams(trainer).items()}


def _streams(trainer: Trainer) -> dict[str, tuple[Callable[[], Tensor], Callable[[Tensor], object]]]:
    """Return how to read and set each of torch's random streams; numpy's is part of the epoch's progress."""
    streams = {
        "masks": (trainer.streams.masks.get_state, trainer.streams.masks.set_state),
        "negatives": (trainer.streams.negatives.get_state, trainer.streams.negatives.set_state),
        "dropout": (torch.get_rng_state, torch.set_rng_state),
    }
    if trainer.device.type == "cuda":
        device = trainer.device
        streams["dropout_cuda"] = (
            lambda: torch.cuda.get_rng_state(device),
            lambda state: torch.cuda.set_rng_state(state, device),
        )
    return streams
