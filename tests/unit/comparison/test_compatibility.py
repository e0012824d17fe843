"""Results that do not belong together, or not to the configuration, are never compared without a word."""

import shutil

import numpy as np
import pytest

from hydrarec.analyses import analyse
from hydrarec.claims import decide
from hydrarec.columns import RANKS, RUNS
from hydrarec.comparison import collect, contrast, read_gates
from hydrarec.config import load
from hydrarec.files import read_json, write_json
from hydrarec.layout import ANALYSED, COLLECTED, CONTRASTED, DECIDED, data_folder, split_folder
from hydrarec.outdated import why_outdated
from hydrarec.provenance import file_hash
from hydrarec.report.inputs import read_inputs
from hydrarec.run_seeds import planned_run_seeds
from hydrarec.tables import read_table, write_table
from tests.fabricate import HYDRA_UNI, SASREC, Tree, config


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Tree:
    """One dataset, two seeds."""
    return Tree(config(datasets=1, seeds=2), tmp_path_factory.mktemp("written") / "results", n_users=40).write()


@pytest.fixture
def tree(written, tmp_path) -> Tree:
    """The same, for a test to spoil."""
    shutil.copytree(written.results, tmp_path / "results")
    return Tree(written.config, tmp_path / "results")


def rewrite(folder, **changes):
    write_json(folder / "manifest.json", read_json(folder / "manifest.json") | changes)


def gates(tree, *, config=None, partial=False):
    config = config or tree.config
    collect(config, tree.results, tree.results, partial=partial)
    return {(gate.name, gate.run): gate for gate in read_gates(tree.results)}


def with_keys(**evaluation):
    more = {"evaluation": {"reference": SASREC, "cutoffs": [1, 10], **evaluation}}
    return config(datasets=1, seeds=2, more=more)


@pytest.mark.parametrize("step", [collect, contrast])
def test_several_versions_of_the_package_are_refused_and_named(tree, step):
    rewrite(tree.folder("itemknn"), package_version="0.0.9")
    with pytest.raises(ValueError, match=r"several versions of hydrarec") as error:
        step(tree.config, tree.results, tree.results)
    text = str(error.value)
    assert "made-0/loo" in text
    assert f"1 from 0.0.9 (such as {tree.folder('itemknn')})" in text
    assert "from 0.1.0" in text
    assert "evaluation.accepted_versions: ['0.0.9', '0.1.0']" in text


def test_versions_that_the_configuration_accepts_are_compared_with_a_warning(tree):
    rewrite(tree.folder("itemknn"), package_version="0.0.9")
    gate = gates(tree, config=with_keys(accepted_versions=["0.0.9", "0.1.0"]))["code", ""]
    assert (gate.status, "0.0.9" in gate.sentence, "0.1.0" in gate.sentence) == ("amber", True, True)
    with pytest.raises(ValueError, match="several versions"):
        collect(with_keys(accepted_versions=["0.0.8", "0.1.0"]), tree.results, tree.results)


def test_a_partial_comparison_shows_a_mixture_in_red(tree):
    rewrite(tree.folder("itemknn"), package_version="0.0.9")
    gate = gates(tree, partial=True)["code", ""]
    assert gate.status == "red"
    assert (gate.dataset, gate.protocol) == ("made-0", "loo")
    assert "several versions of the package, 0.0.9 and 0.1.0, and numbers may differ" in gate.sentence


def test_one_version_on_each_dataset_is_no_mixture(tmp_path):
    tree = Tree(config(datasets=2, seeds=1), tmp_path / "results", n_users=20).write()
    for one in planned_run_seeds(tree.config, tree.results):
        if one.dataset == "made-1":
            rewrite(one.folder, package_version="0.0.9")
    assert gates(tree)["code", ""].status == "amber"


def test_other_packages_are_amber_and_named(tree):
    assert gates(tree)["packages", ""].status == "green"
    packages = read_json(tree.folder(SASREC) / "manifest.json")["packages"]
    rewrite(tree.folder(SASREC), packages=packages | {"torch": "2.0.0", "snakemake": "9.9"})
    gate = gates(tree)["packages", ""]
    assert gate.status == "amber"
    assert gate.sentence == "Runs were computed with different versions of torch 2.0.0 and 2.13.0."


def test_a_changed_setting_is_found_without_snakemakes_records(tree):
    changed = config(datasets=1, seeds=2, more={"training": {"learning_rate": 0.5}})
    before = tree.config.training.learning_rate
    with pytest.raises(ValueError, match=r"^4 result\(s\) are not those of this configuration") as error:
        collect(changed, tree.results, tree.results)
    path = tree.folder(SASREC) / "manifest.json"
    assert f"{path}: was computed with training.learning_rate = {before}, the configuration has 0.5" in str(error.value)
    assert "start Snakemake again" in str(error.value)


def test_a_changed_option_of_a_baseline_is_found(tree):
    raw = tree.config.model_dump(mode="json", exclude_unset=True)
    for run in raw["runs"]:
        if run["id"] == "itemknn":
            run["options"] = {"neighbours": 7}
    with pytest.raises(ValueError, match=r"itemknn/seed-0/manifest.json: was computed with options.neighbours = None"):
        contrast(load(raw), tree.results, tree.results)


def tabulated(tree, config=None):
    """Make all tables of a tree, and return their folder."""
    config, tables = config or tree.config, tree.results / "comparison" / "made"
    collect(config, tree.results, tables)
    contrast(config, tree.results, tables)
    analyse(config, tree.results, tables)
    return tables


def claimed(tree):
    """Write a file of claims."""
    path = tree.results / "claims.yaml"
    claim = f"{{id: A, statement: It is better, kind: superior, run: {HYDRA_UNI}, against: [{SASREC}]}}"
    path.write_text(f"registered: 2026-01-02\nclaims: [{claim}]\n")
    return path


def test_a_complete_report_asks_for_the_settings_of_runs_by_itself(tree):
    tables = tabulated(tree)
    changed = config(datasets=1, seeds=2, more={"encoder": {"d_model": 16}})
    with pytest.raises(ValueError, match=r"(?s)^4 result\(s\) .*d_model = 64, the configuration has 16"):
        read_inputs(changed, tree.results, tables)
    (tree.folder("popularity") / "ranks.parquet").unlink()
    with pytest.raises(FileNotFoundError, match=r"(?s)--forcerun collect.*popularity/seed-0/ranks.parquet"):
        read_inputs(tree.config, tree.results, tables)


def test_tables_of_another_configuration_are_refused_with_keys_values_and_a_remedy(tree):
    tables, changed = tabulated(tree), with_keys(alpha=0.01, margin=0.1)
    told = (
        f"{tables / COLLECTED}: the tables beside it were made with evaluation.alpha = 0.05, the configuration has "
        "0.01; evaluation.margin = 0.05, the configuration has 0.1.\n"
        f"Delete {tables} and start Snakemake again with --forcerun collect: tables are made anew."
    )
    for read in (
        lambda: read_inputs(changed, tree.results, tables),
        lambda: decide(changed, claimed(tree), tree.results, tables, tree.results),
    ):
        with pytest.raises(ValueError, match="alpha") as error:
            read()
        assert str(error.value) == told


@pytest.mark.parametrize("change", ["a run less", "another reference"])
def test_tables_about_other_runs_are_refused_before_the_page_misses_one(tree, change):
    tables, raw = tabulated(tree), tree.config.model_dump(mode="json", exclude_unset=True)
    if change == "a run less":
        raw["runs"] = [run for run in raw["runs"] if run["id"] != "itemknn"]
        said = r"runs\.itemknn\.baseline = itemknn, the configuration has None"
    else:
        raw["evaluation"]["reference"] = "popularity"
        said = rf"evaluation\.reference = {SASREC.replace('+', '.')}, the configuration has popularity"
    with pytest.raises(ValueError, match=said):
        read_inputs(load(raw), tree.results, tables)


@pytest.mark.parametrize(("step", "name"), [(collect, COLLECTED), (contrast, CONTRASTED), (analyse, ANALYSED)])
def test_every_step_says_with_which_settings_it_made_its_tables(tree, step, name):
    changed = with_keys(alpha=0.01)
    tables = tabulated(tree)
    step(changed, tree.results, tables)
    with pytest.raises(ValueError, match=rf"{name}: .*evaluation\.alpha = 0\.01, the configuration has 0\.05"):
        read_inputs(tree.config, tree.results, tables)
    (tables / name).unlink()
    with pytest.raises(ValueError, match=rf"{name}: no such file, so nobody can tell.*\nDelete {tables} and start"):
        read_inputs(tree.config, tree.results, tables)
    # A report of what is finished makes its own tables.
    read_inputs(tree.config, tree.results, tables, partial=True)


def test_verdicts_on_other_claims_are_refused(tree):
    tables, raw = tabulated(tree), tree.config.model_dump(mode="json", exclude_unset=True)
    one, other = (load(raw | {"hypotheses": f"{name}.yaml"}) for name in ("claims", "others"))
    decide(one, claimed(tree), tree.results, tables, tables)
    read_inputs(one, tree.results, tables)
    with pytest.raises(ValueError, match=rf"{DECIDED}: .*hypotheses = claims.yaml, the configuration has others.yaml"):
        read_inputs(other, tree.results, tables)
    # Whoever claims nothing has no use for them, and no other table is about claims.
    read_inputs(tree.config, tree.results, tables)


def test_another_label_changes_no_result(tree):
    raw = tree.config.model_dump(mode="json", exclude_unset=True)
    for run in raw["runs"]:
        run["label"] = f"Renamed {run['id']}"
    config = load(raw)
    found = [why_outdated(config, one) for one in planned_run_seeds(config, tree.results)]
    assert found == [None] * 9


def test_a_partial_comparison_leaves_results_of_other_settings_out_and_says_why(tree):
    settings = read_json(tree.folder(HYDRA_UNI, 1) / "manifest.json")["settings"]
    rewrite(tree.folder(HYDRA_UNI, 1), settings=settings | {"encoder": settings["encoder"] | {"d_model": 8}})
    collect(tree.config, tree.results, tree.results, partial=True)
    runs = read_table(tree.results / "runs.parquet", RUNS).set_index(["run", "seed"])
    assert runs.loc[(HYDRA_UNI, 1), "status"] == "missing"
    assert "was computed with encoder.d_model = 8, the configuration has 64" in runs.loc[(HYDRA_UNI, 1), "said"]
    assert (runs.drop(index=(HYDRA_UNI, 1))["status"] == "finished").all()


def test_ranks_of_earlier_weights_are_refused_and_left_out_of_a_partial_comparison(tree):
    folder = tree.folder(HYDRA_UNI, 1)
    rewrite(folder, files={"model.safetensors": "new"})
    inference = read_json(folder / "inference.json")
    write_json(folder / "inference.json", inference | {"files": {"model.safetensors": "old"}})
    with pytest.raises(ValueError, match=r"seed-1/inference.json: was ranked with other weights than model"):
        collect(tree.config, tree.results, tree.results)
    collect(tree.config, tree.results, tree.results, partial=True)
    runs = read_table(tree.results / "runs.parquet", RUNS).set_index(["run", "seed"])
    assert runs.loc[(HYDRA_UNI, 1), "status"] == "missing"
    assert "was ranked with other weights" in runs.loc[(HYDRA_UNI, 1), "said"]
    write_json(folder / "inference.json", inference | {"files": {"model.safetensors": "new"}})
    collect(tree.config, tree.results, tree.results)


def test_the_version_that_ranked_a_run_counts_as_the_one_that_trained_it(tree):
    folder = tree.folder(SASREC)
    code = {"package_version": "9.9.9", "git_commit": None, "git_dirty": True}
    write_json(folder / "inference.json", read_json(folder / "inference.json") | code)
    with pytest.raises(ValueError, match=r"several versions of hydrarec.* from 9\.9\.9"):
        collect(tree.config, tree.results, tree.results)


def test_settings_that_this_version_cannot_read_are_another_versions(tree):
    rewrite(tree.folder(SASREC), settings={"width": 64}, package_version="0.0.2")
    with pytest.raises(ValueError, match=r"its settings are those of hydrarec 0\.0\.2 and cannot be read"):
        collect(tree.config, tree.results, tree.results)


@pytest.mark.parametrize("key", ["package_version", "git_commit", "data"])
def test_a_manifest_of_an_older_version_is_refused_with_a_remedy(tree, key):
    path = tree.folder("popularity") / "manifest.json"
    manifest = read_json(path)
    del manifest[key]
    write_json(path, manifest)
    with pytest.raises(ValueError, match=rf"popularity/seed-0/manifest\.json: lacks {key}.*start Snakemake again"):
        collect(tree.config, tree.results, tree.results)
    # A partial comparison leaves the run out, and says why.
    collect(tree.config, tree.results, tree.results, partial=True)
    runs = read_table(tree.results / "runs.parquet", RUNS).set_index(["run", "seed"])
    assert f"lacks {key}" in runs.loc[("popularity", 0), "said"]


def test_a_data_set_that_was_prepared_anew_is_found(tree):
    card = split_folder(tree.results, "made-0", "loo") / "split.json"
    write_json(card, read_json(card) | {"content_hashes": {"train": "0" * 64}})
    with pytest.raises(ValueError, match=r"saw different data.*train\.parquet was .* 000000000000 for .*split\.json"):
        collect(tree.config, tree.results, tree.results)


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("name", ["manifest.json", "inference.json"])
def test_ranks_that_were_edited_are_refused_with_a_remedy(tree, name, partial):
    folder = tree.folder("popularity")
    written = read_json(folder / name) | {"files": {"ranks.parquet": file_hash(folder / "ranks.parquet")}}
    write_json(folder / name, written)
    collect(tree.config, tree.results, tree.results, partial=partial)
    ranks = read_table(folder / "ranks.parquet", RANKS)
    write_table(ranks.assign(greater=np.int32(0)), folder / "ranks.parquet", RANKS)
    with pytest.raises(ValueError, match=rf"ranks\.parquet: is not what was written, by its hash in {name}\. Delete"):
        collect(tree.config, tree.results, tree.results, partial=partial)


@pytest.mark.parametrize("partial", [False, True])
def test_data_of_another_definition_are_refused_with_key_values_and_a_remedy(tree, partial):
    card = data_folder(tree.results, "made-0") / "card.json"
    kept = read_json(card)
    write_json(card, kept | {"filter": {**kept["filter"], "min_item_interactions": 3}, "title": "Called otherwise"})
    with pytest.raises(ValueError, match="data set made-0 is not the one of this configuration") as error:
        collect(tree.config, tree.results, tree.results, partial=partial)
    assert f"{card}: was prepared with filter.min_item_interactions = 3, the configuration has" in str(error.value)
    assert f"--forcerun {card.parent / 'interactions.parquet'}" in str(error.value)
    write_json(card, {key: value for key, value in kept.items() if key != "reader"})
    with pytest.raises(ValueError, match="does not say how its data were prepared"):
        collect(tree.config, tree.results, tree.results, partial=partial)


@pytest.mark.parametrize("partial", [False, True])
def test_half_of_a_table_is_refused_by_its_name(tree, partial):
    path = tree.folder(HYDRA_UNI, 1) / "ranks.parquet"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(
        ValueError, match=r"(?s)seed-1/ranks\.parquet: not a readable Parquet file.*start Snakemake again"
    ):
        collect(tree.config, tree.results, tree.results, partial=partial)
