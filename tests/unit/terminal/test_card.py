"""A run's card: its settings, the leaderboard's numbers, what it took, what made it; and what is absent."""

import re

import pytest
from typer.testing import CliRunner

from hydrarec.cli import app
from hydrarec.columns import LEADERBOARD
from hydrarec.config import load
from hydrarec.files import read_json, write_json
from hydrarec.formatting import duration
from hydrarec.layout import REQUIRED
from hydrarec.tables import read_table
from hydrarec.terminal.card import _seed_columns, card
from hydrarec.terminal.settings import changed_settings
from tests.fabricate import HYDRA_UNI, SASREC

GRID = {
    "report": "x",
    "datasets": ["ml-1m", "beauty"],
    "seeds": [0, 1],
    "encoder": {"d_model": 32, "max_length": 200},
    "per_dataset": {"beauty": {"encoder": {"max_length": 50}}},
    "grid": {
        "model": [{"kind": "bert4rec"}],
        "attention": [{"kind": "hydra"}],
        "masking": [{"kind": "causal"}, {"kind": "bidirectional", "mask_probability": 0.4}],
        "per_masking": {"bidirectional": {"training": {"patience": 40}}},
    },
    "runs": [{"id": "bpr", "baseline": "bpr_mf", "options": {"factors": 8}}],
    "evaluation": {"reference": HYDRA_UNI},
}


@pytest.mark.parametrize("run", [SASREC, "itemknn"])
def test_metrics_are_those_of_the_leaderboard(tree, tables, run):
    text = card(tree.config, tree.results, run)
    leaders = read_table(tables / "leaderboard.parquet", LEADERBOARD)
    for protocol in ("loo", "gts"):
        here = leaders[(leaders["run"] == run) & (leaders["group"] == "all") & (leaders["protocol"] == protocol)]
        part = text[text.index(f"(made-0), {protocol}") :]
        for _, row in here.iterrows():
            wanted = f"{row['mean']:.4f}  {max(row['low'], 0):.4f}-{min(row['high'], 1):.4f}"
            line = next(line for line in part.splitlines() if line.strip().startswith(row["metric"].upper() + " "))
            assert wanted in line
        seeds = f"{row['n_seeds']} seed{'s' if row['n_seeds'] > 1 else ''}"
        assert f"over {row['n_users']} users and {seeds}\n" in part
    assert text.isascii()


def test_it_says_what_each_seed_took_what_made_it_and_where_it_lies(tree):
    text = card(tree.config, tree.results, SASREC)
    first = text[text.index("seed 0") : text.index("(made-0), gts")]
    lines = {line[2:].split("  ")[0]: line[2:].split("  ")[1:] for line in first.splitlines()}
    assert re.search(r"\n +seed 0 +seed 1 +seed 2\n", text)
    for seed in range(3):
        timing = read_json(tree.folder(SASREC, seed) / "timing.json")
        column = {name: [cell.strip() for cell in cells if cell.strip()] for name, cells in lines.items()}
        assert column["epochs"][seed] == str(timing["epochs"])
        assert column["best epoch"][seed] == str(timing["best_epoch"])
        assert column["processor"][seed] == duration(timing["train_cpu_s"]).replace("\u202f", " ")
        assert (column["busy"][seed], column["load"][seed], column["memory"][seed]) == ("90 %", "2.1", "512 MiB")
        test_targets = read_json(tree.folder(SASREC, seed) / "manifest.json")["data"]["test.parquet"][:12]
        wanted = rf"seed {seed}: \S+/seed-{seed}\n +\S.* 0123456789\n +on node-1 \(Example CPU 3000\) at \S+\n"
        assert re.search(rf"{wanted} +test targets {test_targets}\n?", text)
    # No seed ran on a GPU.
    assert "GPU memory" not in text


def test_what_is_not_trained_has_no_epochs(tree):
    text = card(tree.config, tree.results, "popularity")
    assert "epochs" not in text
    assert re.search(r"\n  training +50 ms\n", text)
    assert re.search(r"\n  ms per target +2\.50\n", text)


@pytest.mark.parametrize("run", [SASREC, "popularity"])
def test_it_fits_into_eighty_columns(tree, run):
    # Addresses of folders stay whole.
    lines = [line for line in card(tree.config, tree.results, run).splitlines() if str(tree.results) not in line]
    assert max(map(len, lines)) <= 80


def test_many_seeds_stand_in_several_rows():
    columns = [[f"seed {seed}", *(["12 min"] * 14)] for seed in range(12)]
    lines = list(_seed_columns(columns))
    assert max(map(len, lines)) <= 80
    assert [word for line in lines if "seed" in line for word in line.split() if word.isdecimal()] == [
        str(seed) for seed in range(12)
    ]


def test_a_shared_gpu_has_no_times(small):
    path = small.folder(SASREC, 0) / "timing.json"
    write_json(path, read_json(path) | {"runs_per_gpu": 2})
    assert card(small.config, small.results, SASREC).count("shared GPU") == 3


def test_a_seed_that_is_not_finished_is_named_and_nothing_is_averaged(small):
    (small.folder(SASREC, 1) / "ranks.parquet").unlink()
    text = card(small.config, small.results, SASREC)
    assert "seed 1 is not finished: ranks.parquet absent" in text
    assert "NDCG@10" not in text
    assert "/seed-0" in text
    assert "/seed-1" not in text


def test_nothing_computed_is_a_card_too(small, tmp_path):
    text = card(small.config, tmp_path / "nowhere", SASREC)
    assert text.count(f"is not finished: {', '.join(REQUIRED)} absent") == 2


def test_settings_that_are_not_the_defaults():
    config = load(GRID)
    assert changed_settings(config, "bpr") == {"options.factors": "8"}
    assert changed_settings(config, HYDRA_UNI) == {
        "encoder.d_model": "32",
        "encoder.max_length": "200 on ml-1m, 50 on beauty",
        "loss.kind": "cross_entropy",
    }
    assert changed_settings(config, "bert4rec+hydra+bidirectional") == {
        "run.masking.mask_probability": "0.4",
        "encoder.d_model": "32",
        "encoder.max_length": "200 on ml-1m, 50 on beauty",
        "loss.kind": "cross_entropy",
        "training.patience": "40",
    }


def test_results_of_other_settings_are_said_to_be(small):
    settings = small.config.settings(SASREC, "made-0").model_dump(mode="json")
    settings["training"]["batch_size"] = 7
    path = small.folder(SASREC, 1) / "manifest.json"
    write_json(path, read_json(path) | {"settings": settings})
    text = card(small.config, small.results, SASREC)
    assert f"{path}: was computed with training.batch_size = 7, the configuration has 128" in text
    assert "seed-0/manifest.json: was computed" not in text
    assert "NDCG@10" not in text
    write_json(path, read_json(path) | {"settings": {"gone": 1}})
    assert "cannot be read" in card(small.config, small.results, SASREC)


@pytest.mark.parametrize(("file", "key"), [("timing", "epoch_s"), ("inference", "infer_ms_per_user")])
def test_a_key_that_is_absent_is_named(small, file, key):
    path = small.folder(SASREC, 0) / f"{file}.json"
    content = read_json(path)
    del content[key]
    write_json(path, content)
    with pytest.raises(ValueError, match=rf"seed-0: timing.json or inference.json lacks '{key}'"):
        card(small.config, small.results, SASREC)


def test_the_command(tree, tmp_path):
    path = tmp_path / "config.yaml"
    write_json(path, tree.config.model_dump(mode="json", exclude_unset=True))
    said = CliRunner().invoke(app, ["show", SASREC, "--config", str(path), "--folder", str(tree.results.parent)])
    assert said.output.rstrip("\n") == card(tree.config, tree.results, SASREC)
    said = CliRunner().invoke(app, ["show", "bert", "--config", str(path), "--folder", str(tree.results.parent)])
    assert "no run 'bert'; allowed: sasrec+softmax+causal" in str(said.exception)
