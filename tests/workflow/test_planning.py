"""Planning the DAG: what is asked for becomes the right jobs, and mistakes are refused before any job runs."""

import os
import re
import resource
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
import torch
import yaml

from hydrarec.bench import planning
from hydrarec.bench.base import Conditions
from hydrarec.config import ConfigError, load_file
from hydrarec.plan import find_other_settings
from tests.conftest import ROOT


def snakemake(*arguments, cwd=ROOT):
    """Run Snakemake from a checkout with this interpreter's environment."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        [sys.executable, "-m", "snakemake", *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def plan(*arguments, directory):
    # In a folder of its own: a plan must not depend on results that happen to lie in the checkout.
    finished = snakemake("--directory", directory, "--dry-run", *arguments)
    return finished.returncode, finished.stdout + finished.stderr


def jobs(text, rule):
    """Return the printed blocks of a rule's jobs."""
    return [block for block in re.split(r"\n\[", text) if re.search(rf"^rule {rule}:", block, re.MULTILINE)]


@pytest.fixture(scope="module")
def full_plan(tmp_path_factory):
    before = children_cpu_s()
    code, text = plan("--profile", "slurm", directory=tmp_path_factory.mktemp("plan"))
    return code, text, children_cpu_s() - before


def children_cpu_s():
    """Return the processor seconds of all child processes so far; on a busy machine a clock says little."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_the_full_configuration_plans_quickly(full_plan):
    code, text, cpu_s = full_plan
    assert code == 0, text[-3000:]
    assert cpu_s < 20


def test_every_training_is_its_own_job_with_one_gpu(full_plan):
    _, text, _ = full_plan
    trainings = jobs(text, "train")
    # Sixteen combinations and the degraded BERT4Rec, three data sets, five seeds.
    assert len(trainings) == 17 * 3 * 5
    assert all(re.search(r"resources: .*\bgpu=1\b", block) for block in trainings)
    assert all("slurm_partition=gpu" in block for block in trainings)
    wildcards = {re.search(r"wildcards: (.*)", block).group(1) for block in trainings}
    assert len(wildcards) == len(trainings)


def test_cpu_steps_ask_for_no_gpu(full_plan):
    _, text, _ = full_plan
    for rule in ("prepare", "split", "popularity", "markov", "itemknn"):
        blocks = jobs(text, rule)
        assert blocks
        assert not any("gpu" in block for block in blocks)


def test_training_has_no_test_file_among_its_inputs(full_plan):
    _, text, _ = full_plan
    for block in jobs(text, "train"):
        assert "test.parquet" not in re.search(r"input: (.*)", block).group(1)


@pytest.mark.parametrize("profile", ["local", "slurm"])
def test_profiles_resolve_literally(profile):
    assert (ROOT / profile / "config.yaml").is_file()
    assert (ROOT / profile).resolve() == ROOT / "profiles" / profile


def test_planning_never_imports_torch(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('planning imported torch')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    finished = subprocess.run(
        [sys.executable, "-m", "snakemake", "-s", ROOT / "Snakefile", "-d", tmp_path, "--cores", "1", "-n", "--quiet",
         "--configfile", ROOT / "config.yaml"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr


def mistaken(tmp_path, change):
    raw = yaml.safe_load((ROOT / "examples/demo.yaml").read_text())
    change(raw)
    path = tmp_path / "mistaken.yaml"
    path.write_text(yaml.safe_dump(raw))
    return plan("--cores", 1, "--configfile", path, directory=tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda raw: raw["training"].update(lerning_rate=1), "training.lerning_rate: no such key"),
        (lambda raw: raw["evaluation"].update(reference="sasrec"), "allowed: bert4rec+hydra+causal"),
        (lambda raw: raw["runs"].append({"id": "x", "baseline": "popularty"}), "allowed: bayes, bpr_mf, ease, itemknn"),
        (lambda raw: raw.update(seeds="0"), "seeds: must be a list"),
        (lambda raw: raw.update(title="x" * 2**17), "bytes as JSON; allowed: less than 131,071"),
    ],
)
def test_a_wrong_configuration_is_refused_when_the_dag_is_planned(tmp_path, change, words):
    code, text = mistaken(tmp_path, change)
    assert code != 0
    assert words in text
    assert "Traceback" not in text


def test_a_mistake_in_a_file_is_told_with_its_line(tmp_path):
    path = tmp_path / "mistaken.yaml"
    path.write_text((ROOT / "examples/demo.yaml").read_text().replace("patience: 5", "patiense: 5"))
    (line,) = (number for number, text in enumerate(path.read_text().splitlines(), 1) if "patiense" in text)
    code, text = plan("--cores", 1, "--configfile", path, directory=tmp_path)
    assert code != 0
    assert f"{path}:{line}: training.patiense: no such key" in text


def test_a_key_that_stands_twice_is_refused(tmp_path):
    path = tmp_path / "twice.yaml"
    path.write_text((ROOT / "examples/demo.yaml").read_text() + "seeds: [5]\n")
    last = len(path.read_text().splitlines())
    code, text = plan("--cores", 1, "--configfile", path, directory=tmp_path)
    assert code != 0
    assert f"{path}:{last}: the key 'seeds' stands in line " in text
    assert "Traceback" not in text


def test_of_several_files_the_one_with_the_mistake_is_named_and_values_of_the_command_line_in_none(tmp_path):
    over = tmp_path / "over.yaml"
    over.write_text("report: over\ntraining:\n  max_epochs: 0\n")
    files = ("--cores", 1, "--configfile", ROOT / "examples/demo.yaml", over)
    code, text = plan(*files, directory=tmp_path)
    assert code != 0
    assert f"{over}:3: training.max_epochs: input should be greater than or equal to 1; found 0" in text
    code, text = plan(*files, "--config", "seeds=x", directory=tmp_path)
    assert code != 0
    assert "  training.max_epochs: input should" in text
    assert "  seeds: must be a list" in text
    over.write_text("report: over\n")
    code, text = plan(*files, "--config", "report=other", directory=tmp_path)
    assert code == 0, text[-3000:]
    assert "reports/other/index.html" in text


def test_a_configfile_replaces_the_default_as_a_whole(tmp_path):
    code, text = plan("--cores", 1, "--configfile", ROOT / "examples/demo.yaml", directory=tmp_path)
    assert code == 0, text[-3000:]
    assert "ml-1m" not in text
    assert "reports/demo/index.html" in text


@pytest.mark.parametrize("there", ["dataset: [synthetic]", ""])
def test_a_configfile_without_data_sets_is_refused_and_not_completed_from_the_default(there, tmp_path):
    path = tmp_path / "incomplete.yaml"
    text = (ROOT / "examples/demo.yaml").read_text()
    assert "\ndatasets: [synthetic]\n" in text
    path.write_text(text.replace("datasets: [synthetic]", there))
    with pytest.raises(ConfigError) as refusal:
        load_file(path)
    code, text = plan("--cores", 1, "--configfile", path, directory=tmp_path)
    assert code != 0
    assert f"{path}:1: datasets: must be given" in text
    # In the words of `hydrarec check`.
    assert str(refusal.value) in text


def test_values_of_the_command_line_alone_are_laid_over_the_default(tmp_path):
    values = ("--config", "report=other", "datasets=[synthetic]")
    code, text = plan("--cores", 1, *values, directory=tmp_path)
    assert code == 0, text[-3000:]
    assert "reports/other/index.html" in text
    assert len(jobs(text, "train")) == 17 * 5


def test_thinned_data_sets_are_prepared_each_and_their_cards_reach_the_claims(tmp_path):
    code, text = plan("--cores", 1, "--configfile", ROOT / "examples/density.yaml", directory=tmp_path)
    assert code == 0, text[-3000:]
    datasets = {"ml-20m", "ml-20m-50", "ml-20m-25", "ml-20m-10"}
    assert {re.search(r"dataset=([^,\s]+)", job)[1] for job in jobs(text, "prepare")} == datasets
    # All are made of the same bytes.
    assert len(jobs(text, "download")) == 1
    assert len(jobs(text, "train")) == 4 * 2 * 3
    (verdicts,) = jobs(text, "verdicts")
    assert all(f"results/data/{dataset}/card.json" in verdicts for dataset in datasets)


def test_results_are_repeated_only_where_the_configuration_changed(tmp_path):
    """The settings of a run go through `params`; adding a run must leave the others' parameters alone.

    Texts with braces, as citations have, reach jobs as they stand.
    """
    base = yaml.safe_load((ROOT / "examples/demo.yaml").read_text())
    dataset = {"like": "synthetic", "id": "synthetic.2", "citation": "{McAuley} and {Leskovec}. {x} 2013"}
    base |= {"title": "Of {threads}", "datasets": [dataset], "mirror": "/{place}"}
    base["runs"] = [*base["runs"], {"id": "braces", "label": "{b}", "baseline": "itemknn", "options": {"decay": 0.5}}]
    small = {**base, "grid": {**base["grid"], "labels": {}, "model": base["grid"]["model"][1:]}, "seeds": [0]}
    texts = []
    for name, raw in (("all", {**base, "seeds": [0]}), ("some", small)):
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(raw))
        _, text = plan("--cores", 1, "--printshellcmds", "--configfile", path, directory=tmp_path)
        texts.append(re.findall(r"hydrarec train .*sasrec\+hydra\+causal.*", text))
        (collecting,) = re.findall(r"hydrarec collect .*", text)
        assert '"Of {threads}"' in collecting
        assert "{McAuley} and {Leskovec}. {x} 2013" in collecting
        # Where data may be had changes no number.
        assert "/{place}" not in collecting
    assert texts[0] == texts[1] != []


def test_sampled_candidates_are_asked_of_runs_that_score_and_not_of_lists(tmp_path):
    base = yaml.safe_load((ROOT / "examples/demo.yaml").read_text())
    runs = [run for run in base["runs"] if run["id"] == "popularity"] + [{"id": "lists", "baseline": "rectools_sasrec"}]
    path = tmp_path / "drawn.yaml"
    for kinds in ([], ["popularity-100"]):
        raw = {**base, "seeds": [0], "runs": runs, "evaluation": {**base["evaluation"], "sampled": kinds}}
        path.write_text(yaml.safe_dump(raw))
        code, text = plan("--cores", 1, "--configfile", path, directory=tmp_path)
        assert code == 0, text[-3000:]
        (analyse,) = jobs(text, "analyse")
        counted = {name.split("/")[4] for name in re.findall(r"\S+/sampled\.parquet", analyse)}
        trained = {
            "+".join(parts)
            for parts in product(("bert4rec", "sasrec"), ("hydra", "softmax"), ("causal", "bidirectional"))
        }
        assert counted == ({"popularity", *trained} if kinds else set())
        assert len(jobs(text, "candidates")) == len(kinds)


def test_a_claim_about_a_run_that_is_not_there_is_told_once_and_stops_nothing(tmp_path):
    code, text = plan("--cores", 1, "--configfile", ROOT / "examples/demo.yaml", directory=tmp_path)
    assert code == 0, text[-3000:]
    told = f"{ROOT}/examples/hypotheses/demo.yaml:43: claim D6: there is no run bert4rec+linrec+causal"
    assert text.count(told) == text.count("claim D6") == 1


def test_the_benchmark_of_planning_finds_its_pretended_results_done_and_of_these_settings(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    conditions = Conditions(torch.device("cpu"), threads=1, quick=True, data=tmp_path / "data", scratch=tmp_path)
    (case,) = planning.cases(conditions)
    assert int(case.name.split()[0]) > 50
    replaced, unseen = find_other_settings(load_file(tmp_path / "config.yaml"), tmp_path / "done")
    assert replaced == []
    # Of the card nobody pretends that it says anything.
    assert [Path(line.split(":")[0]).name for line in unseen] == ["card.json"]
