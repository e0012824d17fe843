"""Two Snakemakes in one folder, one that was killed, one whose configuration is edited, and one that fails.

Each is told what to do, and that works.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from hydrarec.audit.verify import verify
from tests.conftest import ROOT

RUNS = "results/runs/tiny/loo"
CONFIG = {
    "report": "tiny",
    "datasets": [{"id": "tiny", "title": "Tiny", "reader": {"kind": "synthetic", "n_users": 60, "n_items": 50}}],
    "seeds": [0],
    "runs": [
        {"id": "popularity", "baseline": "popularity", "deterministic": True},
        {"id": "broken", "baseline": "ease", "options": {"max_memory_gib": 1e-9}},
    ],
    "evaluation": {"reference": "popularity"},
}
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def command(folder, *arguments):
    profile, config = ROOT / "profiles/local", folder / "tiny.yaml"
    parts = ["-s", ROOT / "Snakefile", "-d", folder, *arguments, "--profile", profile, "--cores", 1]
    return [str(part) for part in (sys.executable, "-m", "snakemake", *parts, "--configfile", config)]


def run(parts, folder, environment=ENVIRONMENT):
    finished = subprocess.run(parts, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    return finished.returncode, finished.stdout + finished.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a Snakemake was killed in the middle of its first job."""
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "tiny.yaml").write_text(yaml.safe_dump(CONFIG))
    first = subprocess.Popen(
        command(folder, "prepare_all"),
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        patience = time.monotonic() + 300
        while not any((folder / ".snakemake/incomplete").glob("*")):
            assert first.poll() is None, "it ended before it began a job"
            assert time.monotonic() < patience
            time.sleep(0.01)
        # Held where it is, so that the second one certainly meets it at work.
        os.killpg(first.pid, signal.SIGSTOP)
        code, text = run(command(folder, "prepare_all"), folder)
        assert code != 0
        assert "LockException" in text
        assert "--unlock" in text
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    return folder


def test_after_a_kill_the_lock_is_opened_and_the_work_goes_on(folder):
    assert not (folder / "results/data/tiny/loo/split.json").exists()
    assert any((folder / ".snakemake/locks").glob("*"))
    code, text = run(command(folder, "--unlock"), folder)
    assert code == 0, text
    code, text = run(command(folder, "prepare_all"), folder)
    assert code == 0, text[-3000:]
    audit = verify(folder / "results")
    assert audit.problems == []
    assert len(audit.checked) == 6
    # Nothing half-written is left of the first.
    assert not list((folder / "results").rglob("*.part"))


def test_a_failure_names_the_command_of_a_report_on_the_rest_and_it_works(folder):
    targets = [f"{RUNS}/{name}/seed-0/ranks.parquet" for name in ("popularity", "broken")]
    code, text = run(command(folder, *targets), folder)
    assert code != 0
    assert "broken seed 0: stopped" in text
    named = re.search(r"hydrarec (partial-report --config .*)", text).group(1)
    # In the checkout, whatever folder Snakemake worked in.
    code, text = run([sys.executable, "-m", "hydrarec", *shlex.split(named)], ROOT)
    assert code == 0, text
    page = (folder / text.strip().splitlines()[-1]).read_text()
    assert "Incomplete: of 2 runs, counted with their seeds, 1 are finished; 1 failed." in page
    assert "max_memory_gib allows 1e-09" in page[page.index("Runs that are missing") :]


def test_no_command_is_named_where_it_would_report_on_something_else(folder):
    target = f"{RUNS}/broken/seed-0/ranks.parquet"
    code, text = run([*command(folder, target), "--config", "title=Another"], folder)
    assert code != 0
    assert "the same command goes on from here." in text
    assert "partial-report" not in text


@pytest.mark.parametrize(
    ("edit", "refused"),
    [("echo '# a remark' >> {config}", False), ("sed -i 's/n_users: 60/n_users: 61/' {config}", True)],
)
def test_a_job_is_refused_whose_configuration_was_edited_while_it_waited(edit, refused, tmp_path):
    pytest.importorskip("snakemake_executor_plugin_cluster_generic")
    config = tmp_path / "tiny.yaml"
    config.write_text(yaml.safe_dump(CONFIG))
    # A queue in which a job waits until somebody has edited the file.
    submit = tmp_path / "submit"
    lines = ["#!/bin/sh", edit.format(config=config), f'sh "$1" > {tmp_path}/said 2>&1', "echo 1"]
    submit.write_text("\n".join(lines))
    submit.chmod(0o755)
    status = "sh -c 'grep -q WorkflowError said && echo failed || echo success'"
    queue = ["--executor", "cluster-generic", "--cluster-generic-submit-cmd", submit, "--jobs", 1]
    queue += [
        "--cluster-generic-status-cmd",
        status,
        "--seconds-between-status-checks",
        1,
        "--config",
        "title=Two words",
    ]
    # Of a Snakemake that this one was started by.
    environment = ENVIRONMENT | {"HYDRAREC_CONFIGURATION": "of another"}
    prepared = "results/data/tiny/items.parquet"
    run([*command(tmp_path, prepared), *map(str, queue)], tmp_path, environment)
    said = (tmp_path / "said").read_text()
    assert (f"{config} was edited since Snakemake started; put it back, or stop" in said) == refused, said
    assert (tmp_path / prepared).exists() != refused
