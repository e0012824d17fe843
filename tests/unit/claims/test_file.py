"""A file of claims is checked, and a comparison's tables go in and two tables come out."""

import re
from pathlib import Path

import pytest
import yaml

from hydrarec.claims import decide
from hydrarec.columns import CLAIMS, VERDICTS
from hydrarec.config import ConfigError, load_file
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
        ({"claims": []}, "claims: must have one entry or more"),
        ({"claims": [CLAIM | {"kind": "better"}]}, r"claims\[0\]: 'better' is not a kind; allowed: .*'superior'"),
        ({"claims": [CLAIM | {"versus": []}]}, r"claims\[0\].versus: no such key"),
        ({"claims": [CLAIM | {"against": [HYDRA_UNI]}]}, "cannot be held against itself"),
        ({"claims": [CLAIM | {"against": [SASREC, SASREC]}]}, "stands there more than once"),
        ({"claims": [CLAIM, CLAIM]}, "claims: A stands there more than once"),
        ({"claims": [CLAIM | {"alpha": 0.7}]}, "alpha: input should be less than 0.5; found 0.7"),
        ({"claims": [CLAIM | {"metric": "mrr"}]}, "metric: must be ndcg@k or hr@k, such as ndcg@10"),
        (
            {"claims": [CLAIM | {"kind": "equivalent", "separates": [SASREC]}]},
            rf"claims\[0\]: separates: {re.escape(SASREC)} is itself compared; allowed: other runs",
        ),
        ({"registered": "soon"}, "registered: must be a date, written as 2026-11-28"),
        ({"bands": [{"dataset": "d"}]}, r"bands\[0\].run: must be given"),
    ],
)
def test_mistakes_are_named_with_their_key(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        load_hypotheses(written(tmp_path, **changes))


PUBLISHED = {
    "tolerance": 10,
    "common": {"config": "config.yaml", "dataset": "d", "model": "bert4rec"},
    "rows": [
        {"title": "Theirs", "config": "config.yaml", "dataset": "d", "run": "their-run", "source": "They (2020)",
         "values": [{"metric": "ndcg@10", "value": 0.2}, {"metric": "hr@10", "value": 0.4, "recalled": True}]},
        {"title": "Later", "config": "config.yaml", "dataset": "d", "run": "x", "source": "They", "protocol": "gts",
         "values": [{"metric": "ndcg@10", "value": 0.1}]},
    ],
}  # fmt: skip


def naming(folder, *bands, **changes):
    (folder / "numbers.yaml").write_text(yaml.safe_dump(PUBLISHED))
    return written(folder, **{"published": "numbers.yaml", "bands": list(bands)} | changes)


def test_bands_take_number_source_and_tolerance_from_the_published(tmp_path):
    own = {"dataset": "mine", "run": SASREC, "metric": "hr@10", "value": 0.3, "source": "Me"}
    theirs = {"published": "Theirs", "metric": "ndcg@10"}
    recalled = {"published": "Theirs", "metric": "hr@10", "datasets": ["a", "b"], "run": SASREC, "tolerance": 0.02}
    bands = load_hypotheses(naming(tmp_path, own, theirs, recalled)).known_bands
    assert [(b.dataset, b.run, b.value, b.tolerance, b.source) for b in bands] == [
        ("mine", SASREC, 0.3, 0.05, "Me"),
        ("d", "their-run", 0.2, 0.1, "They (2020)"),
        ("a", SASREC, 0.4, 0.02, "They (2020) (quoted from memory)"),
        ("b", SASREC, 0.4, 0.02, "They (2020) (quoted from memory)"),
    ]


@pytest.mark.parametrize(
    ("band", "message"),
    [
        ({"published": "Ours"}, r"claims.yaml:2: bands\[0\].published: no row has the title 'Ours'; allowed: Theirs"),
        ({"metric": "ndcg@5"}, r"bands\[0\].metric: 'Theirs' has no number of ndcg@5; allowed: ndcg@10, hr@10"),
        ({"published": "Later"}, "'Later' is about gts; allowed: rows about loo"),
        ({"value": 0.2}, r"bands\[0\].value: no such key"),
        ({"datasets": ["a", "a"]}, "datasets: a stands there more than once"),
    ],
)
def test_bands_that_name_what_is_not_published_are_refused(tmp_path, band, message):
    with pytest.raises(ConfigError, match=message):
        load_hypotheses(naming(tmp_path, {"published": "Theirs", "metric": "ndcg@10"} | band))


def test_bands_need_their_file(tmp_path):
    band = {"published": "Theirs", "metric": "ndcg@10"}
    with pytest.raises(ConfigError, match="published: must name the file that bands take their numbers from"):
        load_hypotheses(naming(tmp_path, band, published=None))
    with pytest.raises(ConfigError, match=r"claims.yaml:\d+: published: .*nowhere.yaml cannot be read: No such file"):
        load_hypotheses(naming(tmp_path, band, published="nowhere.yaml"))


def test_the_committed_bands_are_about_runs_and_data_of_the_comparison():
    config = load_file(ROOT / "config.yaml")
    bands = load_hypotheses(ROOT / "hypotheses.yaml").known_bands
    assert {(b.dataset, b.value) for b in bands} >= {("ml-1m", 0.1821), ("ml-20m", 0.1703)}
    assert {b.run for b in bands} <= set(config.run_ids)
    assert {b.dataset for b in bands} - {d.id for d in config.datasets} == {"ml-1m-sasrec"}


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
    assert claims["published_sha256"].isna().all()
    verdicts = read_table(tmp_path / "verdicts.parquet", VERDICTS)
    # Two claims, two datasets, two protocols.
    assert len(verdicts) == 8
    decide(tree.config, path, tree.results, tables, tmp_path / "again")
    for name in ("claims.parquet", "verdicts.parquet"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    decide(tree.config, naming(tmp_path), tree.results, tables, tmp_path / "held")
    held = read_table(tmp_path / "held/claims.parquet", CLAIMS)
    assert set(held["published_sha256"]) == {sha256(tmp_path / "numbers.yaml")}
