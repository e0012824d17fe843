"""The comparison that the tests compute on the cluster, and a folder to compute it in."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT
from tests.slurm.cluster import Cluster

RUNS = Path("results/runs/synthetic/loo")
CONFIG = {
    "report": "grid",
    "title": "Grid",
    "datasets": [
        {"id": "synthetic", "title": "Small", "reader": {"kind": "synthetic", "n_users": 200, "n_items": 160}}
    ],
    "seeds": [0, 1],
    "encoder": {"d_model": 32, "n_layers": 2, "n_heads": 2, "dropout": 0.1, "max_length": 50},
    # `auto` asks for a GPU and takes the CPU, as there are only fake ones, which the cluster hides. It stops after so
    # many epochs and no sooner, which takes seconds, so that a training can be stopped in the midst.
    "training": {"batch_size": 4, "max_epochs": 40, "patience": 40, "device": "auto"},
    "grid": {
        "model": [{"kind": "sasrec"}],
        "attention": [{"kind": "softmax"}, {"kind": "hydra"}],
        "masking": [{"kind": "causal"}],
    },
    "runs": [
        {"id": "oracle", "baseline": "oracle", "deterministic": True, "control": "oracle"},
        {"id": "random", "baseline": "random", "control": "random"},
        {"id": "popularity", "baseline": "popularity", "deterministic": True},
    ],
    "evaluation": {"reference": "sasrec+softmax+causal", "cutoffs": [1, 10]},
}
TRAINED = [f"sasrec+{attention}+causal/seed-{seed}" for attention in ("softmax", "hydra") for seed in (0, 1)]


@dataclasses.dataclass
class Folder:
    """Where one workflow runs, and how it is started there."""

    path: Path
    environment: dict[str, str]

    def __post_init__(self) -> None:
        (self.path / "config.yaml").write_text(yaml.safe_dump(CONFIG))

    def start(self, *arguments: object, profile: object = "slurm") -> subprocess.Popen[str]:
        """Start Snakemake as a user does, in the root of the checkout; what it says goes to `snakemake.log`."""
        words = [sys.executable, "-m", "snakemake", *arguments, "--profile", profile, "--directory", self.path]
        words += ["--configfile", self.path / "config.yaml"]
        with (self.path / "snakemake.log").open("w") as log:
            return subprocess.Popen(
                list(map(str, words)),
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                # What a shell starts in the background ignores Ctrl-C, and so does what that starts.
                preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
            )

    def run(self, *arguments: object, profile: object = "slurm", seconds: float = 900) -> int:
        """Run Snakemake to its end and return its exit code."""
        return ended(self.start(*arguments, profile=profile), seconds)

    def said(self) -> str:
        """Return what the last Snakemake said."""
        return (self.path / "snakemake.log").read_text()

    def hydrarec(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run the command line in this folder."""
        words = [sys.executable, "-m", "hydrarec", *map(str, arguments)]
        return subprocess.run(
            words, cwd=self.path, env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )

    def bytes_of(self, name: str) -> dict[str, bytes]:
        """Return the content of a file of every run, by its path."""
        found = sorted((self.path / RUNS).glob(f"*/seed-*/{name}"))
        return {str(path.relative_to(self.path)): path.read_bytes() for path in found}

    def has_state(self, run: str) -> bool:
        """Return whether a training has finished an epoch and is not done."""
        return (self.path / RUNS / run / "state" / "latest.safetensors").exists()


def shipped_profile() -> dict[str, Any]:
    """Return the keys of the profile that users get."""
    return yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())


def write_profile(folder: Path, values: dict[str, Any]) -> Path:
    """Write a profile that looks more often after its jobs, and return its folder."""
    (folder / "config.yaml").write_text(yaml.safe_dump(values | {"slurm-init-seconds-before-status-checks": 2}))
    return folder


def ended(process: subprocess.Popen[str], seconds: float = 600) -> int:
    """Wait for a Snakemake and return its exit code; end it if it takes too long, for it may wait for ever."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        raise


def until(what: Callable[[], object], seconds: float = 300) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"not so after {seconds:.0f} s"
        time.sleep(0.2)


def hold_after_an_epoch(cluster: Cluster, folder: Folder, runs: list[str]) -> None:
    """Stop trainings once each has been saved, so that they are there for what is done to them next."""
    held: dict[str, int] = {}

    def all_are_held() -> bool:
        running = [job for job in cluster.jobs(folder.path, "train_") if job.state == "RUNNING"]
        for run in runs:
            job = next((job for job in running if job.comment.endswith(f"_{run.replace('/seed-', '_')}")), None)
            if job and run not in held and folder.has_state(run) and cluster.signal(job, signal.SIGSTOP):
                held[run] = job.id
        return len(held) == len(runs)

    until(all_are_held)


def snakemake_environment(environment: dict[str, str]) -> dict[str, str]:
    """Return the environment in which jobs find this interpreter's programs and this checkout's package."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    return {**environment, "PATH": path, "PYTHONPATH": str(ROOT)}
