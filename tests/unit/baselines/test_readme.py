"""The baseline that the README adds works as printed, by the rule that the starter has."""

import re

import torch

from hydrarec.scaffold import write_baseline
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def printed(language):
    """Return the first block of a language."""
    return re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)[1]


def test_scores_are_how_many_users_met_an_item_last(inputs):
    module = {}
    exec(printed("python"), module)
    scores = module["scorer"](inputs, {})(torch.arange(2))
    # The training parts are 1 2 3 | 1 2 4 | 3 1 | 2.
    assert scores.tolist() == [[0, 1, 1, 1, 1, 0]] * 2


def test_the_rule_is_the_starters(tmp_path):
    (tmp_path / "workflow/rules/baselines").mkdir(parents=True)
    (tmp_path / "Snakefile").touch()
    rule, *_ = write_baseline("newest", tmp_path, inside=True)
    comment, _, rest = (tmp_path / rule).read_text(encoding="utf-8").partition("\n")
    assert comment.startswith("# ")
    assert printed("snakemake") == rest
