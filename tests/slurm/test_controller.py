"""The Snakemake that controls the jobs is interrupted, killed and terminated; nothing finished is computed twice."""

import json
import signal
from collections import Counter

import pytest

from tests.slurm.grid import RUNS, TRAINED, ended, hold_after_an_epoch, shipped_profile, until, write_profile

pytestmark = pytest.mark.slurm


def test_a_grid_survives_its_controller(cluster, prepared, local, tmp_path):
    place = prepared("controller")
    profile = write_profile(tmp_path, shipped_profile())

    def trainings(*states):
        return [job for job in cluster.jobs(place.path, "train_") if not states or job.state in states]

    # Ctrl-C: the jobs are cancelled and keep where they stood.
    controller = place.start("train_all", profile=profile)
    hold_after_an_epoch(cluster, place, TRAINED)
    controller.send_signal(signal.SIGINT)
    assert ended(controller) != 0
    until(lambda: not trainings("RUNNING", "COMPLETING", "PENDING"))
    assert len(trainings("CANCELLED")) == len(TRAINED)
    assert all(place.has_state(run) for run in TRAINED)
    stages = place.hydrarec("status", "--config", "config.yaml").stdout
    assert f"{len(TRAINED)} interrupted" in stages
    assert stages.count("epochs saved:") == len(TRAINED)

    # kill -9: the jobs live on, and no second Snakemake is started beside them.
    controller = place.start("train_all", profile=profile)
    hold_after_an_epoch(cluster, place, TRAINED)
    controller.kill()
    controller.wait()
    assert place.run("train_all", profile=profile) != 0
    assert "LockException" in place.said()
    assert place.run("--unlock") == 0
    assert place.run("train_all", profile=profile) != 0
    orphans = trainings("RUNNING")
    assert len(orphans) == len(TRAINED)
    refused, listed = place.said(), place.hydrarec("cluster", "orphans").stdout
    for job in orphans:
        assert f"{job.id}  RUNNING" in refused
        assert job.comment in refused
        assert f"{job.id}  RUNNING" in listed
    # One is cancelled; what the others finish counts.
    cluster.run("scancel", orphans[0].id)
    for job in orphans[1:]:
        cluster.signal(job, signal.SIGCONT)
    assert "No Slurm job" in place.hydrarec("cluster", "orphans", "--wait").stdout
    assert len(trainings("COMPLETED")) == len(TRAINED) - 1

    # kill: it waits for what runs.
    controller = place.start("train_all", profile=profile)
    until(lambda: trainings("RUNNING"))
    controller.send_signal(signal.SIGTERM)
    assert ended(controller) != 0
    assert not trainings("RUNNING", "PENDING")
    assert len(trainings("COMPLETED")) == len(TRAINED)

    assert place.run("train_all", profile=profile) == 0, place.said()[-5000:]
    times_finished = Counter(job.comment for job in trainings("COMPLETED"))
    assert len(times_finished) == len(TRAINED)
    assert set(times_finished.values()) == {1}
    for run in TRAINED:
        assert json.loads((place.path / RUNS / run / "manifest.json").read_text())["resumed"] >= 1
    assert place.bytes_of("ranks.parquet") == local().bytes_of("ranks.parquet")
