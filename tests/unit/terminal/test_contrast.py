"""Two runs compared on demand: the numbers of the tables, for any pair, and nothing that must not be compared."""

import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from hydrarec.cli import app
from hydrarec.columns import COMPARISON, LEADERBOARD, PAIRS, RANKS
from hydrarec.comparison.two import contrast_two, restrict
from hydrarec.config import load
from hydrarec.files import read_json, write_json
from hydrarec.tables import read_table, write_table
from hydrarec.terminal.contrast import format_contrast
from tests.fabricate import HYDRA_UNI, SASREC, SKILLS, Tree, config

OF_OTHER_RUNS = ("dataset", "protocol", "run", "reference", "metric", "p_holm", "p_equivalent_holm", "verdict")


@pytest.mark.parametrize("protocol", ["loo", "gts"])
@pytest.mark.parametrize("run", [HYDRA_UNI, "popularity"])
def test_against_the_reference_it_is_the_row_of_the_table(tree, tables, protocol, run):
    found = contrast_two(tree.config, tree.results, run, SASREC, "made-0", protocol).rows
    table = read_table(tables / "comparison.parquet", COMPARISON)
    here = table[(table["run"] == run) & (table["protocol"] == protocol)].set_index("metric")
    columns = [name for name in COMPARISON.names if name not in OF_OTHER_RUNS]
    pd.testing.assert_frame_equal(found[columns], here.loc[found.index, columns], check_dtype=False, rtol=1e-12)


@pytest.mark.parametrize(("run", "reference"), [(HYDRA_UNI, "itemknn"), ("itemknn", "popularity")])
def test_any_other_pair_is_the_row_of_the_pairs(tree, tables, run, reference):
    found = contrast_two(tree.config, tree.results, run, reference, "made-0", "loo").rows
    pairs = read_table(tables / "pairs.parquet", PAIRS)
    here = pairs[(pairs["run"] == run) & (pairs["other"] == reference) & (pairs["protocol"] == "loo")]
    for _, row in here.iterrows():
        for column in ("difference", "percent", "standard_error", "low", "high", "p"):
            assert found.loc[row["metric"], column] == pytest.approx(row[column], rel=1e-9), column
    assert len(here) == 2


def test_means_are_those_of_the_leaderboard_and_the_other_way_round_is_the_opposite(tree, tables):
    one = contrast_two(tree.config, tree.results, HYDRA_UNI, "itemknn", "made-0", "gts").rows
    other = contrast_two(tree.config, tree.results, "itemknn", HYDRA_UNI, "made-0", "gts").rows
    leaders = read_table(tables / "leaderboard.parquet", LEADERBOARD)
    means = leaders[(leaders["protocol"] == "gts") & (leaders["group"] == "all")].set_index(["run", "metric"])["mean"]
    np.testing.assert_allclose(one["mean"], means[HYDRA_UNI][one.index])
    np.testing.assert_allclose(one["mean_reference"], means["itemknn"][one.index])
    np.testing.assert_allclose(other[["difference", "low", "high"]], -one[["difference", "high", "low"]])
    assert one.loc["ndcg@10", "verdict"] == "superior"
    assert other.loc["ndcg@10", "verdict"] == "inferior"


def test_two_runs_that_no_seed_changes_need_not_say_so(small):
    raw = small.config.model_dump(mode="json", exclude_unset=True)
    for run in raw["runs"]:
        if run["id"] in ("itemknn", "popularity"):
            del run["deterministic"]
            for name in small.folder(run["id"]).iterdir():
                other = small.folder(run["id"], 1) / name.name
                other.parent.mkdir(exist_ok=True)
                shutil.copy(name, other)
    config = load(raw)
    found = contrast_two(config, small.results, "itemknn", "popularity", "made-0", "loo")
    assert "ahead with another seed" not in format_contrast(config, found)


def test_only_the_two_runs_need_be_there(small):
    before = contrast_two(small.config, small.results, "itemknn", HYDRA_UNI, "made-0", "loo").rows
    for run in (SASREC, "oracle", "random"):
        shutil.rmtree(small.folder(run).parent)
    after = contrast_two(small.config, small.results, "itemknn", HYDRA_UNI, "made-0", "loo").rows
    pd.testing.assert_frame_equal(before, after)
    (small.folder(HYDRA_UNI, 1) / "manifest.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"needs 1 file\(s\)[^\n]*\n[^\n]*hydra\+causal/seed-1/manifest\.json"):
        contrast_two(small.config, small.results, "itemknn", HYDRA_UNI, "made-0", "loo")


def test_runs_that_saw_other_data_are_refused(small):
    path = small.folder(HYDRA_UNI, 1) / "manifest.json"
    manifest = read_json(path)
    manifest["data"]["train.parquet"] = "0" * 64
    write_json(path, manifest)
    with pytest.raises(ValueError, match=r"saw different data.*train\.parquet"):
        contrast_two(small.config, small.results, HYDRA_UNI, SASREC, "made-0", "loo")
    assert len(contrast_two(small.config, small.results, "itemknn", SASREC, "made-0", "loo").rows) == 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("bert", SASREC, "made-0", "loo"), rf"no run 'bert'; allowed: .*{HYDRA_UNI[:9]}.*popularity"),
        ((SASREC, "bert", "made-0", "loo"), "no run 'bert'"),
        ((SASREC, HYDRA_UNI, "made", "loo"), "no dataset 'made'; allowed: made-0"),
        ((SASREC, HYDRA_UNI, "made-0", "lool"), "no protocol 'lool'; allowed: loo, gts"),
        ((SASREC, SASREC, "made-0", "loo"), "cannot be compared with itself"),
    ],
)
def test_names_that_are_not_the_configurations_are_refused(tree, arguments, said):
    with pytest.raises(ValueError, match=said):
        contrast_two(tree.config, tree.results, *arguments)


def test_runs_of_a_grid_keep_their_settings_and_the_configuration_is_left_alone():
    grid = {
        "model": [{"kind": "bert4rec"}],
        "attention": [{"kind": "hydra"}, {"kind": "softmax"}],
        "masking": [{"kind": "causal"}],
        "per_masking": {"causal": {"training": {"max_epochs": 7}}},
    }
    everything = load(
        {"report": "x", "datasets": ["synthetic"], "seeds": [0], "grid": grid,
         "evaluation": {"reference": HYDRA_UNI}}
    )  # fmt: skip
    ids = list(everything.run_ids)
    part = restrict(everything, ["bert4rec+softmax+causal", HYDRA_UNI], "synthetic", "loo")
    assert part.run_ids == ["bert4rec+softmax+causal", HYDRA_UNI]
    assert restrict(everything, part.run_ids[:1], "synthetic", "loo").evaluation.reference == "bert4rec+softmax+causal"
    assert part.evaluation.reference == HYDRA_UNI
    assert part.settings(HYDRA_UNI, "synthetic") == everything.settings(HYDRA_UNI, "synthetic")
    assert everything.run_ids == ids
    assert everything.grid is not None


def test_a_reference_that_never_hits_has_no_per_cent_and_no_margin(small):
    for seed in range(2):
        path = small.folder(SASREC, seed) / "ranks.parquet"
        write_table(read_table(path, RANKS).assign(greater=100, equal=0), path, RANKS)
    found = contrast_two(small.config, small.results, HYDRA_UNI, SASREC, "made-0", "loo")
    text = format_contrast(small.config, found)
    assert "NDCG@10: HydraRecUni (bert4rec+hydra+causal) is better (+" in text.replace("\n", " ")
    assert "; in per cent" not in text
    assert "equivalent within" not in text
    assert "nan" not in text
    # Of MRR there is an interval in per cent still, whose width has to be explained.
    assert "half a user" in text
    assert "half a user" not in format_contrast(small.config, replace(found, rows=found.rows.drop("mrr")))


def test_it_is_written_in_plain_characters_with_the_numbers_of_the_table(tree, tables):
    found = contrast_two(tree.config, tree.results, HYDRA_UNI, "itemknn", "made-0", "loo")
    text = format_contrast(tree.config, found)
    assert text.isascii()
    row = found.rows.loc["ndcg@10"]
    said = text.replace("\n", " ")
    # What the word follows from comes first.
    assert f"is better (+{row['difference']:.4f}, 95 % interval +{row['low']:.4f} to +{row['high']:.4f}; in per" in said
    assert f"in per cent +{row['percent']:.1f} %, +{row['percent_low']:.1f} to" in said
    assert "80 users, 3 matched seeds" in text
    assert f"P = {row['seed_wins']:.2f}, {row['seed_wins_low']:.2f} to {row['seed_wins_high']:.2f}" in text
    assert f"{row['attained_margin']:.1f} %" in text
    parts = next(line for line in text.splitlines() if line.strip().startswith("variance"))
    assert re.findall("users x seeds|users|seeds", parts) == ["users", "seeds", "users x seeds"]
    # Rounded to whole per cent, three parts add up to 99 to 101.
    assert sum(map(int, re.findall(r"(\d+) %", parts))) == pytest.approx(100, abs=1)
    assert "One seed" not in text
    assert re.search(r"standard error +0\.\d{4} over users and seeds$", text, re.MULTILINE)
    assert "half a user more on either side" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80


def test_two_results_that_stand_for_every_seed_are_not_counted_as_several(tree):
    text = format_contrast(
        tree.config, contrast_two(tree.config, tree.results, "itemknn", "popularity", "made-0", "loo")
    )
    assert "1 matched seed\n" in text
    assert "ahead with another seed" not in text
    assert "One result each, whatever the seed: only users are random." in text
    assert re.search(r"standard error +0\.\d{4} over users$", text, re.MULTILINE)


@pytest.mark.parametrize(("skill", "word"), [(2.0, "may be better or worse"), (2.6, "is better"), (1.2, "is worse")])
def test_the_sentence_is_no_stronger_than_the_verdict(tmp_path, skill, word):
    made = Tree(config(datasets=1, seeds=4), tmp_path, n_users=120, skills=SKILLS | {HYDRA_UNI: skill}).write()
    text = format_contrast(made.config, contrast_two(made.config, tmp_path, HYDRA_UNI, SASREC, "made-0", "loo"))
    assert word in " ".join(text.splitlines()[3:5])


def test_with_one_seed_the_error_is_over_users(tmp_path):
    made = Tree(config(datasets=1, seeds=1), tmp_path, n_users=40).write()
    text = format_contrast(made.config, contrast_two(made.config, tmp_path, HYDRA_UNI, SASREC, "made-0", "loo"))
    assert re.search(r"standard error +0\.\d{4} over users \(one seed\)$", text, re.MULTILINE)


def test_the_command(tree, tmp_path):
    path = tmp_path / "config.yaml"
    write_json(path, tree.config.model_dump(mode="json", exclude_unset=True))
    common = ["--config", str(path), "--folder", str(tree.results.parent)]
    said = CliRunner().invoke(app, ["compare", HYDRA_UNI, SASREC, "--dataset", "made-0", *common])
    assert said.exit_code == 0, said.exception
    wanted = contrast_two(tree.config, tree.results, HYDRA_UNI, SASREC, "made-0", "loo")
    assert said.output.rstrip("\n") == format_contrast(tree.config, wanted)
    said = CliRunner().invoke(app, ["compare", HYDRA_UNI, SASREC, "--dataset", "made-0", "--protocol", "gts", *common])
    assert "Made-up data 0, gts:" in said.output
    # The only data set need not be named; of several one must be.
    said = CliRunner().invoke(app, ["compare", HYDRA_UNI, SASREC, *common])
    assert said.output.rstrip("\n") == format_contrast(tree.config, wanted)
    write_json(path, config(datasets=2).model_dump(mode="json", exclude_unset=True))
    said = CliRunner().invoke(app, ["compare", HYDRA_UNI, SASREC, *common])
    assert str(said.exception) == "--dataset: must be given where there are several; allowed: made-0, made-1"


def test_reciprocal_ranks_of_lists_are_left_out_and_it_is_said(small):
    write_json(small.folder(HYDRA_UNI) / "costs.json", {})
    found = contrast_two(small.config, small.results, HYDRA_UNI, SASREC, "made-0", "loo")
    assert "mrr" not in found.rows.index
    assert "MRR is not compared" in " ".join(format_contrast(small.config, found).split())
    plain = contrast_two(small.config, small.results, "itemknn", SASREC, "made-0", "loo")
    assert "MRR is not compared" not in format_contrast(small.config, plain)
