"""Every report has the BibTeX entries of what it compares and of its statistics, and of nothing else."""

import re

import pytest

from hydrarec.baselines.run import baseline_names
from hydrarec.config import load_file
from hydrarec.config.attention import AttentionConfig
from hydrarec.config.base import kind_of, kinds_of
from hydrarec.config.built_in import BUILT_IN
from hydrarec.config.losses import BinaryCrossEntropyLossConfig, LossConfig
from hydrarec.config.masking import MaskingConfig
from hydrarec.config.models import ModelConfig
from hydrarec.report.export.references import entries, references
from tests.conftest import ROOT

NOBODYS = {"baseline/bayes", "baseline/oracle", "baseline/random", "baseline/popularity"}
"""What nobody has to be named for."""
NOBODYS_DATA = {"synthetic"}
KINDS = [
    f"{block.room}/{kind_of(block)}"
    for base in (AttentionConfig, ModelConfig, LossConfig, MaskingConfig)
    for block in kinds_of(base)
]
RULES = {f"baseline/{path.stem}" for path in (ROOT / "workflow/rules/baselines").glob("*.smk")}
STATISTICS = {"significance", "hypotheses", "tie_order"}
LAYOUT = load_file(ROOT / "examples/layout.yaml")


def _keys(found):
    return re.findall(r"^@\w+\{(\w+),", found, re.MULTILINE)


def _keys_of(*words):
    return [key for entry, keywords in entries() if keywords & {*words} for key in _keys(entry)]


@pytest.mark.parametrize("what", sorted({*KINDS, *RULES, *(f"baseline/{name}" for name in baseline_names())} - NOBODYS))
def test_everything_that_can_be_compared_has_a_source(what):
    assert any(what in keywords for _, keywords in entries())


@pytest.mark.parametrize("name", sorted(set(BUILT_IN) - NOBODYS_DATA))
def test_every_data_set_has_a_source(name):
    dois = {doi for entry, words in entries() if "data" in words for doi in re.findall(r"doi = \{(.*?)\}", entry)}
    assert any(doi in BUILT_IN[name].citation for doi in dois)


def test_every_keyword_names_something_and_every_key_is_there_once():
    named = set().union(*(keywords for _, keywords in entries()))
    others = {"always", "data", "losses/binary_cross_entropy/calibration"}
    assert named <= {*KINDS, *RULES, *STATISTICS, *others}
    keys = [key for entry, _ in entries() for key in _keys(entry)]
    assert len(keys) == len(entries()) == len(set(keys))


@pytest.mark.parametrize("entry", [entry for entry, _ in entries()], ids=lambda entry: _keys(entry)[0])
def test_an_entry_is_complete(entry):
    assert entry.count("{") == entry.count("}")
    fields = re.findall(r"^  (\w+) = \{", entry, re.MULTILINE)
    assert len(fields) == len(set(fields))
    place = {"article": {"journal", "year"}, "inproceedings": {"booktitle", "year"}, "book": {"publisher", "year"}}
    assert {"title", "author", *place.get(re.match(r"@(\w+)", entry)[1], set())} <= {*fields}
    assert "keywords" not in fields
    assert "and others" not in entry


def test_a_report_has_what_it_compares():
    found = references(LAYOUT)
    assert _keys(found) == [
        *("mushtaque2025hydrarec", "hydrarec", "kang2018sasrec", "sun2019bert4rec", "vaswani2017attention"),
        *("bolya2022hydra", "katharopoulos2020linear", "klenitskiy2023turning", "sarwar2001item", "ding2005time"),
        *("shani2005mdp", "mcauley2015image"),
        *_keys_of("significance", *(["hypotheses"] if LAYOUT.hypotheses else [])),
    ]
    assert found.endswith("}\n")
    assert found == references(load_file(ROOT / "examples/layout.yaml"))


def test_a_report_has_the_statistics_it_uses():
    bare = LAYOUT.model_copy(update={"hypotheses": None})
    assert not {*_keys_of("hypotheses", "tie_order")} & {*_keys(references(bare))}
    decided = LAYOUT.model_copy(update={"hypotheses": "hypotheses.yaml"})
    assert {*_keys_of("hypotheses")} <= {*_keys(references(decided))}
    assert {*_keys_of("tie_order")} <= {*_keys(references(load_file(ROOT / "examples/ties.yaml")))}


def test_a_loss_has_its_own_source():
    for calibration, expected in ((0.0, False), (0.75, True)):
        loss = BinaryCrossEntropyLossConfig(calibration=calibration)
        keys = _keys(references(LAYOUT.model_copy(update={"loss": loss})))
        assert ("petrov2023gsasrec" in keys) is expected
        assert "klenitskiy2023turning" not in keys
