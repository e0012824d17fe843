"""The first screen says what was compared and what is missing; tables call things by names that people know."""

from types import SimpleNamespace

import pandas as pd

from hydrarec.comparison import Gate
from hydrarec.config.titles import scope_titles
from hydrarec.formatting import NOTHING
from hydrarec.report import sentences
from hydrarec.report.chapters.absent import absent_runs_sentence
from hydrarec.report.chapters.checks import gate_tables
from hydrarec.report.chapters.data import data_cards
from hydrarec.report.header import _origin
from hydrarec.report.inputs import Scope
from hydrarec.report.style import run_styles
from tests.fabricate import HYDRA_UNI, SASREC, config

EVERYTHING = config()
STYLES = run_styles(EVERYTHING)


def _inputs(compared=EVERYTHING, **tables):
    styles = run_styles(compared)
    reference = styles[compared.evaluation.reference]
    return SimpleNamespace(config=compared, styles=styles, reference=reference, **tables)


def test_the_lead_counts_what_was_compared_by_kind():
    said = sentences.lead(_inputs())
    assert "2 trained models, 2 baselines and 2 controls on 2 data sets, leave-one-out, 3 seeds" in said
    assert said.endswith("Differences are from SASRec, the reference.")
    one = config(datasets=1, seeds=1)
    assert "on 1 data set, leave-one-out, 1 seed, every" in sentences.lead(_inputs(one))


def test_runs_that_are_missing_are_named_with_what_became_of_them():
    rows = [
        (SASREC, "made-0", 0, "failed"), (SASREC, "made-0", 1, "missing"), (SASREC, "made-1", 0, "running"),
        (HYDRA_UNI, "made-1", 2, "missing"),
    ]  # fmt: skip
    left = pd.DataFrame(rows, columns=["run", "dataset", "seed", "status"]).assign(protocol="loo")
    said = absent_runs_sentence(_inputs(unfinished=left))
    assert "SASRec on Made-up data 0 (failed and missing), Made-up data 1 (running); HydraRecUni on" in said
    assert absent_runs_sentence(_inputs(unfinished=left[:0])) == ""


def test_of_many_missing_runs_only_some_are_named():
    left = pd.DataFrame({"run": EVERYTHING.run_ids, "dataset": "made-0", "protocol": "loo", "status": "missing"})
    said = absent_runs_sentence(_inputs(unfinished=left))
    assert "; and 2 more runs." in said
    assert "oracle" not in said


def test_the_origin_names_one_commit_or_counts_them():
    def made(*commits, dirty=False):
        days = [(None, {"created": f"2026-01-0{day}T00:00:00"}) for day in range(1, 1 + len(commits))]
        return SimpleNamespace(manifests=days, codes=[[{"git_commit": c, "git_dirty": dirty}] for c in commits])

    assert _origin(made("a" * 40)).startswith("Results of 2026-01-01, commit aaaaaaaaaa; ")
    assert _origin(made("a" * 40, None)).startswith("Results of 2026-01-01 to 2026-01-02, 2 commits; ")
    assert "commit aaaaaaaaaa with uncommitted changes (1 of 1 runs); " in _origin(made("a" * 40, dirty=True))
    ranked_later = made("a" * 40)
    ranked_later.codes[0].append({"git_commit": "b" * 40, "git_dirty": None})
    assert "2 commits; " in _origin(ranked_later)


def test_long_titles_are_cut_where_the_rest_tells_data_sets_apart():
    titles = [{"id": f"d{i}", "title": title, "reader": {"kind": "synthetic"}} for i, title in enumerate(
        ("MovieLens-1M (text file)", "Beauty (5-core)", "Beauty (raw)"))]  # fmt: skip
    both = config(more={"datasets": titles, "protocols": ["loo", "gts"]})
    named = scope_titles(both)
    assert named["d0", "gts"] == "MovieLens-1M, global temporal split"
    assert named["d1", "loo"] == "Beauty (5-core), leave-one-out"
    # The only protocol there is is not repeated in every row; captions, which go into papers, name it.
    assert scope_titles(config(more={"datasets": titles}))["d0", "loo"] == "MovieLens-1M"
    assert Scope("d0", "loo", "MovieLens-1M (text file)", "MovieLens-1M").name == "MovieLens-1M, leave-one-out"


def test_runs_with_the_same_finding_share_a_row_and_the_csv_file_keeps_them_apart():
    gates = [
        Gate("converged", SASREC, "made-0", "loo", "amber", "It ended early.", False),
        Gate("floor", SASREC, "made-0", "loo", "amber", "It is low.", False),
        Gate("converged", HYDRA_UNI, "made-0", "loo", "amber", "It ended early.", False),
        Gate("converged", HYDRA_UNI, "made-1", "loo", "amber", "It ended early.", False),
        Gate("code", "", "", "", "green", "All is one.", False),
    ]
    tables = gate_tables(EVERYTHING, gates, STYLES)
    rows = tables["attention"].bodies[0]
    assert [row.cells[2].text for row in rows] == ["SASRec, HydraRecUni", "SASRec", "HydraRecUni"]
    assert [run.id for run in rows[0].cells[2].runs] == [SASREC, HYDRA_UNI]
    assert list(tables["attention"].data["run"]) == [SASREC, SASREC, HYDRA_UNI, HYDRA_UNI]
    [passed] = tables["passed"].bodies[0]
    assert [cell.text for cell in passed.cells[2:4]] == ["all", "everywhere"]


def test_a_data_card_tells_first_how_large_the_data_are_and_leaves_out_what_is_not_known():
    lengths = {"min": 5, "p25": 5, "p5": 5, "max": 61}
    # The licence is in the configuration, and so would a citation be.
    card = {
        "content_hash": "ab" * 32,
        "items": 9,
        "lengths": lengths,
        "times": None,
        "users": 6040,
    }
    split = {"parts": {"test": {"targets": 7}, "train": {"items": 9}}, "content_hashes": {"test": "cd"}, "cuts": None}
    stages = [{"stage": "raw", "users": 6040}]
    inputs = SimpleNamespace(
        config=config(datasets=1),
        cards={"made-0": card | {"stages": stages}},
        splits={("made-0", "loo"): split | {"protocol": "loo"}},
    )
    [found] = data_cards(inputs)
    assert [name for name, _ in found.facts] == ["Users", "Items", "Lengths", "Licence"]
    assert dict(found.facts)["Users"] == "6\u202f040"
    assert dict(found.facts)["Lengths"].startswith("min 5 · p5 5 · p25 5")
    assert [name for name, _ in found.origin] == ["Content hash", "Split loo: content hashes"]
    # The only stage says what the facts say; the parts of the split are in the order of time.
    [parts] = found.tables
    assert [[cell.text for cell in row.cells] for row in parts.bodies[0]] == [
        ["loo", "train", NOTHING, "9"],
        ["loo", "test", "7", NOTHING],
    ]
