"""Baselines of other libraries: their environments are planned, built and rebuilt; their scripts keep the contract."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from hydrarec.columns import LEADERBOARD, TIMES
from hydrarec.config.built_in import BUILT_IN
from hydrarec.config.datasets import SyntheticReaderConfig
from hydrarec.data.prepare import prepare
from hydrarec.data.split import split
from hydrarec.metrics import ndcg
from hydrarec.ranking.lists import rank_lists
from hydrarec.sequences.log import read_cases, read_catalogue
from hydrarec.tables import read_table
from tests.conftest import ROOT
from tests.workflow.test_planning import jobs, plan, snakemake

PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
SIZES = {"d_model": 16, "n_layers": 1, "max_length": 20, "max_epochs": 1}
BASELINES = {"rectools_sasrec": "rectools", "rectools_bert4rec": "rectools", "recbole_sasrec": "recbole"}
CONFIG = {
    "report": "tiny",
    "title": "Tiny",
    "datasets": [{"id": "tiny", "title": "Tiny", "reader": {"kind": "synthetic", "n_users": 200, "n_items": 180}}],
    "protocols": ["loo", "gts"],
    "seeds": [0],
    "encoder": {"d_model": 16, "n_layers": 1, "n_heads": 1, "max_length": 20},
    "training": {"max_epochs": 1, "device": "cpu"},
    "runs": [
        {"id": "sasrec", "model": {"kind": "sasrec"}, "attention": {"kind": "softmax"}, "masking": {"kind": "causal"}},
        *({"id": name, "baseline": name, "options": SIZES} for name in BASELINES),
        {"id": "oracle", "baseline": "oracle", "deterministic": True, "control": "oracle"},
        {"id": "random", "baseline": "random", "control": "random"},
        {"id": "popularity", "baseline": "popularity", "deterministic": True},
    ],
    "evaluation": {"reference": "sasrec"},
}


def written(folder, **changes):
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({**CONFIG, **changes}))
    return path


def local_jobs(text, rule):
    """Return the blocks of a rule's jobs that run on the controlling machine."""
    return jobs(text.replace("\nlocalrule ", "\nrule "), rule)


def test_each_library_gets_its_environment_and_each_run_a_job(tmp_path):
    code, text = plan("--cores", 1, "--configfile", written(tmp_path), directory=tmp_path)
    assert code == 0, text[-3000:]
    assert len(local_jobs(text, "environment")) == 2
    for name, environment in BASELINES.items():
        blocks = jobs(text, name)
        assert len(blocks) == 2
        assert all(f"results/environments/{environment}/packages.txt" in block for block in blocks)
        assert all("gpu=1" in block for block in blocks)


def test_a_run_kept_on_the_cpu_asks_for_no_gpu(tmp_path):
    run = {"id": "cpu", "baseline": "recbole_sasrec", "options": {**SIZES, "device": "cpu"}}
    path = written(tmp_path, runs=[CONFIG["runs"][0], run, *CONFIG["runs"][4:]])
    code, text = plan("--cores", 1, "--configfile", path, directory=tmp_path)
    assert code == 0, text[-3000:]
    assert all("gpu=0" in block for block in jobs(text, "recbole_sasrec"))


def test_environments_are_prepared_for_configured_baselines_only(tmp_path):
    for runs, wanted in ((CONFIG["runs"], {"rectools", "recbole"}), (CONFIG["runs"][:1] + CONFIG["runs"][4:], set())):
        path = written(tmp_path, runs=runs)
        code, text = plan("prepare_all", "--cores", 1, "--configfile", path, directory=tmp_path)
        assert code == 0, text[-3000:]
        blocks = local_jobs(text, "environment")
        assert {block.split("environment=")[-1].split()[0] for block in blocks} == wanted


@pytest.mark.skipif(shutil.which("python3.11", path=PATH) is None, reason="the locks are for Python 3.11, not found")
def test_a_changed_lock_builds_the_environment_again(tmp_path):
    checkout, place = tmp_path / "checkout", tmp_path / "place"
    for name in ("workflow", "profiles", "envs"):
        shutil.copytree(ROOT / name, checkout / name)
    shutil.copy(ROOT / "Snakefile", checkout)
    lock = checkout / "envs" / "rectools.txt"
    lock.write_text("# nothing\n")
    marker = "results/environments/rectools/packages.txt"
    asked = ["-s", checkout / "Snakefile", "-d", place, "--cores", 1, marker, "--configfile", written(tmp_path)]
    finished = snakemake(*asked)
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert (place / "results/environments/rectools/bin/python").exists()
    assert "Nothing to be done" in snakemake("--dry-run", *asked).stdout
    lock.write_text("# nothing new\n")
    again = snakemake("--dry-run", *asked)
    assert local_jobs(again.stdout, "environment"), again.stdout + again.stderr


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results") / "synthetic"
    reader = SyntheticReaderConfig(n_users=150, n_items=180)
    prepare(BUILT_IN["synthetic"].model_copy(update={"reader": reader}), None, folder)
    for protocol in ("loo", "gts"):
        split(folder, protocol, folder / protocol)
    return folder


@pytest.fixture
def library(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "workflow" / "scripts")
    import library  # noqa: PLC0415

    threads = torch.get_num_threads()
    yield library
    torch.set_num_threads(threads)


def job(library, monkeypatch, folder, output, options="{}"):
    arguments = ["--data", folder, "--options", options, "--seed", 0, "--threads", 1, "--output", output]
    monkeypatch.setattr(sys, "argv", ["script", "sasrec", *map(str, arguments)])
    return library.Job({"max_epochs": 9, "patience": 2, "dropout": 0.1}, ["sasrec"])


def made_up(library, n_items, unlearned=()):
    """Return a network of another numbering whose scores depend on the newest item only."""
    own_ids = np.arange(n_items)[::-1].copy()
    own_ids[[0, *unlearned]] = 0
    network = torch.nn.Embedding(n_items, n_items)
    return library.Trained(network, own_ids, lambda own: network(torch.tensor([one[-1] for one in own])).detach())


@pytest.mark.parametrize("protocol", ["loo", "gts"])
@pytest.mark.parametrize("unlearned", [(), (3, 4, 5)])
def test_lists_keep_the_contract_and_tell_the_ndcg_that_stops(
    library, monkeypatch, data, tmp_path, protocol, unlearned
):
    folder = data / protocol
    it = job(library, monkeypatch, folder, tmp_path)
    trained = made_up(library, len(it.counts), unlearned)
    cases = it.cases("test")
    ranks = rank_lists(it.recommend(trained, cases), read_cases(folder, "test"), read_catalogue(data, folder))
    values = ndcg(ranks["greater"].to_numpy(), ranks["equal"].to_numpy(), 10)
    by_user = ranks.assign(value=values).groupby("user")["value"].mean()
    assert it.ndcg10(trained, cases) == pytest.approx(by_user.mean(), abs=1e-9)
    assert by_user.mean() > 0


def test_histories_are_everything_before_the_target(library, monkeypatch, data, tmp_path):
    for protocol in ("loo", "gts"):
        for part in ("validation", "test"):
            cases, known = (
                job(library, monkeypatch, data / protocol, tmp_path).cases(part),
                read_cases(data / protocol, part),
            )
            assert cases.table["item"].tolist() == known.targets.tolist()
            for history, start, stop in zip(cases.histories, known.starts, known.stops, strict=True):
                np.testing.assert_array_equal(history, known.log.items[start:stop])


def test_validation_never_opens_the_test_file(library, monkeypatch, data, tmp_path):
    folder = shutil.copytree(data / "loo", tmp_path / "loo")
    (folder / "test.parquet").unlink()
    assert len(job(library, monkeypatch, folder, tmp_path).cases("validation").histories)


def test_stops_when_patience_is_over_and_keeps_the_best_weights(library, monkeypatch, data, tmp_path):
    it = job(library, monkeypatch, data / "loo", tmp_path / "run")
    values = iter([0.1, 0.3, 0.2, 0.3, 0.9])
    monkeypatch.setattr(library.Job, "ndcg10", lambda *_: next(values))
    trained, stopping = made_up(library, len(it.counts)), library.EarlyStopping(it)
    kept, over = [], False
    while not over:
        stopping.epoch_begins()
        torch.nn.init.normal_(trained.network.weight)
        kept.append(trained.network.weight.detach().clone())
        over = stopping.epoch_ends(trained)
    stopping.finish(trained)
    costs = yaml.safe_load((tmp_path / "run/costs.json").read_text())
    assert (costs["epochs"], costs["best_epoch"], costs["converged"]) == (4, 2, True)
    assert costs["train_to_best_s"] < costs["train_s"]
    torch.testing.assert_close(trained.network.weight, kept[1], rtol=0, atol=0)
    assert len(pd.read_parquet(tmp_path / "run/recommendations.parquet"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ('{"patients": 3}', "options.patients: no such option; allowed: max_epochs, patience, dropout, device"),
        ('{"patience": "3"}', "options.patience: '3' is no int"),
        ('{"patience": 2.5}', "options.patience: 2.5 is no int"),
        ('{"device": "tpu"}', "options.device: 'tpu' cannot be had; allowed: auto, cpu"),
    ],
)
def test_wrong_options_are_refused(library, monkeypatch, data, tmp_path, options, words):
    with pytest.raises(ValueError, match=words):
        job(library, monkeypatch, data / "loo", tmp_path, options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU that is granted is found")
def test_a_gpu_that_is_granted_and_not_found_is_no_reason_for_days_on_a_cpu(library, monkeypatch, data, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("SLURM_JOB_GPUS", "2")
    with pytest.raises(ValueError, match=r"a GPU was granted \(SLURM_JOB_GPUS=2\).*options.device: cpu"):
        job(library, monkeypatch, data / "loo", tmp_path)
    assert job(library, monkeypatch, data / "loo", tmp_path, '{"device": "cpu"}').device.type == "cpu"


def test_whole_numbers_stand_for_fractions(library, monkeypatch, data, tmp_path):
    assert job(library, monkeypatch, data / "loo", tmp_path, '{"dropout": 0}').options["dropout"] == 0


@pytest.mark.external
def test_the_libraries_run_from_nothing_to_the_report(tmp_path):
    """Installs about 3 GB; needs the network."""
    finished = subprocess.run(
        [sys.executable, "-m", "snakemake", "-s", ROOT / "Snakefile", "-d", tmp_path, "--profile",
         ROOT / "profiles/local", "--cores", "1", "--configfile", written(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PATH": PATH},
        capture_output=True,
        text=True,
        timeout=7200,
    )  # fmt: skip
    try:
        assert finished.returncode == 0, finished.stdout[-3000:] + finished.stderr[-6000:]
        board = read_table(tmp_path / "results/comparison/tiny/leaderboard.parquet", LEADERBOARD)
        assert set(BASELINES) <= set(board["run"])
        times = read_table(tmp_path / "results/comparison/tiny/times.parquet", TIMES)
        times = times[times["run"].isin(BASELINES)]
        assert len(times) == 2 * len(BASELINES)
        assert (times["epochs"] == 1).all()
        assert (times[["train_s", "infer_ms_per_user", "parameters"]] > 0).all(axis=None)
        assert (tmp_path / "reports/tiny/index.html").is_file()
    finally:
        shutil.rmtree(tmp_path / "results" / "environments", ignore_errors=True)
