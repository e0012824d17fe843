"""The Snakemake that controls the jobs is interrupted, killed and terminated; nothing finished is computed twice."""

import json
import signal
from collections import Counter

import pytest

from tests.slurm.grid import RUNS, TRAINED, ended, hold_after_an_epoch, until

pytestmark = pytest.mark.slurm


def test_a_grid_survives_its_controller(cluster, prepared, local):
    def trainings(*states):
        return [job for job in cluster.jobs(prepared.path, "train_") if not states or job.state in states]

    # Ctrl-C: the jobs are cancelled and keep where they stood.
    controller = prepared.start("train_all")
    hold_after_an_epoch(cluster, prepared, TRAINED)
    controller.send_signal(signal.SIGINT)
    assert ended(controller) != 0
    until(lambda: not trainings("RUNNING", "COMPLETING", "PENDING"))
    assert len(trainings("CANCELLED")) == len(TRAINED)
    assert all(prepared.has_state(run) for run in TRAINED)

    # kill -9: the jobs live on, and no second Snakemake is started beside them.
    controller = prepared.start("train_all")
    hold_after_an_epoch(cluster, prepared, TRAINED)
    controller.kill()
    controller.wait()
    assert prepared.run("train_all") != 0
    assert "LockException" in prepared.said()
    assert prepared.run("--unlock") == 0
    assert prepared.run("train_all") != 0
    orphans = trainings("RUNNING")
    assert len(orphans) == len(TRAINED)
    refused, listed = prepared.said(), prepared.hydrarec("cluster", "orphans").stdout
    for job in orphans:
        assert f"{job.id}  RUNNING" in refused
        assert job.comment in refused
        assert f"{job.id}  RUNNING" in listed
    # One is cancelled; what the others finish counts.
    cluster.run("scancel", orphans[0].id)
    for job in orphans[1:]:
        cluster.signal(job, signal.SIGCONT)
    assert "No Slurm job" in prepared.hydrarec("cluster", "orphans", "--wait").stdout
    assert len(trainings("COMPLETED")) == len(TRAINED) - 1

    # kill: it waits for what runs.
    controller = prepared.start("train_all")
    until(lambda: trainings("RUNNING"))
    controller.send_signal(signal.SIGTERM)
    assert ended(controller) != 0
    assert not trainings("RUNNING", "PENDING")
    assert len(trainings("COMPLETED")) == len(TRAINED)

    assert prepared.run("train_all") == 0, prepared.said()[-5000:]
    times_finished = Counter(job.comment for job in trainings("COMPLETED"))
    assert len(times_finished) == len(TRAINED)
    assert set(times_finished.values()) == {1}
    for run in TRAINED:
        assert json.loads((prepared.path / RUNS / run / "manifest.json").read_text())["resumed"] >= 1
    assert prepared.bytes_of("ranks.parquet") == local().bytes_of("ranks.parquet")
