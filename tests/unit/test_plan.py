"""Results of other settings are told before they are replaced, or because Snakemake has no records to see them by."""

import json
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest
from safetensors.numpy import save_file
from snakemake.persistence.file import FilePersistence

from hydrarec.comparison import collect, contrast
from hydrarec.layout import CONTRASTED, comparison_folder, run_folder
from hydrarec.plan import find_other_settings
from hydrarec.unfinished import latest
from tests.fabricate import SASREC, Tree, config


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where everything is finished and nothing recorded."""
    folder = tmp_path_factory.mktemp("unrecorded")
    tree = Tree(config(datasets=1, seeds=2), folder / "results", n_users=40).write()
    tables = comparison_folder(tree.results, tree.config.report)
    collect(tree.config, tree.results, tables)
    contrast(tree.config, tree.results, tables)
    return folder


def record(folder, path):
    """Write a record where Snakemake itself has it."""
    subject = str(folder / ".snakemake/metadata")
    Path(subject).mkdir(parents=True, exist_ok=True)
    snakemake = MagicMock()
    snakemake._fetch_max_len.return_value = 255
    place = Path(FilePersistence._record_path(snakemake, subject, str(path)))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch()
    return place


def test_results_of_the_configuration_are_not_remarked_on(folder):
    assert find_other_settings(config(datasets=1, seeds=2), folder) == ([], [])


def test_nothing_computed_is_nothing_to_remark_on(tmp_path):
    assert find_other_settings(config(), tmp_path) == ([], [])


def test_a_damaged_file_beside_tables_is_told_and_ends_no_plan(tmp_path):
    made = config(datasets=1)
    path = comparison_folder(tmp_path / "results", made.report) / "collected.json"
    path.parent.mkdir(parents=True)
    path.touch()
    replaced, unseen = find_other_settings(made, tmp_path)
    assert replaced == []
    assert unseen == [f"{path}:1: not valid JSON: Expecting value"]


def test_what_snakemake_cannot_see_is_told_apart_from_what_it_replaces(folder):
    evaluation = {"reference": SASREC, "cutoffs": [1, 10], "alpha": 0.01}
    changed = config(datasets=1, seeds=2, more={"encoder": {"d_model": 16}, "evaluation": evaluation})
    replaced, (*runs, tables) = find_other_settings(changed, folder)
    assert (len(replaced), len(runs)) == (0, 4)
    manifest = run_folder(Path("results"), "made-0", "loo", SASREC, 0) / "manifest.json"
    assert runs[0] == f"{folder / manifest}: was computed with encoder.d_model = 64, the configuration has 16"
    assert "collected.json: the tables beside it were made with encoder.d_model = 64" in tables
    written = [record(folder, manifest), record(folder, "results/comparison/fabricated/collected.json")]
    replaced, (*runs, tables) = find_other_settings(changed, folder)
    assert replaced == [f"{folder / manifest}: was computed with encoder.d_model = 64, the configuration has 16"]
    assert len(runs) == 3
    assert CONTRASTED in tables
    for path in written:
        path.unlink()


def test_data_of_another_definition_are_told_and_how_they_are_prepared_anew(folder):
    data = [{"id": "made-0", "title": "Called otherwise", "reader": {"kind": "synthetic", "seed": 5}}]
    changed = config(datasets=1, seeds=2, more={"datasets": data})
    card = "results/data/made-0/card.json"
    replaced, (why, *tables) = find_other_settings(changed, folder)
    assert not replaced
    assert f"{card}: was prepared with reader.seed = 0, the configuration has 5; --forcerun " in why
    assert all("tables beside it" in one for one in tables)
    written = record(folder, card)
    (why,), unseen = find_other_settings(changed, folder)
    assert "reader.seed = 0, the configuration has 5; so was all that was computed on it" in why
    assert unseen == tables
    written.unlink()


def test_saved_epochs_of_another_training_are_told_before_they_are_lost(tmp_path):
    now, then = config(datasets=1, seeds=1), config(datasets=1, seeds=1, more={"encoder": {"d_model": 16}})
    state = latest(tmp_path / run_folder(Path("results"), "made-0", "loo", SASREC, 0))
    state.parent.mkdir(parents=True)
    identity = {"settings": then.settings(SASREC, "made-0").model_dump(mode="json")}
    saved = {"hydrarec": json.dumps({"history": [{}, {}], "identity": identity})}
    save_file({"weight": np.zeros(1)}, state, saved)
    assert find_other_settings(then, tmp_path) == ([], [])
    (why,), unseen = find_other_settings(now, tmp_path)
    assert why == f"{state}: has 2 epochs of a training with encoder.d_model = 16, the configuration has 64"
    assert not unseen


def test_records_of_long_names_lie_in_folders(tmp_path):
    raw = config(datasets=1, seeds=1).model_dump(mode="json", exclude_unset=True)
    long = config(datasets=1, seeds=1, more={"runs": [*raw["runs"], {"id": "p" * 200, "baseline": "popularity"}]})
    path = run_folder(Path("results"), "made-0", "loo", "p" * 200, 0) / "manifest.json"
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text("{}")
    (why,) = find_other_settings(long, tmp_path).unseen
    assert "lacks data" in why
    assert record(tmp_path, path).parent.name.startswith("@")
    assert find_other_settings(long, tmp_path) == ([], [])
