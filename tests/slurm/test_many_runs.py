"""Several trainings in one job: one after the other, or seeds side by side on one GPU; the results stay the same."""

import json

import pytest

from tests.slurm.grid import RUNS, TRAINED, ended, shipped_profile, write_profile

pytestmark = pytest.mark.slurm

AFTER_EACH_OTHER = "runs-of-{dataset}"
SIDE_BY_SIDE = "seeds-of-{run}-on-{dataset}-{protocol}"
MODELS = [RUNS / run / "model.safetensors" for run in TRAINED]


def grouped(path, group, **train):
    """Write the shipped profile with trainings grouped by twos."""
    values = shipped_profile()
    values |= {"groups": [f"train={group}"], "group-components": [f"{group}=2"]}
    values["set-resources"]["train"] |= train
    path.mkdir()
    return write_profile(path, values)


def test_runs_share_jobs_and_seeds_share_a_gpu(cluster, prepared, local, tmp_path):
    profiles = {
        "after-each-other": grouped(tmp_path / "one", AFTER_EACH_OTHER),
        "side-by-side": grouped(tmp_path / "two", SIDE_BY_SIDE, gpu=0, gres="'gpu:1'", runs_per_gpu=2),
    }
    places = {name: prepared(name) for name in profiles}
    started = {name: places[name].start(*MODELS, profile=profile) for name, profile in profiles.items()}
    for name, place in places.items():
        assert ended(started[name]) == 0, place.said()[-3000:]
        jobs = cluster.jobs(place.path)
        assert len(jobs) == len(TRAINED) // 2
        assert all(job.state == "COMPLETED" and job.partition == "gpu" and len(job.gpus) == 1 for job in jobs)
        left = {run: {name: file(place, run, name) for name in ("timing", "manifest")} for run in TRAINED}
        assert {int(files["manifest"]["slurm_job"]) for files in left.values()} == {job.id for job in jobs}
        assert {files["timing"]["runs_per_gpu"] for files in left.values()} == {2 if name == "side-by-side" else 1}
        assert place.bytes_of("model.safetensors") == local().bytes_of("model.safetensors")


def file(place, run, name):
    return json.loads((place.path / RUNS / run / f"{name}.json").read_text())
