"""Libraries of others, timed in the same rounds: each is a process of its own environment that waits for its turn."""

import json
import logging
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from hydrarec.bench.base import Conditions
from hydrarec.efficiency.rounds import Subject
from hydrarec.sequences.log import Log

log = logging.getLogger(__name__)

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
PEERS: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {
    "RecTools": ("rectools", ("sasrec", "bert4rec"), {}),
    "RePlay": ("replay", ("sasrec",), {"buckets": False}),
    "RePlay, length buckets": ("replay", ("sasrec",), {"buckets": True}),
}
"""By name: environment, models, settings of its own; the script is `workflow/scripts/bench_<environment>.py`."""


class Worker:
    """A library in its own process.

    Parameters
    ----------
    python
        Interpreter of its environment.
    script
        What to run; see `workflow/scripts/bench_worker.py` for what is said.
    data
        File with the sequences.
    settings
        What to train.
    steps
        Training steps of a repetition.
    threads
        CPU threads.

    Raises
    ------
    ValueError
        If the process ends before it is ready.
    """

    def __init__(
        self, python: Path, script: Path, data: Path, settings: dict[str, Any], *, steps: int, threads: int
    ) -> None:
        arguments = ["--data", data, "--settings", json.dumps(settings), "--steps", steps, "--threads", threads]
        self.errors = data.with_suffix(f".{script.stem}.log")
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [str(part) for part in (python, script, *arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.cpu_s = 0.0
        self.steps = int(self._answer().removeprefix("ready "))

    def train(self) -> None:
        """Do the steps."""
        assert self.process.stdin
        print("go", file=self.process.stdin, flush=True)
        self.cpu_s = float(self._answer())

    def close(self) -> None:
        """End the process."""
        self.process.communicate()

    def _answer(self) -> str:
        assert self.process.stdout
        answer = self.process.stdout.readline().strip()
        if not answer:
            raise ValueError(f"{self.process.args}: ended without an answer: {self.errors.read_text()[-2000:]}")
        return answer


@contextmanager
def peers(
    conditions: Conditions, sequences: Log, n_items: int, settings: dict[str, Any], *, steps: int
) -> Iterator[list[Subject]]:
    """Start the libraries whose environment is there, and end them again; on a GPU none.

    Parameters
    ----------
    conditions
        Where to look for environments, and threads.
    sequences
        Whole training data, because a library finds its items in it.
    n_items
        Items of the data.
    settings
        As `serve` in `workflow/scripts/bench_worker.py` describes them.
    steps
        Training steps of a repetition.
    """
    if conditions.device.type != "cpu":
        log.info("libraries are left out: here they train on a CPU only")
        yield []
        return
    data = conditions.scratch / "sequences.npz"
    np.savez(data, items=sequences.items.numpy(), offsets=sequences.offsets.numpy(), n_items=n_items)
    with ExitStack() as stack:
        found = []
        for name, (environment, models, own) in PEERS.items():
            python = conditions.data.parent / "environments" / environment / "bin" / "python"
            script = SCRIPTS / f"bench_{environment}.py"
            if settings["model"] not in models:
                continue
            if not (python.exists() and script.exists()):
                log.info("%s is left out: there is no %s; the rule `environment` makes it", name, python.parents[1])
                continue
            worker = Worker(python, script, data, settings | own, steps=steps, threads=conditions.threads)
            stack.callback(worker.close)
            units = worker.steps * min(settings["batch_size"], len(sequences.users))
            found.append(Subject(name, worker.train, units=units, clock=lambda worker=worker: worker.cpu_s))
        yield found
