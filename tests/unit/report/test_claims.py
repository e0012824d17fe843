"""Verdicts on claims stand first on the page, with their reasons, and nothing in them is obeyed."""

import re
from pathlib import Path

import pandas as pd
import pytest

from hydrarec.columns import CLAIMS, VERDICTS
from hydrarec.config.base import kinds_of
from hydrarec.config.hypotheses import ClaimConfig, load_hypotheses
from hydrarec.files import read_json, write_json
from hydrarec.layout import COLLECTED, DECIDED
from hydrarec.report.chapters.claims import format_registration
from hydrarec.report.inputs import read_inputs
from hydrarec.tables import write_table
from tests.fabricate import HYDRA_UNI, SASREC
from tests.unit.report.conftest import page_in

ROOT = Path(__file__).parents[3]
EVIL = "<script>alert('claimed')</script>"
SUPPORTED = (
    "It holds in 1 of 1 decidable places (needed: 1; p = .020 by Holm's correction over the confirmatory claims). This "
    "is support under leave-one-out only: no other protocol was computed."
)
NOT_DECIDED = "It holds in 1 of 2 decidable places (needed: 1), but the data speak against it on Made-up data 0."


def write_verdicts(_, tables):
    common = {"kind": "superior", "family": "confirmatory", "needed": 1, "sentence": SUPPORTED}
    common |= {
        "registered": "2026-01-02",
        "sha256": "ab" * 32,
        "published_sha256": "cd" * 32,
        "holding": 1,
        "places": 1,
    }
    claims = [
        common | {"claim": "H1", "statement": "The first is better", "verdict": "supported", "p": 0.01, "p_holm": 0.02},
        common | {"claim": "H2", "statement": EVIL, "verdict": "not decidable", "p": None, "p_holm": None}
        | {"sentence": f"no run {EVIL}", "family": "exploratory"},
        common | {"claim": "H3", "statement": "The third is, too", "verdict": "not decided", "p": 0.01, "p_holm": 0.02}
        | {"sentence": NOT_DECIDED},
    ]  # fmt: skip
    scope = {"dataset": "made-0", "protocol": "loo", "device": None, "run": HYDRA_UNI, "against": SASREC}
    scope |= {"remark": None, "p_holm": None, "detectable": None}
    verdicts = [
        scope | {"claim": "H1", "measure": "ndcg@10", "verdict": "superior", "estimate": 3.0, "low": 1.0, "high": 5.0}
        | {"p": 0.01, "p_holm": 0.03, "detectable": 4.26}
        | {"holds": True, "refutes": False, "sentence": f"On Made-up data 0 it is better than itself {EVIL}."},
        scope | dict.fromkeys(("dataset", "protocol", "against", "p"))
        | {"device": "cpu", "claim": "H2", "measure": "time", "verdict": "inconclusive", "estimate": 1.2, "low": 0.9}
        | {"high": 2.0, "holds": False, "refutes": False, "sentence": "On cpu it grows."},
    ]  # fmt: skip
    write_table(pd.DataFrame(claims), tables / "claims.parquet", CLAIMS)
    write_table(pd.DataFrame(verdicts), tables / "verdicts.parquet", VERDICTS)
    write_json(tables / DECIDED, read_json(tables / COLLECTED))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("claims")
    page_in(folder, {"hypotheses": "hypotheses.yaml"}, spoil=write_verdicts)
    return folder / "report"


@pytest.fixture(scope="module")
def first(folder):
    page = (folder / "index.html").read_text(encoding="utf-8")
    return page[page.index('<section id="verdicts"') : page.index('<section id="leaderboard"')]


def test_claims_stand_on_the_first_screen_with_verdict_date_and_hash(first):
    for words in (
        "The first is better",
        "supported",
        "not decidable",
        "2026-01-02",
        "abababababababab",
        "cdcdcdcdcdcdcdcd",
        ".020",
    ):
        assert words in first
    assert "Exploratory." in first
    assert 'class="claim-not-decidable"' in first


def test_every_verdict_stands_with_its_reason_on_the_page_and_in_latex(folder, first):
    tex = (folder / "tables" / "verdicts" / "claims.tex").read_text(encoding="utf-8")
    for said in (
        "This is support under leave-one-out only: no other protocol was computed.",
        "but the data speak against it on Made-up data 0.",
        "Exploratory. no run ",
    ):
        assert first.count(said) == 1
        assert tex.count(said) == 1
    # The sentence has counts and p-values already.
    assert first[first.index('id="claims"') : first.index("</table>")].count(".020") == 1
    assert r"The first is better \newline It holds in 1 of 1 decidable places" in tex


def test_whether_claims_or_results_were_first_is_told_as_far_as_days_tell_it(tree, tables):
    inputs = read_inputs(tree.config, tree.results, tables)
    row = {"registered": "2026-01-02", "sha256": "ab" * 32, "published_sha256": None}
    # The fabricated results are of 2026-01-02.
    number = len(inputs.manifests)
    assert (
        format_registration(inputs, {**row, "registered": "2026-01-01"}).count(
            f"All {number} results were written after"
        )
        == 1
    )
    assert f"Of {number} results {number} were written on that day or before" in format_registration(inputs, row)


def test_what_verdicts_rest_on_is_there_place_by_place(folder, first):
    evidence = first[first.index('id="evidence"') :]
    # What is a data set's name where the sentence begins may be part of a run's elsewhere.
    said = "On Made-up data 0 it is better than itself"
    assert said in evidence
    assert said in (folder / "tables" / "verdicts" / "evidence.tex").read_text(encoding="utf-8")
    assert "On cpu it grows." in evidence
    assert [cell for cell in (".010", ".030", "4.3\u202f%") if cell not in evidence] == []
    assert "nan" not in evidence
    assert "so that they hold the comparator&#39;s own error" in evidence
    assert "the one-sided p, beside which the two-sided interval may still contain 0" in evidence


def test_text_of_claims_is_inert(first):
    assert "<script>" not in first
    assert first.count("&lt;script&gt;alert") >= 3


def test_without_claims_the_page_speaks_of_none(page_of):
    assert 'id="claims"' not in page_of()


def test_the_page_on_claims_has_an_example_of_each_kind_with_every_key_and_its_default(tmp_path):
    page = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    [block] = [block for block in blocks if "kind: growth" in block]
    found = []
    for text in (block, re.sub(r"^    # ", "    ", block, flags=re.MULTILINE)):
        path = tmp_path / "claims.yaml"
        path.write_text(text, encoding="utf-8")
        found.append(load_hypotheses(path).claims)
    printed, written_out = found
    assert [claim.model_dump() for claim in printed] == [claim.model_dump() for claim in written_out]
    assert {type(claim) for claim in printed} == set(kinds_of(ClaimConfig))
    # What every kind has is said above the example.
    of_all = set(ClaimConfig.model_fields)
    assert {key for claim in written_out for key in set(type(claim).model_fields) - claim.model_fields_set} <= of_all
