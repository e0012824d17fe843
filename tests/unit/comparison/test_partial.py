"""A comparison that is not complete: what is finished is measured, what is not is named, and nothing else changes."""

import re
import shutil

import pandas as pd
import pytest

from hydrarec.analyses import analyse
from hydrarec.cli import comparison
from hydrarec.columns import BEYOND, COMPARISON, LEADERBOARD, METRICS, PAIRS, PLACES, RUNS, SENSITIVITY
from hydrarec.comparison import collect, contrast, read_gates
from hydrarec.comparison.runs import find_finished
from hydrarec.config import load
from hydrarec.files import read_json, write_json
from hydrarec.layout import REQUIRED, split_folder
from hydrarec.report import render
from hydrarec.report.figures import panels
from hydrarec.tables import read_table
from tests.fabricate import HYDRA_UNI, SASREC, Tree, config

TABLES = ("metrics", "leaderboard", "comparison", "sensitivity", "beyond")
SCHEMAS = dict(zip(TABLES, (METRICS, LEADERBOARD, COMPARISON, SENSITIVITY, BEYOND), strict=True))


def test_data_that_are_gone_are_missed_with_what_brings_them_back(small):
    tree = small()
    split = split_folder(tree.results, "made-0", "loo")
    (split / "test.parquet").unlink()
    message = f"{split}: test.parquet not there, but runs on these data are finished. Prepare them again by"
    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        collect(tree.config, tree.results, tree.results / "comparison")


@pytest.fixture(scope="module")
def finished_tree(tmp_path_factory) -> Tree:
    """Two datasets and two seeds, all of it finished."""
    return Tree(config(datasets=2, seeds=2), tmp_path_factory.mktemp("finished") / "results", n_users=60).write()


@pytest.fixture
def tree(finished_tree, tmp_path) -> Tree:
    """The same, for a test to take away from."""
    shutil.copytree(finished_tree.results, tmp_path / "results")
    return Tree(finished_tree.config, tmp_path / "results")


@pytest.fixture(autouse=True)
def _no_pdfs(monkeypatch):
    """Leave the PDFs empty; they take long, and nothing here is about them."""
    monkeypatch.setattr(panels, "_as_pdf", lambda canvas: b"")


def lose(tree, run, seed=0, dataset="made-0", log: str | None = None, rule="train", keep=()):
    """Take away what a run left, and leave a log instead."""
    for path in tree.folder(run, seed, dataset).iterdir():
        if path.name not in keep:
            path.unlink()
    if log is not None:
        path = tree.results.parent / "logs" / rule / dataset / "loo" / run / f"seed-{seed}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(log)


OF_ALL_RUNS = [
    *("low", "high", "percent_low", "percent_high", "equivalence_low", "equivalence_high", "attained_margin"),
    *("p", "p_holm", "p_equivalent", "p_equivalent_holm", "p_equivalent_tight", "p_not_inferior", "verdict"),
    *("counted_by_seeds", "counted_by_runs", "runs_df"),
    *("ratio_counted_by_seeds", "ratio_counted_by_runs", "ratio_runs_df"),
]
"""What hangs on all runs that are there: families, and how much seeds change at least."""


def compute(tree) -> dict[str, pd.DataFrame]:
    output = tree.results / "comparison"
    collect(tree.config, tree.results, output, partial=True)
    contrast(tree.config, tree.results, output, partial=True)
    analyse(tree.config, tree.results, output, partial=True)
    return {name: read_table(output / f"{name}.parquet", schema) for name, schema in SCHEMAS.items()}


def test_what_is_there_gets_the_numbers_it_has_in_the_complete_comparison(tree):
    whole = compute(tree)
    lose(tree, HYDRA_UNI, seed=1)
    lose(tree, "itemknn", dataset="made-1")
    part = compute(tree)
    for name in TABLES:
        before, after = (tables[name].drop(columns=OF_ALL_RUNS, errors="ignore") for tables in (whole, part))
        gone = ((before["run"] == HYDRA_UNI) & (before["dataset"] == "made-0")) | (
            (before["run"] == "itemknn") & (before["dataset"] == "made-1")
        )
        assert gone.any(), name
        pd.testing.assert_frame_equal(before[~gone].reset_index(drop=True), after)


def test_a_run_is_finished_only_with_everything_and_with_every_seed(tree):
    everything = tree.config.run_ids
    assert [of.runs for of in find_finished(tree.config, tree.results)] == [everything, everything]
    for name in REQUIRED:
        moved = tree.folder(SASREC, 1) / name
        moved.rename(tree.results / name)
        others = [run for run in everything if run != SASREC]
        assert [of.runs for of in find_finished(tree.config, tree.results)] == [others, everything]
        (tree.results / name).rename(moved)


def test_without_the_reference_nothing_is_compared_with_it_there_and_the_gate_says_so(tree):
    lose(tree, SASREC)
    tables = compute(tree)
    assert set(tables["comparison"]["dataset"]) == {"made-1"}
    assert HYDRA_UNI in set(tables["leaderboard"].query("dataset == 'made-0'")["run"])
    gates = read_gates(tree.results / "comparison")
    gate = next(gate for gate in gates if gate.name == "complete")
    assert (gate.dataset, gate.status) == ("made-0", "amber")
    assert gate.sentence == (
        "1 of 6 runs are not finished: SASRec. The reference is among them, so nothing is compared with it here."
    )


def test_without_the_reference_the_others_are_compared_with_each_other_as_where_they_are_alone(tree, tmp_path):
    lose(tree, SASREC)
    compute(tree)
    raw = tree.config.model_dump(mode="json", exclude_unset=True)
    others = [run for run in raw["runs"] if run["id"] != SASREC]
    alone = load(raw | {"runs": others, "evaluation": raw["evaluation"] | {"reference": HYDRA_UNI}})
    contrast(alone, tree.results, tmp_path / "alone", partial=True)
    for name, schema in (("pairs", PAIRS), ("places", PLACES)):
        here, apart = (
            read_table(folder / f"{name}.parquet", schema).query("dataset == 'made-0'").reset_index(drop=True)
            for folder in (tree.results / "comparison", tmp_path / "alone")
        )
        # Three runs have three pairs, on two metrics.
        assert len(here) == 2 * 3
        pd.testing.assert_frame_equal(here, apart)


def test_without_the_reference_claims_about_others_are_decided_and_their_pairs_are_shown(tree, tmp_path, monkeypatch):
    lose(tree, SASREC)
    page = page_with(tree, tmp_path, monkeypatch, run=HYDRA_UNI, against=["itemknn"])
    claims = page[page.index('id="claims"') : page.index('id="leaderboard"')]
    assert "On Made-up data 0 the NDCG@10 of HydraRecUni differs from that of ItemKNN by" in claims
    part = page[page.index('id="contrasts-of-made-0-loo"') : page.index('id="contrasts-of-made-1-loo"')]
    assert "All pairs on NDCG@10" in part
    assert "difference from SASRec" not in part


def test_a_control_that_is_not_finished_is_said_to_be_unchecked(tree):
    lose(tree, "oracle")
    compute(tree)
    gates = read_gates(tree.results / "comparison")
    found = {gate.dataset: gate for gate in gates if gate.name == "oracle"}
    assert found["made-0"].sentence == "The oracle control oracle is not finished, so it was not checked."
    assert (found["made-0"].status, found["made-1"].status) == ("amber", "green")


def test_the_table_of_runs_says_what_became_of_each(tree):
    lose(tree, SASREC, 0, log="".join(f"epoch {n}\n" for n in range(9)) + "hydrarec: epoch 9: the loss is nan\n\n")
    lose(tree, SASREC, 1, log="epoch 1 loss 7\n")
    lose(tree, HYDRA_UNI, 0, keep=("model.safetensors", "timing.json"))
    (tree.folder(HYDRA_UNI) / "model.safetensors").touch()
    lose(tree, HYDRA_UNI, 1)
    lose(tree, "random", 0, log="Traceback (most recent call last):\nZeroDivisionError: 1 / 0\n", rule="random")
    found = statuses(tree)
    assert found[SASREC, 0] == (
        "failed",
        None,
        "epoch 5\nepoch 6\nepoch 7\nepoch 8\nhydrarec: epoch 9: the loss is nan",
    )
    assert found[SASREC, 1] == ("failed", None, "epoch 1 loss 7")
    assert found[HYDRA_UNI, 0][0] == "missing"
    assert found[HYDRA_UNI, 0][1] > 0
    assert found[HYDRA_UNI, 1] == ("missing", None, None)
    assert found["random", 0][0] == "failed"
    assert found["itemknn", 0] == ("finished", None, None)
    # While a Snakemake works here, a log that names no error is that of a run under way.
    lock = tree.results.parent / ".snakemake" / "locks" / "0.output.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    found = statuses(tree)
    assert [found[key][0] for key in ((SASREC, 0), (SASREC, 1), (HYDRA_UNI, 0), (HYDRA_UNI, 1))] == [
        "failed", "running", "running", "missing",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ['{"x": 1', "", "[]"])
def test_a_run_whose_manifest_is_damaged_is_left_out_and_told_with_a_remedy(tree, text):
    path = tree.folder("itemknn") / "manifest.json"
    path.write_text(text)
    status, _, said = statuses(tree)["itemknn", 0]
    assert status == "missing"
    assert str(path) in said
    assert "Delete the run's folder and start Snakemake again" in said
    measured = read_table(tree.results / "comparison/metrics.parquet", METRICS).groupby("dataset")["run"].agg(set)
    assert "itemknn" not in measured["made-0"]
    assert "itemknn" in measured["made-1"]
    with pytest.raises(ValueError, match="Delete the run's folder and start Snakemake again"):
        collect(tree.config, tree.results, tree.results / "comparison")


def statuses(tree) -> dict[tuple[str, int], tuple]:
    collect(tree.config, tree.results, tree.results / "comparison", partial=True)
    table = read_table(tree.results / "comparison" / "runs.parquet", RUNS)
    here = table[table["dataset"] == "made-0"].astype(object).where(table.notna(), None)
    return {(row.run, row.seed): (row.status, row.epochs, row.said) for row in here.itertuples()}


def test_without_the_option_an_incomplete_comparison_is_refused_and_files_and_remedy_are_named(tree):
    lose(tree, "itemknn")
    for step in (collect, contrast, analyse):
        with pytest.raises(FileNotFoundError, match=r"(?s)5 file\(s\).*partial-report.*itemknn/seed-0/ranks.parquet"):
            step(tree.config, tree.results, tree.results / "comparison")


def test_runs_that_saw_other_data_are_refused_all_the_same(tree):
    lose(tree, "itemknn")
    manifest = tree.folder("popularity") / "manifest.json"
    write_json(manifest, read_json(manifest) | {"data": {"train.parquet": "0" * 64}})
    with pytest.raises(ValueError, match="saw different data"):
        compute(tree)


def test_nothing_finished_is_no_comparison(tmp_path):
    with pytest.raises(FileNotFoundError, match="no run is finished with all its seeds yet"):
        collect(config(), tmp_path / "results", tmp_path, partial=True)


@pytest.mark.parametrize("lost", ["a run", "the reference", "all but controls", "a dataset"])
def test_the_report_says_what_is_missing_and_why(tree, lost):
    said = "hydrarec: <script>alert('no space left')</script>"
    if lost == "a run":
        lose(tree, HYDRA_UNI, log=said)
    elif lost == "the reference":
        lose(tree, SASREC, log=said)
    elif lost == "all but controls":
        for run in (SASREC, HYDRA_UNI, "itemknn", "popularity"):
            lose(tree, run, log=said, rule="train" if "+" in run else run)
    else:
        for run in tree.config.run_ids:
            lose(tree, run, log=said, rule="train" if "+" in run else run)
        for path in (tree.results / "data" / "made-0").rglob("*.*"):
            path.unlink()
    write_config = tree.results.parent / "comparison.yaml"
    write_json(write_config, tree.config.model_dump(mode="json", exclude_unset=True))
    comparison.partial_report(str(write_config), tree.results.parent)
    page = (tree.results.parent / "reports" / "fabricated" / "incomplete" / "index.html").read_text()
    first_screen = page[page.index("<header>") : page.index("</header>")]
    assert "Incomplete: of 18 runs" in first_screen
    assert ("SASRec on Made-up data 0 (failed)" if lost == "the reference" else "on Made-up data 0 (") in first_screen
    assert "<title>Fabricated comparison (incomplete)</title>" in page
    assert "&lt;script&gt;alert(&#39;no space left&#39;)&lt;/script&gt;" in page
    assert "alert('no" not in page
    # The complete comparison's tables and page are none of its business.
    assert not (tree.results / "comparison" / "fabricated" / "metrics.parquet").exists()
    assert not (tree.results.parent / "reports" / "fabricated" / "index.html").exists()
    assert ("is not finished: nothing is compared with it." in page) == (lost == "the reference")


def page_with(tree, tmp_path, monkeypatch, **claimed) -> str:
    """Return the page of a partial report with a claim."""
    claim = {"id": "A", "statement": "It is better", "kind": "superior"} | claimed
    write_json(tmp_path / "claims.yaml", {"registered": "2026-01-02", "claims": [claim]})
    text = (tmp_path / "claims.yaml").read_text().replace('"2026-01-02"', "2026-01-02")
    (tmp_path / "claims.yaml").write_text(text)
    raw = tree.config.model_dump(mode="json", exclude_unset=True)
    write_json(tmp_path / "comparison.yaml", raw | {"hypotheses": "claims.yaml"})
    # A checkout, from whose root claims are seen.
    (tmp_path / "workflow/rules").mkdir(parents=True)
    for name in ("Snakefile", "workflow/rules/common.smk"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    comparison.partial_report("comparison.yaml")
    return (tmp_path / "reports" / "fabricated" / "incomplete" / "index.html").read_text()


def test_claims_about_what_is_not_finished_are_not_decidable_and_silent_runs_are_shown(tree, tmp_path, monkeypatch):
    # Without a log there are no last words.
    lose(tree, HYDRA_UNI)
    lose(tree, HYDRA_UNI, 1, log="hydrarec: the loss is nan")
    page = page_with(tree, tmp_path, monkeypatch, run=HYDRA_UNI, against=[SASREC])
    assert "on Made-up data 0: HydraRecUni is not finished (seed 0 missing, seed 1 failed)" in page
    assert "nan" not in page[page.index('id="absent"') :].partition("</section>")[0].replace("the loss is nan", "")


def test_a_complete_report_says_nothing_of_it(tree):
    output = tree.results / "comparison"
    compute(tree)
    analyse(tree.config, tree.results, output)
    render(tree.config, tree.results, output, output / "page")
    page = (output / "page" / "index.html").read_text()
    assert "ncomplete" not in page.replace(".incomplete", "")
    assert 'id="absent"' not in page


def test_a_partial_report_does_without_measurements_though_all_runs_are_finished(tree, tmp_path, monkeypatch):
    raw = tree.config.model_dump(mode="json", exclude_unset=True)
    write_json(tmp_path / "comparison.yaml", raw | {"efficiency": {"devices": ["cpu"]}})
    monkeypatch.chdir(tmp_path)
    comparison.partial_report("comparison.yaml")
    page = (tmp_path / "reports" / "fabricated" / "incomplete" / "index.html").read_text()
    assert 'id="scaling"' not in page


@pytest.mark.parametrize("unfinished", ["loo", "gts"])
def test_a_protocol_of_which_nothing_is_finished_leaves_a_report_on_the_other(unfinished, tmp_path):
    both = config(datasets=1, seeds=1, more={"protocols": ["loo", "gts"]})
    tree, output = Tree(both, tmp_path / "results", n_users=60).write(), tmp_path / "tables"
    shutil.rmtree(tree.results / "runs" / both.datasets[0].id / unfinished)
    collect(both, tree.results, output, partial=True)
    contrast(both, tree.results, output, partial=True)
    analyse(both, tree.results, output, partial=True)
    render(both, tree.results, output, tmp_path / "report", partial=True)
    assert (tmp_path / "report/index.html").is_file()


def test_one_user_has_no_interval(tmp_path):
    alone = config(datasets=1, seeds=1)
    tree = Tree(alone, tmp_path / "results", n_users=1).write()
    with pytest.raises(ValueError, match=r"made-0, loo: there is one test user, and intervals need two or more"):
        collect(alone, tree.results, tmp_path / "tables")
