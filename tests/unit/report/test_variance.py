"""The chapter on variance: seeds, components and orders of ties, held to the tables; nothing where there are none."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from hydrarec.formatting import score, signed
from hydrarec.report.blocks import Text
from hydrarec.report.chapters.variance import variance
from hydrarec.report.figures import panels
from hydrarec.report.inputs import read_inputs
from tests.fabricate import HYDRA_UNI, SASREC, Tree, config
from tests.unit.report.conftest import compute

READER = {"kind": "synthetic"}


@pytest.fixture(scope="module", autouse=True)
def no_pdf():
    """Drawings for papers take long and are not looked at here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(panels, "_as_pdf", lambda canvas: b"")
        yield


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A data set with two other orders of ties, two seeds."""
    folder = tmp_path_factory.mktemp("variance")
    tied = [{"id": f"tied-{i}", "title": f"Tied {i}", "reader": READER, "tie_order": i} for i in (1, 2)]
    everything = config(seeds=2, more={"datasets": [{"id": "plain", "title": "Plain", "reader": READER}, *tied]})
    # Controls are not compared.
    everything = everything.model_copy(update={"runs": everything.runs[:4]})
    tree = Tree(everything, folder / "results", n_users=40).write()
    return read_inputs(tree.config, tree.results, compute(tree, folder / "tables"))


def shown(inputs):
    chapter = variance(inputs)
    if chapter is None:
        return {}, {}, {}, []
    drawn = {panel.name: panel for figure in chapter.figures() for panel in figure.panels}
    captions = {panel.name: figure.caption for figure in chapter.figures() for panel in figure.panels}
    texts = [block.text for part in chapter.parts for block in part.blocks if isinstance(block, Text)]
    return drawn, captions, {table.name: table for table in chapter.tables()}, texts


@pytest.fixture(scope="module")
def found(inputs):
    return shown(inputs)


def test_every_seed_is_a_dot_and_the_mean_a_line(inputs, found):
    drawn, captions, _, _ = found
    panel = drawn["seeds-plain-loo"]
    values = panel.data.set_index(["run", "seed"])["value"]
    assert set(panel.data["run"]) == {SASREC, HYDRA_UNI, "itemknn", "popularity"}
    assert values[SASREC].index.tolist() == [0, 1]
    assert values["itemknn"].index.tolist() == [0]
    of_run = inputs.metrics.query("dataset == 'plain' and run == @SASREC and metric == 'ndcg@10' and group == 'all'")
    assert values[SASREC].tolist() == of_run["value"].tolist()
    low, high = (score(value) for value in sorted(of_run["value"]))
    assert f"SASRec {score(of_run['value'].mean())} ({low} to {high}, 2 seeds)" in panel.alt
    assert f"ItemKNN {score(values['itemknn', 0])};" in panel.alt
    assert "40 users, 2 seeds." in captions["seeds-plain-loo"]


def test_the_order_of_ties_is_a_part_on_the_scale_of_the_others(inputs, found):
    drawn, captions, _, _ = found
    contrasts = inputs.contrasts(inputs.scopes[0], "hr@10")
    orders = inputs.orders.query("metric == 'hr@10'").set_index("run")["variance_orders"]
    data = drawn["variance-plain-loo-hr10"].data.set_index("run")
    whole = contrasts["standard_error"] ** 2 + orders
    assert orders.gt(0).any()
    for run in data.index:
        assert data.loc[run, "order of ties"] == pytest.approx(orders[run] / whole[run])
        assert data.loc[run, "with_orders"] == pytest.approx(np.sqrt(whole[run]))
        assert data.loc[run, "standard_error"] == contrasts.loc[run, "standard_error"]
    parts = data[["users", "seeds", "users by seeds", "order of ties"]]
    assert np.allclose(parts.sum(axis=1), 1)
    assert "what another random order of ties would add" in captions["variance-plain-loo-hr10"]
    # The other orders are data sets of their own, which have no others beside them.
    assert "order of ties" not in drawn["variance-tied-1-loo-hr10"].data
    assert "order of ties" not in captions["variance-tied-1-loo-hr10"]


def test_differences_that_claims_are_about_have_components_too(inputs):
    scope = {"dataset": "plain", "protocol": "loo"}
    # Against the reference, with the pair's runs in the other order, twice, about bounds, and somewhere else.
    claimed = [
        scope | {"run": HYDRA_UNI, "against": SASREC},
        scope | {"run": "itemknn", "against": HYDRA_UNI},
        scope | {"run": "itemknn", "against": HYDRA_UNI},
        scope | {"run": HYDRA_UNI, "against": None},
        scope | {"dataset": "tied-1", "run": HYDRA_UNI, "against": "popularity"},
    ]
    drawn, captions, _, _ = shown(dataclasses.replace(inputs, verdicts=pd.DataFrame(claimed)))
    panel = drawn["variance-plain-loo-ndcg10"]
    runs = list(zip(panel.data["run"], panel.data["against"], strict=True))
    assert runs[-1] == ("itemknn", HYDRA_UNI)
    assert {against for _, against in runs[:-1]} == {SASREC}
    assert len(set(runs)) == len(runs)
    pairs = inputs.pairs.query("dataset == 'plain' and protocol == 'loo' and metric == 'ndcg@10'")
    pair = pairs.set_index(["run", "other"]).loc[HYDRA_UNI, "itemknn"]
    row = panel.data.iloc[-1]
    assert row["standard_error"] == pair["standard_error"]
    assert row["seeds"] == pytest.approx(pair["variance_seeds"] / pair["standard_error"] ** 2)
    assert np.isnan(row["with_orders"])
    assert "ItemKNN \u2212 HydraRecUni: users" in panel.alt
    assert "the other differences that claims are about" in captions[panel.name]
    elsewhere = drawn["variance-tied-1-loo-ndcg10"]
    assert (elsewhere.data["run"].iloc[-1], elsewhere.data["against"].iloc[-1]) == (HYDRA_UNI, "popularity")


def test_without_the_reference_only_differences_that_claims_are_about_are_there(inputs):
    verdicts = pd.DataFrame([{"dataset": "plain", "protocol": "loo", "run": "itemknn", "against": HYDRA_UNI}])
    lost = {"comparison": inputs.comparison[:0], "orders": inputs.orders[:0]}
    drawn, captions, _, _ = shown(dataclasses.replace(inputs, verdicts=verdicts, **lost))
    panel = drawn["variance-plain-loo-ndcg10"]
    assert panel.data[["run", "against"]].to_numpy().tolist() == [["itemknn", HYDRA_UNI]]
    said = "What the squared standard error of the differences that claims are about consists of: "
    assert captions[panel.name].startswith(said)


def test_pairs_of_before_have_no_components(inputs):
    verdicts = pd.DataFrame([{"dataset": "plain", "protocol": "loo", "run": "itemknn", "against": HYDRA_UNI}])
    unknown = inputs.pairs.assign(variance_users=np.nan, variance_residual=np.nan, variance_seeds=np.nan)
    drawn, captions, _, _ = shown(dataclasses.replace(inputs, verdicts=verdicts, pairs=unknown))
    panel = drawn["variance-plain-loo-ndcg10"]
    assert set(panel.data["against"]) == {SASREC}
    assert "claims" not in captions[panel.name]


def test_the_table_says_what_every_order_comes_to(inputs, found):
    _, _, tables, texts = found
    assert set(tables) == {"orders-plain-loo"}
    rows = inputs.orders.query("metric == 'ndcg@10'").set_index("run")
    labels = {inputs.styles[run].label: run for run in rows.index}
    body = {labels[row.cells[0].text]: row.cells[1:] for row in tables["orders-plain-loo"].bodies[0]}
    assert set(body) == {HYDRA_UNI, "itemknn", "popularity"}
    for run, (of_file, drawn, reach, deviation, error, more, _) in body.items():
        row = rows.loc[run]
        assert (of_file.text, drawn.text) == (signed(row["difference"]), signed(row["mean"]))
        assert reach.text == f"{signed(row['lowest'])} to {signed(row['highest'])}"
        assert deviation.text == f"{row['deviation']:.4f}"
        assert more.value == pytest.approx(np.sqrt(error.value**2 + row["variance_orders"]))
    (text,) = texts
    assert text.startswith("2 random orders")
    assert "has 1 degree of freedom" in text
    assert "With one seed" not in text


def test_without_other_orders_nothing_is_said_of_them(inputs):
    plain = dataclasses.replace(inputs, orders=inputs.orders[:0])
    drawn, captions, tables, texts = shown(plain)
    assert "order of ties" not in drawn["variance-plain-loo-ndcg10"].data
    assert not any("Dotted" in caption for caption in captions.values())
    assert (tables, texts) == ({}, [])
    assert "orders" not in plain.tables
    assert "orders" in inputs.tables


def test_one_seed_leaves_the_orders_alone_and_is_said_to(inputs):
    """With one seed there are neither dots to compare nor components, but orders have a spread."""
    contrasts = inputs.comparison.assign(variance_seeds=np.nan, variance_residual=np.nan, n_seeds=1)
    alone = dataclasses.replace(
        inputs,
        config=inputs.config.model_copy(update={"seeds": [0]}),
        metrics=inputs.metrics.query("seed == 0"),
        comparison=contrasts,
    )
    drawn, _, tables, (text,) = shown(alone)
    assert drawn == {}
    assert set(tables) == {"orders-plain-loo"}
    assert text.endswith("With one seed it cannot be told from what another seed would have changed.")
    nothing = dataclasses.replace(alone, orders=inputs.orders[:0])
    assert variance(nothing) is None


def test_a_comparison_of_before_has_no_table_of_orders(tmp_path):
    tree = Tree(config(datasets=1, seeds=1), tmp_path / "results", n_users=20).write()
    tables = compute(tree, tmp_path / "tables")
    (tables / "orders.parquet").unlink()
    assert read_inputs(tree.config, tree.results, tables).orders.empty


def test_runs_that_no_seed_changes_may_lie_beyond_the_axis(inputs):
    far = inputs.metrics.copy()
    far.loc[far["run"] == "popularity", "value"] = 0.0001
    drawn, *_ = shown(dataclasses.replace(inputs, metrics=far))
    panel = drawn["seeds-plain-loo"]
    assert "Popularity 0.0001" in panel.alt
    assert pd.Series(panel.data["value"]).min() == 0.0001
