"""A results tree with known effects, made without training anything: what the tests of comparison and report read."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hydrarec.columns import HELD_OUT, HISTORY, ITEMS, RANKS, RECOMMENDATIONS, SAMPLED, TRAIN
from hydrarec.config import BenchmarkConfig, load
from hydrarec.config.runs import BaselineRun
from hydrarec.costs import Inference, Timing, write_inference, write_timing
from hydrarec.data.card import describe
from hydrarec.data.sampled_candidates import sample_candidates
from hydrarec.files import read_json, write_json
from hydrarec.layout import candidates_file, data_folder, run_folder, split_folder
from hydrarec.provenance import data_hashes
from hydrarec.tables import content_hash, write_table

SASREC, HYDRA_UNI = "sasrec+softmax+causal", "bert4rec+hydra+causal"
SKILLS = {SASREC: 2.0, HYDRA_UNI: 2.25, "itemknn": 1.4, "popularity": 0.5}
"""How far the logarithm of the target's place is moved forward; what is not named here gets 1.8."""


def config(datasets: int = 2, seeds: int = 3, more: dict[str, Any] | None = None) -> BenchmarkConfig:
    """Return a comparison of two trained runs, two baselines and two controls."""
    trained = [
        {"id": SASREC, "label": "SASRec", "model": {"kind": "sasrec"}, "attention": {"kind": "softmax"}},
        {"id": HYDRA_UNI, "label": "HydraRecUni", "model": {"kind": "bert4rec"}, "attention": {"kind": "hydra"}},
    ]
    raw: dict[str, Any] = {
        "report": "fabricated",
        "title": "Fabricated comparison",
        "datasets": [
            {"id": f"made-{i}", "title": f"Made-up data {i}", "reader": {"kind": "synthetic", "seed": i}}
            for i in range(datasets)
        ],
        "seeds": list(range(seeds)),
        "runs": [
            *({**run, "masking": {"kind": "causal"}} for run in trained),
            {"id": "itemknn", "label": "ItemKNN", "baseline": "itemknn", "deterministic": True},
            {"id": "popularity", "label": "Popularity", "baseline": "popularity", "deterministic": True},
            {"id": "random", "baseline": "random", "control": "random"},
            {"id": "oracle", "baseline": "oracle", "control": "oracle", "deterministic": True},
        ],
        "evaluation": {"reference": SASREC, "cutoffs": [1, 10]},
    }
    return load(raw | (more or {}))


@dataclass
class Tree:
    """Writes the files of all runs of a comparison."""

    config: BenchmarkConfig
    results: Path
    n_users: int = 240
    n_items: int = 150
    cold_share: float = 0.04
    skills: dict[str, float] = field(default_factory=lambda: SKILLS)

    def write(self) -> "Tree":
        """Write everything."""
        for number, dataset in enumerate(self.config.datasets):
            stream = np.random.default_rng([7, number])
            card = {
                **describe(dataset, None),
                "licence": "CC0",
                "stages": [
                    {"stage": "raw", "users": 260, "items": 180, "interactions": 6100},
                    {"stage": "5-core", "users": self.n_users, "items": self.n_items, "interactions": 5800},
                ],
                "tie_share": 0.12,
                "density": 0.0321,
                "lengths": {"min": 5, "median": 22, "max": 61},
            }
            write_json(data_folder(self.results, dataset.id) / "card.json", card)
            ids = np.arange(1, self.n_items + 1, dtype=np.int32)
            items = pd.DataFrame({"item": ids, "raw_item": ids.astype(str), "n_interactions": np.int32(9)})
            write_table(items, data_folder(self.results, dataset.id) / "items.parquet", ITEMS)
            for protocol in self.config.protocols:
                self._write_split(dataset.id, protocol, stream)
        return self

    def folder(self, run: str, seed: int = 0, dataset: str = "made-0", protocol: str = "loo") -> Path:
        """Return a run's folder."""
        return run_folder(self.results, dataset, protocol, run, seed)

    def _write_split(self, dataset: str, protocol: str, stream: np.random.Generator) -> None:
        split = split_folder(self.results, dataset, protocol)
        lengths = stream.integers(5, 40, self.n_users)
        users = np.arange(1, self.n_users + 1)
        weights = 1 / np.arange(1, self.n_items + 1)
        train = _events(
            np.repeat(users, lengths), stream.choice(self.n_items, lengths.sum(), p=weights / weights.sum())
        )
        steps = np.ones(self.n_users, dtype=int) if protocol == "loo" else stream.integers(1, 5, self.n_users)
        after = lengths + 1
        test = _events(np.repeat(users, steps), stream.integers(0, self.n_items, steps.sum()), np.repeat(after, steps))
        test["step"] = test["position"] - np.repeat(after, steps).astype("int32")
        validation = _events(users, stream.integers(0, self.n_items, self.n_users), lengths)
        write_table(train, split / "train.parquet", TRAIN)
        write_table(validation.assign(step=np.int32(0)), split / "validation.parquet", HELD_OUT)
        write_table(test, split / "test.parquet", HELD_OUT)
        write_json(split / "split.json", {"protocol": protocol, "test": {"users": self.n_users, "targets": len(test)}})
        for kind in self.config.evaluation.sampled:
            sample_candidates(data_folder(self.results, dataset), protocol, kind, candidates_file(split, kind))
        cases = test[["user", "step"]].assign(target=test["item"], warm=stream.random(len(test)) >= self.cold_share)
        difficulty = np.repeat(stream.normal(4.2, 1.3, self.n_users), steps)
        for run in self.config.run_ids:
            for seed in self.config.seeds_of(run):
                self._write_run(dataset, protocol, run, seed, cases, difficulty)
                self._write_lists(split, run, seed, cases, np.unique(train["item"]))

    def _write_run(
        self, dataset: str, protocol: str, run: str, seed: int, cases: pd.DataFrame, difficulty: np.ndarray
    ) -> None:
        folder, entry = run_folder(self.results, dataset, protocol, run, seed), self.config.run(run)
        stream = np.random.default_rng([*map(ord, dataset + protocol + run), seed])
        n_candidates = self.n_items - 20
        trained = not isinstance(entry, BaselineRun)
        if run == "random":
            greater = stream.integers(0, n_candidates, len(cases))
        else:
            # Seeds matter for trained runs only; what is left is noise of single users.
            skill = self.skills.get(run, 1.8) + (stream.normal(0, 0.06) if trained else 0)
            greater = np.exp(difficulty - skill + stream.normal(0, 0.7, len(cases))).astype(int)
        if run == "oracle":
            greater = np.zeros(len(cases), dtype=int)
        greater = np.where(cases["warm"], greater.clip(0, n_candidates - 2), n_candidates)
        equal = np.where(cases["warm"] & (run == "popularity"), 1, 0)
        ranks = cases.assign(greater=greater, equal=equal, n_candidates=n_candidates)
        ranks = ranks.assign(greater_unfiltered=greater, equal_unfiltered=equal)
        write_table(ranks.sample(frac=1, random_state=seed), folder / "ranks.parquet", RANKS)
        self._write_costs(folder, run, seed, trained, stream)
        split = split_folder(self.results, dataset, protocol)
        about = {"id": run, "baseline": entry.baseline, "options": entry.options} if not trained else {"id": run}
        settings = self.config.settings(run, dataset).model_dump(mode="json") if trained else None
        manifest = _manifest(dataset, protocol, about, settings, seed, data_hashes(split))
        write_json(folder / "manifest.json", manifest)

    def _write_lists(self, split: Path, run: str, seed: int, cases: pd.DataFrame, warm: np.ndarray) -> None:
        """Write twelve items for each case, popularity the same ones for everybody, and counts among sampled ones."""
        folder = run_folder(self.results, split.parent.name, split.name, run, seed)
        stream, shape = np.random.default_rng([11, *map(ord, run), seed]), (len(cases), len(warm))
        appeal = np.broadcast_to(np.arange(len(warm)), shape) + stream.random(shape) * (run != "popularity") * 60
        lists = cases.loc[cases.index.repeat(12), ["user", "step"]]
        places = np.tile(np.arange(1, 13), len(cases))
        items = warm[np.argsort(appeal, axis=1)[:, :12]].ravel()
        lists = lists.assign(position=places, item=items, score=1 / places).astype({"score": "float32"})
        write_table(lists, folder / "recommendations.parquet", RECOMMENDATIONS)
        kinds = self.config.evaluation.sampled
        if not kinds:
            return
        ranks = pd.read_parquet(folder / "ranks.parquet").sort_values(["user", "step"])
        above = stream.binomial(90, (ranks["greater"] / ranks["n_candidates"]).clip(upper=1))
        counts = [ranks[["user", "step", "equal"]].assign(kind=kind, greater=above) for kind in kinds]
        write_table(pd.concat(counts), folder / "sampled.parquet", SAMPLED)
        inference = read_json(folder / "inference.json")
        hashes = {kind: content_hash(candidates_file(split, kind)) for kind in kinds}
        write_json(folder / "inference.json", inference | {"candidates": hashes})

    def _write_costs(self, folder: Path, run: str, seed: int, trained: bool, stream: np.random.Generator) -> None:
        epochs = int(stream.integers(18, 30)) if trained else 0
        epoch_s = (0.6 + 0.4 * len(run) / 20) * stream.uniform(0.97, 1.03) if trained else 0.0
        best = epochs - 6 if trained else 0
        timing = Timing(
            train_s=epochs * epoch_s if trained else 0.05,
            peak_memory_mib=512.0,
            threads=2,
            epochs=epochs,
            best_epoch=best,
            parameters=81_920 if trained else 0,
            setup_s=0.8,
            epoch_s=epoch_s,
            train_to_best_s=best * epoch_s if trained else 0.05,
            validation_s=0.1 * epochs,
            train_cpu_s=1.8 * epochs * epoch_s if trained else 0.09,
            epoch_cpu_s=1.8 * epoch_s,
            train_to_best_cpu_s=1.8 * best * epoch_s if trained else 0.09,
            validation_cpu_s=0.15 * epochs,
            load=2.1,
        )
        write_timing(folder, timing)
        n_cases = len(pd.read_parquet(folder / "ranks.parquet", columns=["user"]))
        machine = {"device": "cpu", "threads": 2, "load": 2.1, "peak_memory_mib": 400.0}
        write_inference(folder, Inference(**machine, test_s=0.2, test_cpu_s=0.3, n_cases=n_cases))
        if trained:
            epoch = np.arange(1, epochs + 1)
            curve = self.skills.get(run, 1.8) / 12 * (1 - np.exp(-epoch / 6)) + stream.normal(0, 0.001, epochs)
            history = pd.DataFrame({"epoch": epoch, "optimizer_step": 16 * epoch, "loss": 6 * np.exp(-epoch / 30) + 1})
            history = history.assign(validation_ndcg10=curve, validation_hr10=1.7 * curve)
            history = history.assign(train_s=epoch * epoch_s, validation_s=0.1 * epoch)
            history = history.assign(train_cpu_s=1.8 * epoch * epoch_s, train_j=None, load=2.1)
            write_table(history, folder / "history.parquet", HISTORY)


def _events(users: np.ndarray, items: np.ndarray, first: np.ndarray | int = 0) -> pd.DataFrame:
    """Return events of users, their items counted from 1, a minute apart from position `first` on."""
    frame = pd.DataFrame({"user": users, "item": items + 1}).astype("int32")
    position = (frame.groupby("user").cumcount() + first).astype("int32")
    return frame.assign(position=position, timestamp=pd.array(1_700_000_000 + 60 * position, dtype="Int64"))


def _manifest(
    dataset: str,
    protocol: str,
    run: dict[str, Any],
    settings: dict[str, Any] | None,
    seed: int,
    hashes: dict[str, str],
) -> dict[str, Any]:
    return {
        "run": run,
        "settings": settings,
        "dataset": dataset,
        "protocol": protocol,
        "seed": seed,
        "package_version": "0.1.0",
        "git_commit": "0123456789abcdef0123456789abcdef01234567",
        "git_dirty": False,
        "created": "2026-01-02T03:04:05+00:00",
        "host": "node-1",
        "platform": "Linux",
        "cpu": "Example CPU 3000",
        "cpu_cores": 8,
        "gpu": None,
        "driver": None,
        "cuda": None,
        "python": "3.11.7",
        "packages": {"numpy": "2.4.6", "torch": "2.13.0", "snakemake": None},
        "slurm_job": None,
        "threads": 2,
        "data": hashes,
    }
