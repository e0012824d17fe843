"""The operator table: complete, the same in the documentation as in the code, and only what occurs in a report."""

import re

import pytest

from hydrarec.config.attention import AttentionConfig
from hydrarec.config.base import kind_of
from hydrarec.config.models import ModelConfig
from hydrarec.report.operators import operator_tables, operators_page
from tests.conftest import ROOT
from tests.fabricate import config

PAGE = ROOT / "docs/attention/README.md"
MODELS = [block for block in ModelConfig.__subclasses__() if not block.takes_attention]
MIXERS = [*AttentionConfig.__subclasses__(), *MODELS]


def test_the_committed_page_is_the_generated_one():
    assert PAGE.read_text(encoding="utf-8") == operators_page(), "stale: run `make generated`"


def test_every_operator_has_a_line_and_every_line_the_same_cells():
    lines = [line for line in operators_page().splitlines() if line.startswith("| [")]
    assert len(lines) == len(MIXERS)
    # Bars inside a cell are escaped.
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {8}


@pytest.mark.parametrize("block", MIXERS, ids=kind_of)
def test_nothing_is_left_unsaid(block):
    unsaid = [name for name in ("formula", "time", "memory", "source") if not getattr(block, name)]
    assert not unsaid, f"{kind_of(block)} does not say its {', '.join(unsaid)}: section 1 of docs/how-to/add-model.md"
    assert re.search(r"\b(19|20)\d\d\b", block.source)


@pytest.mark.parametrize("block", MIXERS, ids=kind_of)
def test_the_card_that_is_linked_is_there(block):
    (line,) = re.findall(rf"^\| \[`{kind_of(block)}`\].*$", operators_page(), re.MULTILINE)
    assert (PAGE.parent / re.search(r"\]\(([^)]+)\)", line).group(1)).is_file()


def test_why_a_form_is_missing_is_said(monkeypatch):
    softmax = next(block for block in AttentionConfig.__subclasses__() if kind_of(block) == "softmax")
    monkeypatch.setattr(softmax, "no_causal_form", "it is told to")
    assert "| no: it is told to |" in operators_page()


def test_a_report_shows_what_occurs_in_it_once():
    one = {"model": {"kind": "bert4rec"}, "masking": {"kind": "causal"}}
    runs = [
        {"id": "a", "attention": {"kind": "hydra"}, **one},
        {"id": "b", "attention": {"kind": "hydra", "eps": 1e-5}, **one},
        {"id": "c", "model": {"kind": "gru4rec"}, "masking": {"kind": "causal"}},
    ]
    operators, models = operator_tables(config(more={"runs": runs, "evaluation": {"reference": "a"}}))
    assert [[row.cells[0].text for row in body] for body in operators.bodies] == [["hydra"]]
    assert [[row.cells[0].text for row in body] for body in models.bodies] == [["gru4rec"]]


def test_baselines_alone_make_no_table():
    runs = [{"id": "popularity", "baseline": "popularity"}]
    assert operator_tables(config(more={"runs": runs, "evaluation": {"reference": "popularity"}})) == []


def test_the_page_has_the_table_and_the_combinations_left_out(page_of):
    grid = {
        "model": [{"kind": "sasrec"}],
        "attention": [{"kind": "softmax"}, {"kind": "hydra"}],
        "masking": [{"kind": "causal"}],
        "exclude": [{"attention": "hydra", "reason": "too good to be shown"}],
    }
    runs = [
        {"id": "oracle", "baseline": "oracle", "deterministic": True, "control": "oracle"},
        {"id": "itemknn", "baseline": "itemknn"},
    ]
    text = page_of({"grid": grid, "runs": runs})
    section = text[text.index('<section id="parts"') : text.index('<section id="datasets"')]
    assert "too good to be shown" in section
    assert "Vaswani" in section
    assert "Bolya" not in section
