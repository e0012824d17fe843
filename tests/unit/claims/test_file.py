"""A file of claims is checked, and a comparison's tables go in and two tables come out."""

import re
from pathlib import Path

import pytest
import yaml

from hydrarec.claims import decide
from hydrarec.columns import CLAIMS, VERDICTS
from hydrarec.config import ConfigError
from hydrarec.config.hypotheses import load_hypotheses
from hydrarec.files import sha256
from hydrarec.tables import read_table
from tests.conftest import ROOT
from tests.fabricate import HYDRA_UNI, SASREC

CLAIM = {"id": "A", "statement": "It is better", "kind": "superior", "run": HYDRA_UNI, "against": [SASREC]}


def written(folder: Path, **changes) -> Path:
    path = folder / "claims.yaml"
    content = {"registered": "2026-01-02", "needed": 1, "claims": [CLAIM]} | changes
    # A date is one in YAML only without quotes.
    path.write_text(yaml.safe_dump(content).replace("'2026-01-02'", "2026-01-02"))
    return path


@pytest.mark.parametrize("path", ["hypotheses.yaml", "examples/hypotheses/demo.yaml"])
def test_committed_files_are_right(path):
    assert load_hypotheses(ROOT / path).claims


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"claims": []}, "claims: list should have at least 1 item"),
        ({"claims": [CLAIM | {"kind": "better"}]}, r"claims\[0\]: 'better' is not a kind; allowed: .*'superior'"),
        ({"claims": [CLAIM | {"versus": []}]}, r"claims\[0\].versus: no such key"),
        ({"claims": [CLAIM | {"against": [HYDRA_UNI]}]}, "cannot be held against itself"),
        ({"claims": [CLAIM | {"against": [SASREC, SASREC]}]}, "stands there more than once"),
        ({"claims": [CLAIM, CLAIM]}, "claims: A stands there more than once"),
        ({"claims": [CLAIM | {"alpha": 0.7}]}, "alpha: input should be less than 0.5; found 0.7"),
        ({"claims": [CLAIM | {"metric": "mrr"}]}, "metric: string should match pattern"),
        (
            {"claims": [CLAIM | {"kind": "equivalent", "separates": [SASREC]}]},
            rf"claims\[0\]: separates: {re.escape(SASREC)} is itself compared; allowed: other runs",
        ),
        ({"registered": "soon"}, "registered: input should be a valid date"),
        ({"bands": [{"dataset": "d"}]}, r"bands\[0\].run: must be given"),
    ],
)
def test_mistakes_are_named_with_their_key(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        load_hypotheses(written(tmp_path, **changes))


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="the file of hypotheses cannot be read"):
        load_hypotheses(tmp_path / "claims.yaml")


def test_from_tables_to_tables(tree, tables, tmp_path):
    path = written(tmp_path, claims=[CLAIM, CLAIM | {"id": "B", "run": SASREC, "against": ["popularity"]}])
    decide(tree.config, path, tree.results, tables, tmp_path)
    claims = read_table(tmp_path / "claims.parquet", CLAIMS).set_index("claim")
    assert claims["verdict"]["B"] == "supported"
    assert claims["places"].tolist() == [2, 2]
    assert set(claims["sha256"]) == {sha256(path)}
    assert set(claims["registered"]) == {"2026-01-02"}
    verdicts = read_table(tmp_path / "verdicts.parquet", VERDICTS)
    # Two claims, two datasets, two protocols.
    assert len(verdicts) == 8
    decide(tree.config, path, tree.results, tables, tmp_path / "again")
    for name in ("claims.parquet", "verdicts.parquet"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
