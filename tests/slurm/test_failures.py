"""Jobs fail in every way a cluster knows; one call of Snakemake computes the grid all the same."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.slurm.grid import RUNS, TRAINED, ended, hold_after_an_epoch, shipped_profile, write_profile

pytestmark = pytest.mark.slurm

HUNGRY, SLOW = "sasrec+hydra+causal/seed-1", "sasrec+softmax+causal/seed-1"


@pytest.fixture
def profile(tmp_path) -> Path:
    """The shipped profile, with too little memory for one training and too little time for another at first."""
    values = shipped_profile()
    train = values["set-resources"]["train"]
    for run, resource, little in ((HUNGRY, "mem_mb", 200), (SLOW, "runtime", 1)):
        name, _, seed = run.partition("/seed-")
        here = f"(wildcards.run, wildcards.seed, attempt) == ('{name}', '{seed}', 1)"
        train[resource] = f"{little} if {here} else {train[resource]}"
    return write_profile(tmp_path, values)


def test_a_grid_survives_its_jobs(cluster, prepared, profile, local):
    place = prepared("failures")

    def jobs_of(run):
        wildcards = f"_{run.replace('/seed-', '_')}"
        return [job for job in cluster.jobs(place.path, "train_") if job.comment.endswith(wildcards)]

    snakemake = place.start("train_all", profile=profile)
    others = [run for run in TRAINED if run not in (HUNGRY, SLOW)]
    # The slow one hangs after its first epoch, and the time limit is what ends it.
    hold_after_an_epoch(cluster, place, [SLOW, *others])
    # At most one other is on the node of the slow one, so one of them can lose its node and the other is cancelled.
    node = {run: jobs_of(run)[-1].node for run in (SLOW, *others)}
    lost = next(run for run in others if node[run] != node[SLOW])
    cancelled = next(run for run in others if run != lost)
    cluster.run("scancel", jobs_of(cancelled)[-1].id)
    cluster.crash(node[lost])
    assert ended(snakemake) == 0, place.said()[-5000:]
    cluster.up()

    ends = {run: [job.state for job in jobs_of(run)] for run in TRAINED}
    assert ends[HUNGRY][0] == "FAILED"
    assert ends[SLOW][0] == "TIMEOUT"
    assert ends[cancelled][0] == "CANCELLED"
    assert ends[lost][0] == "NODE_FAIL"
    assert all(Counter(states)["COMPLETED"] == 1 and states[-1] == "COMPLETED" for states in ends.values())
    for run in (SLOW, cancelled, lost):
        assert json.loads((place.path / RUNS / run / "manifest.json").read_text())["resumed"] >= 1, run
    assert place.bytes_of("ranks.parquet") == local().bytes_of("ranks.parquet")
