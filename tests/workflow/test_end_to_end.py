"""The demo, from nothing to the report: what `make demo` promises a newcomer."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import yaml

from hydrarec.columns import (
    AGREEMENT,
    BEYOND,
    COMPARISON,
    LEADERBOARD,
    METRICS,
    RANKS,
    RECOMMENDATIONS,
    SAMPLED,
    SENSITIVITY,
    TIMES,
)
from hydrarec.config.built_in import BUILT_IN
from hydrarec.files import read_json
from hydrarec.report.figures.pipeline import RULES
from hydrarec.report.rulegraph import BASELINES, parse_rulegraph
from hydrarec.tables import read_table
from tests.conftest import ROOT

DEMO = ROOT / "examples/demo.yaml"
QUICKER = {
    # A layer less and larger steps: what is learnt in 20 epochs there is learnt in 14 here, each in half the time.
    "encoder": {"n_layers": 1},
    "training": {"learning_rate": 3.0e-3, "max_epochs": 14, "patience": 8},
    "grid": {
        # Causal models have learnt it after 5 epochs, the Cloze task takes them all.
        "per_masking": {"causal": {"training": {"patience": 3}}},
        "exclude": [
            {"model": "sasrec", "masking": "bidirectional", "reason": "bert4rec has it"},
            {"model": "sasrec", "attention": "hydra", "reason": "bert4rec has it"},
        ],
    },
    "efficiency": {"rounds": 5, "lengths": [16, 32, 64, 128], "fit_from": 16, "elements": 8192},
}
RUNS = Path("results/runs/synthetic/loo")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """Run the demo, a little quicker, in an empty folder, once for all tests."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "demo.yaml").write_text(yaml.safe_dump(demo()))
    finished = snakemake(folder)
    assert finished.returncode == 0, finished.stdout[-2000:] + finished.stderr[-6000:]
    return folder


def demo():
    """Return the demo's configuration with quicker trainings and measurements; all else is as a newcomer gets it."""
    raw = yaml.safe_load(DEMO.read_text())
    return raw | {key: raw[key] | changed for key, changed in QUICKER.items()}


def snakemake(folder, *arguments, configfile=None):
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder]
    # Targets go first: --configfile takes every word that follows.
    command += [*arguments, "--profile", ROOT / "profiles/local", "--cores", "2"]
    command += ["--configfile", configfile or folder / "demo.yaml"]
    return subprocess.run(
        [str(part) for part in command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1500
    )


@pytest.fixture(scope="module")
def scores(workplace):
    board = read_table(workplace / "results/comparison/demo/leaderboard.parquet", LEADERBOARD)
    return board[(board["group"] == "all") & (board["metric"] == "hr@10")].set_index("run")["mean"]


def test_every_sequence_model_beats_markov_which_beats_popularity(scores):
    trained = scores[scores.index.str.contains("+", regex=False)]
    assert len(trained) == 5
    assert trained.min() > scores["markov"] > scores["popularity"] > scores["random"]


def test_nothing_beats_the_best_possible_but_the_oracle(scores):
    others = scores.drop(["oracle", "best-possible"])
    # 2,000 users: one standard error of a hit rate is .011.
    assert others.max() < scores["best-possible"]
    assert scores["oracle"] == 1.0


def test_every_table_keeps_its_schema(workplace):
    comparison = workplace / "results/comparison/demo"
    for name, schema in (
        ("metrics", METRICS),
        ("leaderboard", LEADERBOARD),
        ("comparison", COMPARISON),
        ("times", TIMES),
        ("sensitivity", SENSITIVITY),
        ("agreement", AGREEMENT),
        ("beyond", BEYOND),
    ):
        assert len(read_table(comparison / f"{name}.parquet", schema))
    for folder in (workplace / RUNS).glob("*/seed-*"):
        ranks = read_table(folder / "ranks.parquet", RANKS)
        lists = read_table(folder / "recommendations.parquet", RECOMMENDATIONS)
        assert len(ranks) == 2000
        assert lists.groupby("user")["position"].max().eq(100).all()
        assert len(read_table(folder / "sampled.parquet", SAMPLED)) == 2 * 2000


def test_the_lists_and_the_ranks_agree(workplace):
    """A target ranked without ties within the first hundred stands at that place of the list."""
    folder = workplace / RUNS / "sasrec+softmax+causal/seed-0"
    ranks = read_table(folder / "ranks.parquet", RANKS)
    lists = read_table(folder / "recommendations.parquet", RECOMMENDATIONS)
    clear = ranks[(ranks["equal"] == 0) & (ranks["greater"] < 100)]
    found = clear.merge(lists, left_on=["user", "step", "target"], right_on=["user", "step", "item"])
    assert len(found) == len(clear) > 1000
    assert (found["position"] == found["greater"] + 1).all()


def test_the_report_is_one_page_with_its_tables(workplace):
    report = workplace / "reports/demo"
    page = (report / "index.html").read_text()
    assert "HydraRecUni" in page
    assert "Best possible" in page
    assert list(report.glob("tables/*/*.csv"))
    assert list(report.glob("figures/*/*.svg"))


def test_a_second_invocation_has_nothing_to_do(workplace):
    again = snakemake(workplace, "--dry-run")
    text = again.stdout + again.stderr
    assert "Nothing to be done" in text
    assert "no records" not in text


def test_what_is_about_to_be_replaced_is_told_with_how_to_keep_it(workplace, tmp_path):
    raw = demo()
    raw["grid"]["attention"] = [{"kind": "hydra", "eps": 1e-5}, {"kind": "softmax"}]
    (tmp_path / "changed.yaml").write_text(yaml.safe_dump(raw))
    plan = snakemake(workplace, "--dry-run", configfile=tmp_path / "changed.yaml")
    text = plan.stdout + plan.stderr
    assert text.count("4 results of other settings than the configuration's will be gone") == 1
    assert "attention.eps = 1e-06, the configuration has 1e-05" in text
    assert "--directory" in text
    assert "no records" not in text


def test_another_configuration_is_told_where_snakemake_has_no_records(workplace, tmp_path):
    for name in ("results", "reports"):
        shutil.copytree(workplace / name, tmp_path / name)
    raw = demo()
    raw["evaluation"]["alpha"] = 0.01
    raw["grid"]["attention"] = [{"kind": "hydra", "eps": 1e-5}, {"kind": "softmax"}]
    (tmp_path / "changed.yaml").write_text(yaml.safe_dump(raw))
    plan = snakemake(tmp_path, "--dry-run", configfile=tmp_path / "changed.yaml")
    text = plan.stdout + plan.stderr
    assert "Nothing to be done" in text
    # Two runs with two seeds, and the tables.
    assert text.count("Snakemake has no records of 5 results of other settings") == 1
    assert "attention.eps = 1e-06, the configuration has 1e-05" in text
    raw["grid"]["attention"][0].pop("eps")
    (tmp_path / "changed.yaml").write_text(yaml.safe_dump(raw))
    shutil.rmtree(tmp_path / "reports")
    refused = snakemake(tmp_path, configfile=tmp_path / "changed.yaml")
    assert refused.returncode != 0
    log = (tmp_path / "logs/report/demo.log").read_text()
    assert "collected.json: the tables beside it were made with evaluation.alpha = 0.05, the configuration has" in log
    assert not (tmp_path / "reports/demo/index.html").exists()


def test_a_run_done_again_gives_the_same_bytes(workplace):
    folder = workplace / RUNS / "bert4rec+hydra+bidirectional/seed-1"
    before = {
        name: (folder / name).read_bytes() for name in ("ranks.parquet", "recommendations.parquet", "model.safetensors")
    }
    shutil.rmtree(folder)
    finished = snakemake(workplace, folder.relative_to(workplace) / "ranks.parquet")
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert {name: (folder / name).read_bytes() for name in before} == before


def test_a_changed_setting_repeats_the_runs_it_touches_and_no_others(workplace):
    raw = demo()
    raw["grid"]["attention"] = [{"kind": "hydra", "eps": 1e-5}, {"kind": "softmax"}]
    changed = workplace / "changed.yaml"
    changed.write_text(yaml.safe_dump(raw))
    plan = snakemake(workplace, "--dry-run", configfile=changed).stdout
    lines = [line for line in plan.splitlines() if "wildcards: " in line and "run=" in line]
    repeated = {line.split("run=")[1].split(",")[0] for line in lines}
    assert repeated == {"bert4rec+hydra+causal", "bert4rec+hydra+bidirectional"}


def test_what_data_are_called_and_where_they_come_from_repeats_nothing(workplace):
    raw = demo()
    raw["datasets"] = [BUILT_IN["synthetic"].model_dump(mode="json") | {"title": "Described better", "licence": "CC0"}]
    changed = workplace / "called.yaml"
    changed.write_text(yaml.safe_dump(raw | {"mirror": "/somewhere/else"}))
    plan = snakemake(workplace, "--dry-run", configfile=changed).stdout
    assert not re.search(r"^rule (prepare|split|train|rank|efficiency):", plan, re.MULTILINE)
    assert re.search(r"^(rule|localrule) report:", plan, re.MULTILINE)


def test_a_further_run_repeats_only_what_depends_on_it(workplace):
    raw = demo()
    raw["runs"].append({"id": "further", "baseline": "markov", "deterministic": True})
    more = workplace / "more.yaml"
    # With the keys in another order, which must not matter either.
    more.write_text(yaml.safe_dump(raw))
    plan = snakemake(workplace, "--dry-run", configfile=more).stdout
    planned = set(re.findall(r"^(?:local)?rule (\w+):", plan, re.MULTILINE)) - {"all"}
    expected, reached = {BASELINES}, set()
    while expected != reached:
        reached = expected
        expected = reached | {target for source, target in read_json(RULES) if source in reached}
    assert planned == expected - {BASELINES} | {"markov"}
    assert set(re.findall(r"wildcards: .*\brun=([^,\n]+)", plan)) == {"further"}


def test_the_graph_of_rules_on_the_page_is_snakemakes():
    found = snakemake(ROOT, "--rulegraph", "dot", configfile=ROOT / "config.yaml")
    baselines = {path.stem for path in (ROOT / "workflow/rules/baselines").glob("*.smk")}
    edges = [list(edge) for edge in parse_rulegraph(found.stdout, baselines)]
    assert edges == read_json(RULES), "stale: run make generated"


def test_snakemake_renders_its_own_report(workplace):
    target = workplace / "evidence.zip"
    finished = snakemake(workplace, "--report", target)
    assert finished.returncode == 0, finished.stderr[-3000:]
    names = zipfile.ZipFile(target).namelist()
    assert any(name.endswith("report.html") for name in names)
    report = workplace / "reports/demo"
    for kind, suffix in (("figures", "svg"), ("tables", "csv")):
        items = {path.name for path in (report / kind).glob(f"*/*.{suffix}")}
        assert items <= {Path(name).name for name in names}
        assert items


def test_seeds_differ_and_deterministic_runs_stand_for_all(workplace):
    board = read_table(workplace / "results/comparison/demo/leaderboard.parquet", LEADERBOARD)
    board = board[(board["group"] == "all") & (board["metric"] == "ndcg@10")].set_index("run")
    assert board.loc["popularity", "deterministic"]
    assert not board.loc["bert4rec+hydra+causal", "deterministic"]
    metrics = read_table(workplace / "results/comparison/demo/metrics.parquet", METRICS)
    values = metrics[(metrics["run"] == "bert4rec+hydra+causal") & (metrics["group"] == "all")]
    by_seed = values[values["metric"] == "ndcg@10"].set_index("seed")["value"]
    assert by_seed.nunique() == 2
    pd.testing.assert_series_equal(
        pd.Series([by_seed.mean()]), pd.Series([board.loc["bert4rec+hydra+causal", "mean"]]), check_names=False
    )
