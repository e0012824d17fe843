"""What the scripts of other libraries share: the split, early stopping, clocks, recommendation lists.

Runs in a library's own environment, so nothing of `hydrarec` is imported: numpy, pandas, pyarrow and torch are enough.
A library brings a network and scores; what is told apart by the comparison is measured here, the same for all.
"""

import argparse
import json
import logging
import os
import random
import resource
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

log = logging.getLogger("library")

LIST_LENGTH = 100
"""Items of a list: the largest k of any metric."""
BATCH = 256
"""Cases scored at once."""


@dataclass(frozen=True)
class Cases:
    """Held-out targets, each with everything its user did before it."""

    table: pd.DataFrame
    """Columns `user`, `step` and `item`, the target."""
    histories: list[np.ndarray]
    """Items before each target, oldest first."""


@dataclass(frozen=True)
class Trained:
    """A library's network, and how to ask it."""

    network: torch.nn.Module
    """What is trained; its weights are kept and restored."""
    own_ids: np.ndarray
    """By item id of the split: the library's id, 0 for an item that it has not learned."""
    score: Callable[[list[np.ndarray]], torch.Tensor]
    """Scores of all the library's ids, given histories in these ids, none of them empty."""


class Job:
    """One run: what the command line asked for, and the split it is about.

    Parameters
    ----------
    defaults
        Options of the library's models; others are refused, as are values of another type.
    models
        Names that the command line may choose from.

    Raises
    ------
    ValueError
        If an option is unknown or of another type than its default, or `cuda` is wanted and absent.
    """

    def __init__(self, defaults: dict[str, Any], models: list[str]) -> None:
        self.begin = time.perf_counter()
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        # Of the libraries about their own code, thousands of lines.
        warnings.simplefilter("ignore", FutureWarning)
        parser = argparse.ArgumentParser()
        parser.add_argument("model", choices=models)
        parser.add_argument("--data", type=Path, required=True, help="folder of the split")
        parser.add_argument("--options", type=json.loads, required=True)
        parser.add_argument("--seed", type=int, required=True)
        parser.add_argument("--threads", type=int, required=True)
        parser.add_argument("--output", type=Path, required=True, help="run folder")
        asked = parser.parse_args()
        self.model, self.threads, self.seed = asked.model, asked.threads, asked.seed
        # Absolute, because a library may want to work in a folder of its own.
        self.data, self.output = asked.data.resolve(), asked.output.resolve()
        self.options = _merge({**defaults, "device": "auto"}, asked.options)
        self.device = _select_device(self.options["device"])
        torch.set_num_threads(asked.threads)
        random.seed(self.seed)
        np.random.seed(self.seed)
        torch.manual_seed(self.seed)
        self.train = _read(self.data, ["train"])
        # Candidates: what occurs in training. Histories are filtered unless training has repeats.
        self.counts = np.bincount(self.train["item"])
        self.has_repeats = bool(self.train.duplicated(["user", "item"]).any())

    def cases(self, part: str) -> Cases:
        """Read the held-out targets of `validation` or `test`; the former never opens the file of the latter."""
        known = ["train", "validation"] if part == "validation" else ["train", "validation", "test"]
        items = {user: group.to_numpy() for user, group in _read(self.data, known).groupby("user")["item"]}
        targets = pd.read_parquet(self.data / f"{part}.parquet").query("step >= 0").sort_values(["user", "step"])
        # Positions count a user's events from 0 without a gap: they cut the history off before the target.
        histories = [
            items[user][:position] for user, position in zip(targets["user"], targets["position"], strict=True)
        ]
        return Cases(targets[["user", "step", "item"]].reset_index(drop=True), histories)

    def candidate_scores(self, trained: Trained, cases: Cases) -> Iterator[tuple[slice, torch.Tensor]]:
        """Yield rows of cases with the scores of all item ids, -inf for what may not be recommended."""
        popularity = torch.as_tensor(self.counts, dtype=torch.float32)
        own_ids = torch.as_tensor(trained.own_ids)
        for start in range(0, len(cases.histories), BATCH):
            rows = slice(start, start + BATCH)
            own = [trained.own_ids[_below(history, len(own_ids))] for history in cases.histories[rows]]
            own = [history[history > 0] for history in own]
            asked = [row for row, history in enumerate(own) if len(history)]
            # Who has met nothing that the library knows gets what is popular.
            scores = popularity.repeat(len(own), 1)
            if asked:
                answer = trained.score([own[row] for row in asked]).float().cpu()[:, own_ids]
                # An item that it has not learned comes last.
                answer[:, own_ids == 0] = answer.amin(1, keepdim=True)
                scores[asked] = answer
            scores[:, self.counts == 0] = -torch.inf
            if not self.has_repeats:
                for row, history in enumerate(cases.histories[rows]):
                    scores[row, _below(history, len(own_ids))] = -torch.inf
            yield rows, scores

    def ndcg10(self, trained: Trained, cases: Cases) -> float:
        """Return NDCG@10 by full ranking, ties counted against the target, every user counted once."""
        gains = np.zeros(len(cases.table))
        for rows, scores in self.candidate_scores(trained, cases):
            targets = cases.table["item"].to_numpy()[rows]
            warm = np.flatnonzero(np.isin(targets, np.flatnonzero(self.counts)))
            of_target = scores[warm, targets[warm]].unsqueeze(1)
            place = (scores[warm] >= of_target).sum(1).numpy()
            gains[rows.start + warm] = np.where(place <= 10, 1 / np.log2(place + 1), 0.0)
        return float(cases.table.assign(gain=gains).groupby("user")["gain"].mean().mean())

    def recommend(self, trained: Trained, cases: Cases) -> pd.DataFrame:
        """Return the recommendation lists, best first."""
        parts = []
        for rows, scores in self.candidate_scores(trained, cases):
            best = scores.topk(min(LIST_LENGTH, scores.shape[1]), dim=1)
            case = cases.table.iloc[rows]
            part = pd.DataFrame(
                {
                    "user": case["user"].repeat(best.indices.shape[1]).to_numpy(),
                    "step": case["step"].repeat(best.indices.shape[1]).to_numpy(),
                    "position": np.tile(np.arange(1, best.indices.shape[1] + 1), len(case)),
                    "item": best.indices.flatten().numpy(),
                    "score": best.values.flatten().numpy(),
                }
            )
            parts.append(part[np.isfinite(part["score"])])
        return pd.concat(parts, ignore_index=True)


class EarlyStopping:
    """Validates after every epoch, keeps the best weights, and tells training from validation seconds.

    Parameters
    ----------
    job
        The run. Its options `max_epochs` and `patience` say when to stop.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.validation = job.cases("validation")
        self.epoch_s: list[float] = []
        self.epoch_cpu_s: list[float] = []
        self.loads: list[float] = []
        self.ndcg10: list[float] = []
        self.validation_s = self.validation_cpu_s = 0.0
        self.best_epoch = 0
        self.setup_s: float | None = None

    def epoch_begins(self) -> None:
        """Start the training clock."""
        self.begin, self.begin_cpu = _now(self.job.device), time.process_time()
        if self.setup_s is None:
            self.setup_s = self.begin - self.job.begin

    def epoch_ends(self, trained: Trained) -> bool:
        """Stop the training clock, validate, and return whether training is over."""
        end, end_cpu = _now(self.job.device), time.process_time()
        self.epoch_cpu_s.append(end_cpu - self.begin_cpu)
        self.loads.append(os.getloadavg()[0])
        self.epoch_s.append(end - self.begin)
        trained.network.eval()
        self.ndcg10.append(self.job.ndcg10(trained, self.validation))
        trained.network.train()
        self.validation_s += _now(self.job.device) - end
        self.validation_cpu_s += time.process_time() - end_cpu
        epoch = len(self.epoch_s)
        if self.ndcg10[-1] > max(self.ndcg10[:-1], default=-1.0):
            self.best_epoch, self.weights = epoch, deepcopy(trained.network.state_dict())
        log.info(
            "epoch %d validation NDCG@10 %.4f (best %.4f in epoch %d) train %.1f s",
            epoch,
            self.ndcg10[-1],
            max(self.ndcg10),
            self.best_epoch,
            sum(self.epoch_s),
        )
        return epoch >= self.job.options["max_epochs"] or self.converged

    @property
    def converged(self) -> bool:
        """Patience has run out."""
        return len(self.epoch_s) - self.best_epoch >= self.job.options["patience"]

    def finish(self, trained: Trained) -> None:
        """Recommend with the best weights and write `recommendations.parquet` and `costs.json`."""
        job, cuda = self.job, self.job.device.type == "cuda"
        costs = {
            "device": torch.cuda.get_device_name() if cuda else "cpu",
            "threads": job.threads,
            "epochs": len(self.epoch_s),
            "best_epoch": self.best_epoch,
            "converged": self.converged,
            "parameters": sum(weights.numel() for weights in trained.network.parameters()),
            "setup_s": self.setup_s,
            "train_s": sum(self.epoch_s),
            "epoch_s": statistics.median(self.epoch_s),
            "train_to_best_s": sum(self.epoch_s[: self.best_epoch]),
            "validation_s": self.validation_s,
            # Before the test, as for the runs that this benchmark trains itself.
            "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "peak_gpu_mib": torch.cuda.max_memory_allocated() / 2**20 if cuda else None,
            "train_cpu_s": sum(self.epoch_cpu_s),
            "epoch_cpu_s": statistics.median(self.epoch_cpu_s),
            "train_to_best_cpu_s": sum(self.epoch_cpu_s[: self.best_epoch]),
            "validation_cpu_s": self.validation_cpu_s,
            "load": statistics.mean(self.loads),
        }
        trained.network.load_state_dict(self.weights)
        trained.network.to(job.device).eval()
        cases = job.cases("test")
        begin, begin_cpu = _now(job.device), time.process_time()
        lists = job.recommend(trained, cases)
        costs["test_s"], costs["test_cpu_s"] = _now(job.device) - begin, time.process_time() - begin_cpu
        costs["test_load"] = os.getloadavg()[0]
        job.output.mkdir(parents=True, exist_ok=True)
        lists.to_parquet(job.output / "recommendations.parquet", index=False)
        (job.output / "costs.json").write_text(json.dumps(costs, indent=2))


def _merge(defaults: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    for name, value in options.items():
        if name not in defaults:
            raise ValueError(f"options.{name}: no such option; allowed: {', '.join(defaults)}")
        wanted = type(defaults[name])
        if type(value) is not wanted and not (wanted is float and type(value) is int):
            raise ValueError(f"options.{name}: {value!r} is no {wanted.__name__}; the default is {defaults[name]!r}")
    return {**defaults, **options}


def _select_device(wanted: str) -> torch.device:
    if wanted not in ("auto", "cpu", "cuda") or (wanted == "cuda" and not torch.cuda.is_available()):
        raise ValueError(f"options.device: {wanted!r} cannot be had; allowed: auto, cpu, and cuda where there is a GPU")
    found = "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"
    granted, hidden = os.environ.get("SLURM_JOB_GPUS"), os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    # As the package's own trainings do (hydrarec/devices.py): a broken GPU would make days of hours.
    if wanted == "auto" and found == "cpu" and granted and not hidden:
        raise ValueError(
            f"a GPU was granted (SLURM_JOB_GPUS={granted}), but PyTorch {torch.__version__} finds none; take another "
            "node, or set options.device: cpu"
        )
    return torch.device(found)


def _read(folder: Path, parts: list[str]) -> pd.DataFrame:
    tables = [pd.read_parquet(folder / f"{part}.parquet", columns=["user", "item", "position"]) for part in parts]
    return pd.concat(tables).sort_values(["user", "position"], ignore_index=True)


def _below(items: np.ndarray, limit: int) -> np.ndarray:
    """Leave out items with ids beyond those of the training part."""
    return items[items < limit]


def _now(device: torch.device) -> float:
    """Read the clock when the device has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
