"""What the training benchmark times: the sizes it says, the same work for all, peers where they are."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hydrarec.bench import peers, training
from hydrarec.bench.base import Conditions

CPU = torch.device("cpu")

ECHO = """
import argparse, json, time
parser = argparse.ArgumentParser()
for name in ("data", "settings", "steps", "threads"):
    parser.add_argument("--" + name)
asked = parser.parse_args()
import sys
if json.loads(asked.settings)["model"] == "broken":
    sys.exit("no such model")
print("ready", asked.steps, flush=True)
for _ in sys.stdin:
    sum(range(2_000_000))
    print(time.process_time(), flush=True)
"""


@pytest.fixture
def conditions(tmp_path):
    return Conditions(CPU, threads=1, quick=True, data=tmp_path / "data", scratch=tmp_path)


@pytest.fixture
def library(conditions, monkeypatch):
    """One that only counts, in this interpreter."""
    python = conditions.data.parent / "environments" / "echo" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    (conditions.scratch / "bench_echo.py").write_text(ECHO)
    monkeypatch.setattr(peers, "SCRIPTS", conditions.scratch)
    monkeypatch.setattr(peers, "PEERS", {"Echo": ("echo", ("sasrec", "broken"), {}), "Absent": ("no", ("sasrec",), {})})


@pytest.mark.parametrize("data", [training.ML_1M, training.ML_100K, training.BEAUTY], ids=lambda data: data.name)
def test_generated_data_have_the_statistics(data):
    log = training.generate(data)
    lengths = log.lengths.double()
    assert len(log.users) == data.n_users
    assert data.shortest <= lengths.min() <= data.shortest + 2
    assert lengths.median() == pytest.approx(data.median, rel=0.1)
    # Half of the tail's weight lies with a few users, so the mean of a draw is not sharp.
    assert lengths.mean() == pytest.approx(data.mean, rel=0.15)
    assert len(log.items.unique()) == data.n_items
    assert (log.items.min(), log.items.max()) == (1, data.n_items)
    assert torch.equal(log.items, training.generate(data).items)


def test_every_case_has_its_alternative_and_runs(conditions):
    names = []
    for case in training.cases(conditions):
        names.append(case.name)
        assert [subject.name for subject in case.subjects] == ["hydrarec", "plain"]
        assert case.against == "plain"
        assert case.needs["hydrarec"].flops > 0
        for subject in case.subjects:
            assert subject.units == training.SMALL.n_users
            subject.work()
    assert len(set(names)) == 2
    assert all("generated" in name for name in names)


def test_a_library_is_timed_by_its_own_clock_and_ended(conditions, library):
    sequences, told = training.generate(training.SMALL), {"model": "sasrec", "batch_size": 4}
    with peers.peers(conditions, sequences, 50, told, steps=3) as found:
        (subject,) = found
        assert (subject.name, subject.units) == ("Echo", 12)
        subject.work()
        before = subject.clock()
        subject.work()
        assert 0 < subject.clock() - before < 10
        process = subject.work.__self__.process
    assert process.returncode == 0


def test_a_library_that_ends_says_why(conditions, library):
    told = {"model": "broken", "batch_size": 4}
    with (
        pytest.raises(ValueError, match="no such model"),
        peers.peers(conditions, training.generate(training.SMALL), 50, told, steps=3),
    ):
        pass


def test_libraries_get_the_whole_training_data(conditions, library):
    sequences = training.generate(training.SMALL)
    told = {"model": "sasrec", "batch_size": 4}
    with (
        peers.peers(conditions, sequences, 50, told, steps=1),
        np.load(conditions.scratch / "sequences.npz") as file,
    ):
        assert np.array_equal(file["items"], sequences.items)
        assert file["n_items"] == 50


def test_scripts_of_all_libraries_are_there():
    for environment, _, _ in peers.PEERS.values():
        assert (Path(peers.SCRIPTS) / f"bench_{environment}.py").exists()
        assert (Path(peers.SCRIPTS).parents[1] / "envs" / f"{environment}.txt").exists()
