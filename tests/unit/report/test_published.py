"""Published numbers: the file that holds them, what counts as measured, verdicts, and the committed page."""

import shutil

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hydrarec.columns import RANKS
from hydrarec.comparison.measures import case_values
from hydrarec.config import ConfigError
from hydrarec.config.published import Published, PublishedValue, load_published
from hydrarec.files import read_json, write_json
from hydrarec.formatting import NOTHING
from hydrarec.published import MEASURED, PAGE, PUBLISHED, read_published
from hydrarec.published import update as update_page
from hydrarec.published.measured import differing_settings, merge, read_measured
from hydrarec.published.page import anchor, page, verdict
from hydrarec.tables import read_table
from tests.conftest import ROOT
from tests.fabricate import HYDRA_UNI, SASREC, Tree, config

CONFIG = "examples/made.yaml"
ROW = {"config": CONFIG, "dataset": "made-0", "source": "Somebody 2020"}


def row(title, run, value, **more):
    return {"title": title, "run": run, "values": [{"metric": "ndcg@10", "value": value}], **ROW} | more


@pytest.fixture
def checkout(tmp_path):
    """A checkout with a configuration, a results folder and a row for one of its runs."""
    tree = Tree(config(datasets=1, seeds=2), tmp_path / "results", n_users=50).write()
    (tmp_path / "docs/reproduction").mkdir(parents=True)
    (tmp_path / "examples").mkdir()
    (tmp_path / CONFIG).write_text(yaml.safe_dump(tree.config.model_dump(mode="json")))
    for seed in tree.config.seeds:
        for run in (SASREC, HYDRA_UNI):
            settings = tree.config.settings(run, "made-0").model_dump(mode="json")
            change(tree.folder(run, seed) / "manifest.json", {"settings": settings})
    for run in ("itemknn", "popularity"):
        change(tree.folder(run) / "manifest.json", {"run": {"id": run, "baseline": run, "options": {}}})
    publish(tmp_path, [row("The first", SASREC, 0.5)])
    return tmp_path, tree


def change(path, values):
    write_json(path, read_json(path) | values)


def publish(checkout, rows):
    common = {"config": CONFIG, "dataset": "made-0", "model": "bert4rec"}
    text = yaml.safe_dump({"tolerance": 5, "common": common, "rows": rows})
    (checkout / PUBLISHED).write_text(text)


def update(checkout, *results):
    update_page(checkout, results)
    return (checkout / PAGE).read_text(), read_measured(checkout / MEASURED)


def test_the_committed_page_is_the_one_that_its_data_give():
    published, configs = read_published(ROOT)
    generated = page(published, configs, read_measured(ROOT / MEASURED))
    committed = (ROOT / PAGE).read_text(encoding="utf-8")
    assert committed == generated, "stale: run `make generated`"


def test_every_link_of_the_committed_page_has_its_heading():
    published = load_published(ROOT / PUBLISHED)
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    anchors = [anchor(one.title) for one in published.rows]
    assert len(set(anchors)) == len(anchors)
    for one in published.rows:
        assert f"(#{anchor(one.title)})" in text
        assert f"\n### {one.title}\n" in text


def test_every_kept_run_has_the_settings_of_a_configuration():
    _, configs = read_published(ROOT)
    for one in read_measured(ROOT / MEASURED):
        holders = [c for c in configs.values() if one.run in c.run_ids and one.dataset in [d.id for d in c.datasets]]
        assert any(not differing_settings(one, holder) for holder in holders), one.key


def test_measured_is_the_mean_over_users_of_the_ranks(checkout):
    folder, tree = checkout
    text, measured = update(folder, tree.results)
    found = {one.seed: one.metrics["ndcg@10"] for one in measured if one.run == SASREC}
    ranks = [read_table(tree.folder(SASREC, seed) / "ranks.parquet", RANKS) for seed in (0, 1)]
    wanted = [case_values(one, [10])[:, 1].mean() for one in ranks]
    assert [found[0], found[1]] == pytest.approx(wanted, abs=1e-6)
    ours = sum(wanted) / 2
    deviation = 100 * (ours - 0.5) / 0.5
    (line,) = [line for line in text.splitlines() if line.startswith("| [The first](#the-first)")]
    assert f"| {ours:.4f} | 0.5000 |" in line
    assert f"{abs(deviation):.1f}" in line
    assert "| **below** | 0; 1 |" in line


def test_controls_are_not_kept(checkout):
    folder, tree = checkout
    _, measured = update(folder, tree.results)
    assert {one.run for one in measured} == {SASREC, HYDRA_UNI, "itemknn", "popularity"}


def test_what_was_kept_survives_the_results(checkout):
    folder, tree = checkout
    text, measured = update(folder, tree.results)
    shutil.rmtree(tree.results)
    assert update(folder, tree.results) == (text, measured)
    assert update(folder) == (text, measured)


def test_folders_of_several_machines_are_merged(checkout):
    folder, tree = checkout
    other = folder / "elsewhere"
    elsewhere = other / tree.folder(SASREC, 1).relative_to(tree.results)
    shutil.copytree(tree.folder(SASREC, 1), elsewhere)
    shutil.rmtree(tree.folder(SASREC, 1))
    change(elsewhere / "timing.json", {"device": "Fast GPU", "threads": 3})
    text, _ = update(folder, tree.results, other)
    assert "CPU (Example CPU 3000), 2 threads; Fast GPU, 3 threads" in text


def test_the_newer_measurement_stays_whatever_the_order(checkout):
    folder, tree = checkout
    _, (old, *_) = update(folder, tree.results)
    new = old.model_copy(update={"created": "2027-01-01T00:00:00+00:00", "threads": 7})
    assert merge([old], [new]) == merge([new], [old]) == [new]


def test_a_run_with_other_settings_does_not_count(checkout, caplog):
    folder, tree = checkout
    path = tree.folder(SASREC) / "manifest.json"
    settings = read_json(path)["settings"]
    settings["training"]["max_epochs"] = 1
    change(path, {"settings": settings})
    _, measured = update(folder, tree.results)
    assert [one.seed for one in measured if one.run == SASREC] == [1]
    assert "training.max_epochs: 1, not 200" in caplog.text
    assert str(tree.folder(SASREC)) in caplog.text


def test_a_configuration_that_changes_takes_its_results_off_the_page(checkout):
    folder, tree = checkout
    update(folder, tree.results)
    changed = yaml.safe_load((folder / CONFIG).read_text())
    changed["encoder"]["dropout"] = 0.4
    (folder / CONFIG).write_text(yaml.safe_dump(changed))
    text, measured = update(folder)
    assert f"| NDCG@10 | {NOTHING} | 0.5000 | {NOTHING} | not run here |" in text
    assert any(one.run == SASREC for one in measured)


@pytest.mark.parametrize("key", ["label", "device"])
def test_names_and_devices_are_no_settings(checkout, key):
    folder, tree = checkout
    path = tree.folder(SASREC) / "manifest.json"
    settings = read_json(path)["settings"]
    settings["run" if key == "label" else "training"][key] = {"label": "Another", "device": "cuda"}[key]
    change(path, {"settings": settings})
    _, measured = update(folder, tree.results)
    assert [one.seed for one in measured if one.run == SASREC] == [0, 1]


def test_settings_that_came_later_count_with_their_defaults(checkout):
    folder, tree = checkout
    path = tree.folder(HYDRA_UNI) / "manifest.json"
    settings = read_json(path)["settings"]
    del settings["run"]["attention"]["eps"]
    change(path, {"settings": settings})
    _, measured = update(folder, tree.results)
    assert [one.seed for one in measured if one.run == HYDRA_UNI] == [0, 1]


def test_a_baseline_with_other_options_does_not_count(checkout):
    folder, tree = checkout
    change(tree.folder("itemknn") / "manifest.json", {"run": {"baseline": "itemknn", "options": {"k": 3}}})
    _, measured = update(folder, tree.results)
    assert "itemknn" not in {one.run for one in measured}


def test_an_unfinished_run_does_not_count(checkout):
    folder, tree = checkout
    (tree.folder(SASREC) / "ranks.parquet").unlink()
    _, measured = update(folder, tree.results)
    assert [one.seed for one in measured if one.run == SASREC] == [1]


def test_different_test_targets_are_refused(checkout):
    folder, tree = checkout
    change(tree.folder(SASREC, 1) / "manifest.json", {"data": {"test.parquet": "a" * 64}})
    with pytest.raises(ValueError, match=r"made-0/loo: the test targets were .* aaaaaaaaaaaa .* cannot be mixed"):
        update(folder, tree.results)


def test_a_miss_without_a_finding_says_so(checkout):
    folder, tree = checkout
    assert "**Finding:** the reason of the miss is not known yet." in update(folder, tree.results)[0]
    publish(folder, [row("The first", SASREC, 0.5, finding="The moon was full.")])
    assert "**Finding:** The moon was full." in update(folder)[0]


def test_a_system_without_a_certain_number_has_no_band(checkout):
    folder, tree = checkout
    publish(folder, [row("Vague", SASREC, 0.5, values=[])])
    text, _ = update(folder, tree.results)
    assert f"| {NOTHING} | {NOTHING} | no band |" in text
    assert "Of 0 numbers 0 are reached" in text


def test_what_was_not_run_has_its_command(checkout):
    folder, _ = checkout
    text, _ = update(folder)
    target = f"results/runs/made-0/loo/{SASREC}"
    assert (
        f"snakemake {target}/seed-0/ranks.parquet {target}/seed-1/ranks.parquet --profile local --configfile {CONFIG}"
        in text
    )
    assert f"| `{HYDRA_UNI}` (HydraRecUni) | not run here |" in text


def test_operators_without_a_run_are_named(checkout):
    folder, _ = checkout
    text, _ = update(folder)
    assert f"* `hydra`, bidirectional: not in `{CONFIG}`" in text
    assert "* `hydra`, causal" not in text
    assert "* `linformer`, causal: has no such form: " in text


@given(value=st.floats(0.01, 1), factor=st.floats(0.5, 1.5).filter(lambda f: not 0.049 < abs(f - 1) < 0.051))
def test_verdicts(value, factor):
    wanted = "within" if abs(factor - 1) < 0.05 else "above" if factor > 1 else "below"
    assert verdict(value * factor, PublishedValue(metric="ndcg@10", value=value), 5) == wanted


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": [{"metric": "ndcg", "value": 0.1}]}, "metric"),
        ({"values": [{"metric": "ndcg@10", "value": 1.2}]}, "value: input should be less than or equal to 1"),
        ({"values": [{"metric": "ndcg@10", "value": 0.1}] * 2}, "ndcg@10 stands there more than once"),
        ({"source": ""}, "source"),
        ({"doi": "x"}, r"rows\[0\].doi: no such key"),
    ],
)
def test_mistakes_in_the_file_are_named(checkout, change, message):
    folder, _ = checkout
    publish(folder, [row("The first", SASREC, 0.5) | change])
    with pytest.raises(ConfigError, match=message):
        load_published(folder / PUBLISHED)


@pytest.mark.parametrize(("key", "value"), [("run", "sasrec"), ("dataset", "made-9"), ("protocol", "gts")])
def test_a_row_must_be_in_its_configuration(checkout, key, value):
    folder, _ = checkout
    publish(folder, [row("The first", SASREC, 0.5) | {key: value}])
    with pytest.raises(ConfigError, match=f"examples/made.yaml has no {key} '{value}'; allowed: "):
        update(folder)


def test_no_number_of_the_file_is_off_by_a_digit():
    """Of one system NDCG@10 lies between half and all of HR@10; a slip of the keyboard rarely does."""
    published: Published = load_published(ROOT / PUBLISHED)
    pairs = [{value.metric: value.value for value in one.values} for one in published.rows]
    both = [pair for pair in pairs if len(pair) == 2]
    assert both
    assert all(0.5 < pair["ndcg@10"] / pair["hr@10"] < 1 for pair in both)
