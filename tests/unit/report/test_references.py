"""Every report has the BibTeX entries of what it compares, and of nothing else."""

import re

import pytest

from hydrarec.baselines.run import baseline_names
from hydrarec.config import load_file
from hydrarec.config.attention import AttentionConfig
from hydrarec.config.base import kind_of, kinds_of
from hydrarec.config.built_in import BUILT_IN
from hydrarec.config.losses import LossConfig
from hydrarec.config.masking import MaskingConfig
from hydrarec.config.models import ModelConfig
from hydrarec.report.export.references import entries, references
from tests.conftest import ROOT

NOBODYS = {"baseline/bayes", "baseline/oracle", "baseline/random", "baseline/popularity"}
"""What nobody has to be named for."""
KINDS = [
    f"{block.room}/{kind_of(block)}"
    for base in (AttentionConfig, ModelConfig, LossConfig, MaskingConfig)
    for block in kinds_of(base)
]


@pytest.mark.parametrize("what", sorted({*KINDS, *(f"baseline/{name}" for name in baseline_names())} - NOBODYS))
def test_everything_that_can_be_compared_has_a_source(what):
    assert any(what in keywords for _, keywords in entries())


def test_every_keyword_names_something_and_every_key_is_there_once():
    rules = {f"baseline/{path.stem}" for path in (ROOT / "workflow/rules/baselines").glob("*.smk")}
    named = set().union(*(keywords for _, keywords in entries()))
    assert named <= {*KINDS, *rules, "always", "data"}
    keys = [re.match(r"@\w+\{(\w+),", entry)[1] for entry, _ in entries()]
    assert len(keys) == len(set(keys))
    for entry, _ in entries():
        assert entry.count("{") == entry.count("}")
        assert "keywords" not in entry


def test_data_sets_bring_their_own():
    dois = {doi for entry, words in entries() if "data" in words for doi in re.findall(r"doi = \{(.*?)\}", entry)}
    assert all(any(doi in known.citation for doi in dois) for known in BUILT_IN.values() if known.source)


def test_a_report_has_what_it_compares():
    found = references(load_file(ROOT / "examples/layout.yaml"))
    keys = re.findall(r"^@\w+\{(\w+),", found, re.MULTILINE)
    assert keys == [
        *("mushtaque2025hydrarec", "hydrarec", "kang2018sasrec", "sun2019bert4rec", "vaswani2017attention"),
        *("bolya2022hydra", "katharopoulos2020linear", "klenitskiy2023turning", "sarwar2001item", "shani2005mdp"),
        "mcauley2015image",
    ]
    assert found.endswith("}\n")
