"""The page is one file, the same bytes every time, says what the tables say, and refuses a broken evaluation."""

import re
from html.parser import HTMLParser
from itertools import pairwise
from urllib.parse import unquote
from xml.etree import ElementTree

import pandas as pd
import pytest

from hydrarec.columns import COMPARISON, LEADERBOARD
from hydrarec.files import read_json, write_json
from hydrarec.formatting import p_value, percent, score
from hydrarec.report import render
from hydrarec.tables import read_table
from tests.fabricate import HYDRA_UNI, SASREC
from tests.unit.report.conftest import compute

VOID = {"meta", "link", "br", "wbr", "input", "img", "hr"}


class Page(HTMLParser):
    """Elements in order, and whether every one is closed."""

    def __init__(self, text: str):
        super().__init__()
        self.elements, self.open, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, *tags):
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture(scope="module")
def page(report) -> Page:
    return Page((report / "index.html").read_text(encoding="utf-8"))


def test_every_element_is_closed_and_every_id_is_there_once(page):
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {a["href"][1:] for a in page.all("a", "use") if a.get("href", "").startswith("#")}
    assert targets <= set(ids)


def test_nothing_is_loaded_from_outside(page, report):
    links = [a[key] for _, a in page.elements for key in ("href", "src", "xlink:href", "srcset", "poster") if key in a]
    assert not [link for link in links if re.match(r"(https?:)?//", link)]
    text = (report / "index.html").read_text(encoding="utf-8")
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)
    for link in links:
        if not link.startswith(("#", "data:")):
            assert (report / unquote(link)).is_file(), link


def test_figures_have_words_and_tables_have_headings(page):
    drawings = [a for a in page.all("svg") if a.get("aria-hidden") != "true"]
    assert len(drawings) >= 2 * 15 + 1
    assert all(a["role"] == "img" and len(a["aria-label"]) > 40 for a in drawings)
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(a.get("scope") in ("row", "col", "colgroup") for a in page.all("th"))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


def test_what_a_heading_means_can_be_read_without_a_mouse(page):
    hints = [a["title"] for a in page.all("th") if "title" in a]
    assert len(hints) > 20
    assert [hint for hint in hints if page.text.count(hint) < 1] == []


def test_the_page_shows_the_numbers_of_the_tables(page, tables):
    leaders = read_table(tables / "leaderboard.parquet", LEADERBOARD)
    for mean in leaders.query("metric == 'ndcg@10' and group == 'all'")["mean"]:
        assert score(mean) in page.text
    contrasts = read_table(tables / "comparison.parquet", COMPARISON)
    for _, row in contrasts.query("metric == 'ndcg@10'").iterrows():
        assert percent(row["percent"]) in page.text
        assert p_value(row["p_holm"]) in page.text


def test_the_page_says_what_bars_places_and_words_do_not(page):
    # Two data sets.
    assert page.text.count("Runs without a common bar need not be told apart") == 2
    # Below every leaderboard and every figure of all pairs.
    assert page.text.count("so that an inferior run may share a place with the reference.") == 4
    assert "Equivalent: after adjustment it lies within the margin" in page.text
    assert "matched seeds may go up and down together" in page.text
    assert "All rules of the workflow" in page.text
    # What intervals rest on is said once for each scope, with its verdict.
    assert page.text.count("matched seeds; intervals cover both") == 2
    assert "of the ratio of the two means, so that it holds the reference's own error" in page.text


def test_equal_inputs_give_equal_bytes(tree, tables, report, tmp_path):
    render(tree.config, tree.results, tables, tmp_path)
    first = sorted(path.relative_to(report) for path in report.rglob("*") if path.is_file())
    assert first == sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    for path in first:
        assert (report / path).read_bytes() == (tmp_path / path).read_bytes(), path


def test_figures_stand_alone_and_tables_are_complete(report, tables):
    drawings = list((report / "figures").glob("*/*.svg"))
    assert len(drawings) == 2 * 18 + 1
    for path in drawings:
        text = path.read_text(encoding="utf-8")
        ElementTree.fromstring(text)
        assert "var(" not in text
    found = pd.read_csv(report / "data" / "comparison.csv")
    assert list(found.columns) == COMPARISON.names
    assert len(found) == len(read_table(tables / "comparison.parquet", COMPARISON))
    assert {"leaderboard", "metrics", "times"} <= {path.stem for path in (report / "data").glob("*.csv")}


def test_text_from_outside_is_inert(page_of):
    evil = "<script>alert('x')</script>$\\frac{"
    runs = [
        {"id": SASREC, "label": evil, "model": {"kind": "sasrec"}, "attention": {"kind": "softmax"}},
        {"id": HYDRA_UNI, "model": {"kind": "bert4rec"}, "attention": {"kind": "hydra"}},
    ]
    runs = [{**run, "masking": {"kind": "causal"}} for run in runs]
    datasets = [{"id": "made-0", "title": evil, "reader": {"kind": "synthetic"}}]
    page = page_of({"runs": runs, "datasets": datasets, "title": evil})
    assert page.count("<script>") == 1
    assert "&lt;script&gt;alert" in page


def test_controls_out_of_bounds_stop_the_report(page_of, tmp_path):
    def spoil(tree, tables):
        gates = read_json(tables / "gates.json")
        for gate in gates:
            if gate["name"] == "oracle":
                gate.update(status="red", sentence="It missed.")
        write_json(tables / "gates.json", gates)

    with pytest.raises(ValueError, match="oracle on made-0/loo: It missed"):
        page_of(spoil=spoil)
    assert not (tmp_path / "report").exists()


def test_checks_that_ask_for_attention_are_shown(page_of):
    def spoil(tree, tables):
        gates = read_json(tables / "gates.json")
        next(g for g in gates if g["name"] == "ties").update(status="red", sentence="Half of it hangs on ties.")
        write_json(tables / "gates.json", gates)

    page = page_of(spoil=spoil)
    assert "Half of it hangs on ties." in page
    assert "1 failed" in page


def test_one_seed_is_said_in_words(page_of):
    page = page_of(seeds=1)
    assert "one seed" in page
    assert "hold for these trained weights, not for the methods" in page


def test_a_comparison_of_baselines_alone_has_a_report(page_of):
    runs = [{"id": name, "baseline": name, "deterministic": True} for name in ("popularity", "itemknn")]
    page = page_of({"runs": runs, "evaluation": {"reference": "popularity", "cutoffs": [5]}})
    assert "NDCG@5" in page
    assert "Convergence" not in page


def test_a_reference_that_never_hits_has_a_report(page_of):
    page = page_of(skills={SASREC: -9.0, HYDRA_UNI: -9.0, "itemknn": 1.0, "popularity": -9.0})
    assert "never hits" in page
    shown = Page(re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.DOTALL)).text
    assert not re.search(r"\b(nan|inf)\b", shown, re.IGNORECASE)


def test_left_out_combinations_are_printed_with_their_reasons(page_of):
    grid = {
        "model": [{"kind": "sasrec"}],
        "attention": [{"kind": "softmax"}, {"kind": "hydra"}],
        "masking": [{"kind": "causal"}],
        "exclude": [{"attention": "hydra", "reason": "takes a week <here>"}],
    }
    page = page_of({"grid": grid, "runs": [{"id": "popularity", "baseline": "popularity"}]})
    assert "takes a week &lt;here&gt;" in page


def test_the_best_possible_is_labelled(page_of):
    runs = [
        {"id": "bayes", "label": "Bayes", "baseline": "bayes", "deterministic": True},
        {"id": "popularity", "baseline": "popularity", "deterministic": True},
        {"id": "itemknn", "baseline": "itemknn", "deterministic": True},
    ]
    whole = {"min_user_interactions": 1, "min_item_interactions": 1}
    data = {"id": "made-0", "title": "Made-up data 0", "reader": {"kind": "synthetic"}, "filter": whole}
    more = {"runs": runs, "datasets": [data], "evaluation": {"reference": "popularity", "cutoffs": [10]}}
    page = page_of(more, skills={"bayes": 4.0})
    assert "best possible" in page
    assert "The best possible is NDCG@10" in page
    # It competes with nobody: the winner is the best of the others.
    assert re.search(r"<strong>itemknn</strong>\s*has the highest", page)


@pytest.mark.parametrize("reference", ["random", "popularity"])
def test_what_is_compared_with_a_control_is_not_said_to_be_compared_with_nothing(reference, page_of):
    page = page_of({"evaluation": {"reference": reference, "cutoffs": [10]}})
    assert "is not finished" not in page
    assert "runs set against" in page


def test_a_page_of_before_processor_seconds_says_what_it_does_not_know(page_of):
    added = {"train_cpu_s", "epoch_cpu_s", "train_to_best_cpu_s", "validation_cpu_s", "load", "train_j", "validation_j"}

    def age(tree, tables):
        for path in (tree.results / "runs").glob("*/*/*/seed-*/*.json"):
            drop = (
                added
                | {"test_cpu_s", "test_j", "cpu_cores"}
                | ({"threads"} if path.name == "inference.json" else set())
            )
            write_json(path, {key: value for key, value in read_json(path).items() if key not in drop})
        for path in (tree.results / "runs").glob("*/*/*/seed-*/history.parquet"):
            pd.read_parquet(path).drop(columns=["train_cpu_s", "train_j", "load"]).to_parquet(path)
        compute(tree, tables)

    page = page_of(spoil=age)
    assert "Whether it had the machine to itself was not recorded: seed 0" in page
    assert "Training curves are drawn over seconds by the wall clock" in page
    assert "trainings nobody recorded whether others used the machine." in page
    assert "Processor seconds are missing of" in page
    shown = Page(re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.DOTALL)).text
    assert not re.search(r"\b(nan|inf|None)\b", shown)


def test_energy_and_shared_machines_stand_on_the_page(page_of):
    def change(tree, tables):
        for path in (tree.results / "runs").glob(f"*/*/{SASREC}/seed-*/timing.json"):
            write_json(path, read_json(path) | {"device": "H200", "train_j": 3.6e6, "validation_j": 0.0, "load": 40.0})
            inference = path.with_name("inference.json")
            write_json(inference, read_json(inference) | {"device": "H200", "test_j": 0.0})
        compute(tree, tables)

    page = page_of(spoil=change)
    assert "1.0\u202fkWh" in page
    assert "Energy is that of all jobs on a GPU." in page
    assert "Others were on the machine while SASRec trained, so their wall clock is not their own." in page
    assert "The machine was shared (" in page
    assert "40.0*" in page


def test_a_comparison_with_nothing_but_its_reference_has_a_report(page_of):
    runs = [{"id": name, "baseline": name, "deterministic": True} for name in ("popularity", "oracle")]
    runs[1]["control"] = "oracle"
    page = page_of({"runs": runs, "evaluation": {"reference": "popularity", "cutoffs": [5]}})
    assert "Nothing competes with popularity, the reference." in page
    assert "Of 0 runs" not in page


def test_a_comparison_in_which_nobody_hits_has_a_report(page_of):
    page = page_of(skills=dict.fromkeys((SASREC, HYDRA_UNI, "itemknn", "popularity"), -9.0))
    assert "No run ever hits: every NDCG@10 is 0." in page
    shown = Page(re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.DOTALL)).text
    assert not re.search(r"\b(nan|inf)\b", shown, re.IGNORECASE)


def test_times_of_runs_that_shared_a_gpu_are_left_out(page_of, tmp_path):
    def share(tree, tables):
        for path in (tree.results / "runs").glob(f"*/*/{SASREC}/seed-*/timing.json"):
            write_json(path, read_json(path) | {"runs_per_gpu": 5})
        compute(tree, tables)

    page = page_of(spoil=share)
    assert "Trainings shared a GPU, and their times are left out: SASRec." in page
    figures = tmp_path / "report/figures/costs"
    by_epoch, by_time = (
        set(pd.read_csv(next(figures.glob(f"convergence-*-{x}.csv")))["run"]) for x in ("epoch", "train")
    )
    assert (by_epoch, by_time) == ({SASREC, HYDRA_UNI}, {HYDRA_UNI})
    # They are shares of the reference's best, and it is the one that shared.
    assert not list(figures.glob("reach-*"))
    shown = Page(re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.DOTALL)).text
    assert not re.search(r"\b(nan|inf)\b", shown, re.IGNORECASE)
