"""The profile for Kubernetes, on a kubectl that runs containers' commands here: what jobs ask for and how they end."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

PROFILE = ROOT / "profiles/kubernetes"
CONFIG = {
    "report": "pods",
    "datasets": [{"id": "synthetic", "title": "Small", "reader": {"kind": "synthetic", "n_users": 100, "n_items": 50}}],
    "seeds": [0],
    "encoder": {"d_model": 8, "n_layers": 1, "n_heads": 1, "max_length": 10},
    # `auto` asks for a GPU, and takes the CPU as there is none.
    "training": {"batch_size": 32, "max_epochs": 1, "patience": 1, "device": "auto"},
    "runs": [
        {
            "id": "sasrec+hydra",
            "model": {"kind": "sasrec"},
            "attention": {"kind": "hydra"},
            "masking": {"kind": "causal"},
        },
        {"id": "popularity", "baseline": "popularity", "deterministic": True},
    ],
    "evaluation": {"reference": "sasrec+hydra", "cutoffs": [1, 10]},
}
RUNS = "results/runs/synthetic/loo"
RANKS = [f"{RUNS}/{run}/seed-0/ranks.parquet" for run in ("sasrec+hydra", "popularity")]


class Pods:
    """A folder to work in, a cluster of its own, and the profile with this cluster's settings."""

    def __init__(self, folder):
        self.folder, self.cluster, self.profile = folder / "work", folder / "cluster", folder / "profile"
        self.started = []
        self.folder.mkdir()
        self.cluster.mkdir()
        programs = folder / "bin"
        programs.mkdir()
        kubectl = programs / "kubectl"
        kubectl.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT / "tests/workflow/kubectl.py"}" "$@"\n')
        kubectl.chmod(0o755)
        shutil.copytree(PROFILE, self.profile, ignore=shutil.ignore_patterns("__pycache__"))
        self.settings(namespace="bench", claim="checkout", mount=str(folder), image="registry.example/hydrarec:1")
        path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
        self.environment = {
            **os.environ,
            "PATH": path,
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "FAKE_CLUSTER": str(self.cluster),
        }

    def settings(self, **settings):
        """Write the cluster's settings, as its user does."""
        lines = [f"{key} = {json.dumps(value)}\n" for key, value in settings.items()]
        (self.profile / "settings.toml").write_text("".join(lines))

    def start(self, *arguments, cwd=ROOT):
        """Start a program as a user does."""
        process = subprocess.Popen(
            list(map(str, arguments)),
            cwd=cwd,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # What a shell starts in the background ignores Ctrl-C, and so does what that starts.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )
        self.started.append(process)
        return process

    def snakemake(self, *arguments):
        """Start Snakemake with the profile, in this folder."""
        configuration = self.folder / "config.yaml"
        configuration.write_text(yaml.safe_dump(CONFIG))
        # The look at jobs and at files is quicker than on a cluster.
        quick = ["--seconds-between-status-checks", 1, "--latency-wait", 5]
        words = ["--profile", self.profile, "--directory", self.folder, "--configfile", configuration, *quick]
        return self.start(sys.executable, "-m", "snakemake", *words, *arguments)

    def kill(self):
        """End what a failed test has left."""
        for process in self.started:
            process.kill()
            process.wait()

    def submitted(self, properties, command):
        """Submit a job script with these properties and return the id of its Job."""
        script = self.folder / "job.sh"
        script.write_text(f"#!/bin/sh\n# properties = {json.dumps(properties)}\n{command}\n")
        code, text = said(self.start(self.profile / "submit.py", script, cwd=self.folder))
        assert code == 0, text
        return text.strip()

    def status(self, identity):
        """Return what the profile says about a Job."""
        code, text = said(self.start(self.profile / "status.py", identity))
        assert code == 0, text
        return text

    def jobs(self):
        """Return the manifests of all Jobs."""
        return [json.loads(path.read_text()) for path in self.cluster.glob("*.json")]


def said(process, seconds=240):
    """Return a program's exit code and what it said."""
    text, _ = process.communicate(timeout=seconds)
    return process.returncode, text


def until(what, seconds=60):
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"not so after {seconds} s"
        time.sleep(0.05)


def properties(rule="split", **resources):
    return {"rule": rule, "wildcards": {"run": "a+b"}, "threads": 2, "resources": resources}


@pytest.fixture
def pods(tmp_path):
    pods = Pods(tmp_path)
    yield pods
    pods.kill()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    if importlib.util.find_spec("snakemake_executor_plugin_cluster_generic") is None:
        pytest.skip("snakemake_executor_plugin_cluster_generic is not installed")
    pods = Pods(tmp_path_factory.mktemp("pods"))
    try:
        yield pods, *said(pods.snakemake(*RANKS))
    finally:
        pods.kill()


def test_the_pipeline_runs_through_the_profile(finished):
    pods, code, text = finished
    assert code == 0, text[-4000:]
    assert all((pods.folder / path).is_file() for path in RANKS)


def test_gpus_are_asked_for_by_training_and_ranking_alone(finished):
    asked = {}
    for job in finished[0].jobs():
        (container,) = job["spec"]["template"]["spec"]["containers"]
        rule = json.loads(job["metadata"]["annotations"]["hydrarec/job"])["rule"]
        asked[rule] = container["resources"]["limits"].get("nvidia.com/gpu")
    assert asked == {"prepare": None, "split": None, "popularity": None, "train": "1", "rank": "1"}


def test_a_training_asks_for_what_the_profile_says(finished):
    (job,) = [job for job in finished[0].jobs() if job["metadata"]["labels"]["hydrarec/rule"] == "train"]
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["resources"]["requests"] == {"cpu": "1", "memory": "16000M"}
    assert container["resources"]["limits"] == {"memory": "16000M", "nvidia.com/gpu": "1"}
    assert pod["activeDeadlineSeconds"] == 240 * 60
    assert job["spec"]["backoffLimit"] == 0
    assert job["metadata"]["labels"]["hydrarec/run"] == "sasrec-hydra"
    about = json.loads(job["metadata"]["annotations"]["hydrarec/job"])
    assert about["wildcards"] == {"dataset": "synthetic", "protocol": "loo", "run": "sasrec+hydra", "seed": "0"}


def test_every_pod_is_told_which_configuration_was_planned(finished):
    variables = [
        {one["name"]: one["value"] for one in container["env"]}
        for job in finished[0].jobs()
        for container in job["spec"]["template"]["spec"]["containers"]
    ]
    assert len({of_pod["HYDRAREC_CONFIGURATION"] for of_pod in variables}) == 1
    assert {name for of_pod in variables for name in of_pod if not name.startswith("HYDRAREC_")} == {"HOME", "USER"}


def test_a_job_is_seen_running_failing_and_gone(pods):
    gate = pods.folder / "gate"
    identity = pods.submitted(properties(), f"until [ -e {gate} ]; do sleep 0.05; done; exit 3")
    assert identity.startswith("bench/hydrarec-split-")
    assert pods.status(identity) == "running\n"
    gate.touch()
    until(lambda: list(pods.cluster.glob("*.code")))
    assert pods.status(identity) == f"kubernetes: {identity}: BackoffLimitExceeded; Error, exit code 3\nfailed\n"
    assert said(pods.start(pods.profile / "cancel.py", identity))[0] == 0
    until(lambda: list(pods.cluster.glob("*.deleted")))
    assert pods.status(identity).endswith("somebody deleted it\nfailed\n")


def test_a_cluster_that_does_not_answer_loses_no_job(pods):
    identity = pods.submitted(properties(), "exit 0")
    until(lambda: list(pods.cluster.glob("*.code")))
    (pods.cluster / "away").touch()
    text = pods.status(identity)
    assert text.endswith("\nrunning\n")
    assert "was refused" in text
    (pods.cluster / "away").unlink()
    assert pods.status(identity) == "success\n"


def test_a_cancelled_job_is_told_so_and_has_time_to_save(pods):
    # What Snakemake starts is a grandchild of the container's first process, which alone gets the signal.
    saves = (
        "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(open('saved', 'w').close())); time.sleep(60)"
    )
    ready = "open('ready', 'w').close(); "
    identity = pods.submitted(properties(), f'python -c "{ready}{saves}" || exit 1')
    until((pods.folder / "ready").exists)
    time.sleep(0.1)
    code, _ = said(pods.start(pods.profile / "cancel.py", identity))
    assert code == 0
    until((pods.folder / "saved").exists)
    until(lambda: list(pods.cluster.glob("*.code")))


def test_ctrl_c_deletes_the_jobs(pods):
    pytest.importorskip("snakemake_executor_plugin_cluster_generic")
    # A workflow of one job that saves what it has when it is told to stop.
    (pods.folder / "Snakefile").write_text(
        "rule long:\n    output: 'done'\n    shell: \"trap 'touch saved; exit 1' TERM; touch ready; sleep 60 & wait\"\n"
    )
    # While Snakemake asks how jobs stand it does not cancel them, so it asks late.
    seldom = ["--seconds-between-status-checks", 8]
    process = pods.snakemake("done", "--snakefile", pods.folder / "Snakefile", *seldom)
    until((pods.folder / "ready").exists)
    # The job may run before its id is noted.
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    code, text = said(process)
    assert code != 0, text
    until((pods.folder / "saved").exists)
    # A Job that was deleted is gone as soon as anybody looks at it after its end.
    until(lambda: list(pods.cluster.glob("*.code")) or not pods.jobs())
    assert (pods.cluster / "deletions").exists(), text


def test_wildcards_are_no_shell_words(pods):
    hostile = "$(touch struck); `touch struck` '\"\n"
    identity = pods.submitted({**properties(), "wildcards": {"run": hostile}, "rule": "a;touch_struck"}, "exit 0")
    until(lambda: list(pods.cluster.glob("*.code")))
    assert pods.status(identity) == "success\n"
    assert not (pods.folder / "struck").exists()
    (job,) = pods.jobs()
    assert json.loads(job["metadata"]["annotations"]["hydrarec/job"])["wildcards"] == {"run": hostile}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ["namespace: must be given", "claim: must be given", "mount: must be given", "image: must be given"]),
        ({"mount": "/elsewhere"}, ["is not under /elsewhere"]),
        ({"claim": "Not A Name"}, ["claim: 'Not A Name' is not allowed"]),
        ({"claims": "x"}, ["claims: no such setting"]),
        ({"namespace": "nowhere"}, ['namespaces "nowhere" not found']),
    ],
)
def test_nothing_is_submitted_without_the_clusters_settings(pods, change, words):
    right = {"namespace": "bench", "claim": "checkout", "mount": str(pods.folder.parent), "image": "hydrarec"}
    pods.settings(**({**right, **change} if change else dict.fromkeys(right, "")))
    script = pods.folder / "job.sh"
    script.write_text(f"# properties = {json.dumps(properties())}\nexit 0\n")
    code, text = said(pods.start(pods.profile / "submit.py", script, cwd=pods.folder))
    assert code == 1
    assert text.startswith("kubernetes: nothing was submitted:\n")
    assert all(word in text for word in words), text
    assert "Traceback" not in text
    assert not list(pods.cluster.iterdir())


def test_the_shipped_settings_are_those_that_must_be_given(pods):
    shutil.copy(PROFILE / "settings.toml", pods.profile)
    script = pods.folder / "job.sh"
    script.write_text(f"# properties = {json.dumps(properties())}\nexit 0\n")
    code, text = said(pods.start(pods.profile / "submit.py", script, cwd=pods.folder))
    assert code == 1
    assert text.count("must be given") == 4


def test_a_job_that_a_killed_snakemake_left_is_waited_for_and_not_done_twice(pods):
    pytest.importorskip("snakemake_executor_plugin_cluster_generic")
    (pods.folder / "Snakefile").write_text(
        "rule long:\n    output: 'done'\n"
        "    shell: 'echo >> begun; until [ -e gate ]; do sleep 0.1; done; touch {output}'\n"
    )
    words = ("done", "--snakefile", pods.folder / "Snakefile")
    process = pods.snakemake(*words)
    until((pods.folder / "begun").exists)
    process.kill()
    process = pods.snakemake(*words, "--nolock")
    assert any("is at work already" in line for line in process.stdout)
    (pods.folder / "gate").touch()
    assert said(process)[0] == 0
    assert (pods.folder / "begun").read_text() == "\n"


def test_a_job_at_work_is_joined_only_with_the_same_parameters(pods):
    gate = pods.folder / "gate"
    wait = f"until [ -e {gate} ]; do sleep 0.05; done; exit 3"
    identity = pods.submitted({**properties(), "params": {"n": 1}}, wait)
    with pytest.raises(AssertionError, match="is at work on the same files with other parameters"):
        pods.submitted({**properties(), "params": {"n": 2}}, wait)
    gate.touch()
    until(lambda: list(pods.cluster.glob("*.code")))
    # Its end is in the way of no other.
    assert pods.submitted({**properties(), "params": {"n": 2}}, "exit 0") == identity
    until(lambda: list(pods.cluster.glob("*.code")))
    assert pods.status(identity) == "success\n"


def test_a_job_begins_when_the_cancelled_one_has_ended(pods):
    stubborn = "trap 'sleep 1; echo old >> order; exit 1' TERM; touch ready; sleep 60 & wait"
    identity = pods.submitted(properties(), stubborn)
    until((pods.folder / "ready").exists)
    assert said(pods.start(pods.profile / "cancel.py", identity))[0] == 0
    until(lambda: list(pods.cluster.glob("*.deleted")))
    assert pods.submitted(properties(), "echo new >> order") == identity
    until(lambda: list(pods.cluster.glob("*.code")))
    assert (pods.folder / "order").read_text() == "old\nnew\n"


def test_a_group_is_one_job_and_a_type_of_gpu_chooses_the_node(pods):
    group = {"type": "group", "groupid": "runs-of-x", "jobid": "u-1", "threads": 1}
    resources = {"gpu": 1, "gpu_model": "NVIDIA-A100", "runtime": 2}
    one = pods.submitted({**group, "resources": resources}, "exit 0")
    # Groups have no wildcards: only their ids tell two of one name apart.
    assert pods.submitted({**group, "jobid": "u-2", "resources": resources}, "exit 0") != one
    for job in pods.jobs():
        pod = job["spec"]["template"]["spec"]
        assert job["metadata"]["labels"]["hydrarec/rule"] == "runs-of-x"
        assert pod["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-A100"}
        assert pod["activeDeadlineSeconds"] == 120
    until(lambda: len(list(pods.cluster.glob("*.code"))) == 2)


def test_a_resource_that_is_no_number_is_refused(pods):
    with pytest.raises(AssertionError, match="resource mem_mb: '4 GB' is not allowed; allowed: a whole number"):
        pods.submitted(properties(mem_mb="4 GB"), "exit 0")
