"""`snakemake --profile slurm`, nothing else: who runs where, and that it gives what one machine gives."""

import itertools
import json

import pytest

from tests.slurm.grid import RUNS, TRAINED

pytestmark = pytest.mark.slurm


@pytest.fixture(scope="module")
def finished(cluster, folder, local):
    """Compute the whole comparison on the cluster; return its folder and its jobs."""
    place = folder("slurm")
    assert place.run() == 0, place.said()[-5000:]
    return place, cluster.jobs(place.path)


def test_every_training_is_its_own_job_with_one_gpu(finished):
    place, jobs = finished
    trainings = [job for job in jobs if job.comment.startswith("rule_train_")]
    assert len(trainings) == len(TRAINED)
    assert all(job.state == "COMPLETED" for job in jobs)
    assert all(job.asked == "gres:gpu:1" and len(job.gpus) == 1 for job in trainings)
    recorded = {
        json.loads((place.path / RUNS / run / "manifest.json").read_text())["slurm_job"]: run for run in TRAINED
    }
    assert recorded.keys() == {str(job.id) for job in trainings}


def test_steps_without_a_gpu_keep_off_the_gpu_partition(finished):
    _, jobs = finished
    with_gpu = ("rule_train_", "rule_rank_")
    assert {job.partition for job in jobs if job.comment.startswith(with_gpu)} == {"gpu"}
    others = [job for job in jobs if not job.comment.startswith(with_gpu)]
    assert {job.partition for job in others} == {"cpu"}
    assert not any(job.gpus or "gpu" in job.asked for job in others)


def test_trainings_run_side_by_side_on_several_nodes_and_never_share_a_gpu(finished):
    _, jobs = finished
    trainings = [job for job in jobs if job.comment.startswith("rule_train_")]
    assert len({job.node for job in trainings}) > 1
    assert max(job.start for job in trainings) < min(job.end for job in trainings)
    for one, other in itertools.combinations([job for job in jobs if job.gpus], 2):
        if one.node == other.node and one.start < other.end and other.start < one.end:
            assert not one.gpus & other.gpus, (one, other)


def test_the_results_are_those_of_one_machine_to_the_byte(finished, local):
    place, _ = finished
    for name in ("ranks.parquet", "recommendations.parquet", "model.safetensors"):
        assert place.bytes_of(name) == local().bytes_of(name) != {}
    for name in ("metrics.parquet", "leaderboard.parquet", "comparison.parquet"):
        path = f"results/comparison/grid/{name}"
        assert (place.path / path).read_bytes() == (local().path / path).read_bytes()
    assert (place.path / "reports/grid/index.html").is_file()
