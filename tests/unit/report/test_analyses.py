"""Chapters on sensitivity and on what lists are like: right numbers in the right places, and said where absent."""

import dataclasses

import pandas as pd
import pytest

from hydrarec.analyses.sensitivity import LISTS_SAY_NOTHING
from hydrarec.columns import SAMPLED
from hydrarec.files import write_json
from hydrarec.formatting import count, percent, score, signed
from hydrarec.report.blocks import Text
from hydrarec.report.chapters.beyond import beyond
from hydrarec.report.chapters.sensitivity import agreement_table, sensitivity
from hydrarec.report.inputs import read_inputs
from hydrarec.tables import read_table, write_table
from tests.fabricate import SASREC, Tree, config
from tests.unit.report.conftest import compute


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """One dataset under both protocols with sampled candidates; ItemKNN was handed in as lists."""
    folder = tmp_path_factory.mktemp("analyses")
    evaluation = {"reference": SASREC, "cutoffs": [1, 10], "sampled": ["uniform-100", "popularity-100"]}
    more = {"protocols": ["loo", "gts"], "evaluation": evaluation}
    tree = Tree(config(datasets=1, seeds=2, more=more), folder / "results", n_users=40, cold_share=0.2).write()
    for protocol in ("loo", "gts"):
        handed_in = tree.folder("itemknn", protocol=protocol)
        write_json(handed_in / "costs.json", {})
        (handed_in / "sampled.parquet").unlink()
    path = tree.folder("popularity", protocol="gts") / "sampled.parquet"
    counts = read_table(path, SAMPLED)
    # Popularity is first among what is drawn by popularity.
    write_table(counts.assign(greater=counts["greater"].where(counts["kind"] == "uniform-100", 0)), path, SAMPLED)
    return read_inputs(tree.config, tree.results, compute(tree, folder / "tables"))


def chapter_of(make, inputs):
    chapter = make(inputs)
    tables = {table.name: table for table in chapter.tables()}
    return tables, {panel.name: panel for figure in chapter.figures() for panel in figure.panels}, chapter


@pytest.fixture(scope="module")
def of_sensitivity(inputs):
    return chapter_of(sensitivity, inputs)


def rows_of(table):
    return {row.cells[0].text: row.cells[1:] for body in table.bodies for row in body}


VARIANTS = ["full", "unfiltered", "warm", "optimistic", "pessimistic", "uniform-100", "popularity-100"]


def test_every_variant_is_a_column_and_says_what_moves(inputs, of_sensitivity):
    tables, _, _ = of_sensitivity
    table = tables["variants-made-0-gts"]
    titles = [column.title for column in table.columns]
    assert titles == [
        "Run", "NDCG@10", "one order of ties", "unfiltered", "warm targets", "optimistic ties", "pessimistic ties",
        "uniform-100", "popularity-100",
    ]  # fmt: skip
    values = inputs.sensitivity.query("protocol == 'gts' and metric == 'ndcg@10'").pivot(
        index="run", columns="variant", values="value"
    )
    contest = [SASREC, "bert4rec+hydra+causal", "itemknn", "popularity"]
    moving = 0
    for run in values.index:
        value, deviation, *others = rows_of(table)[inputs.styles[run].label]
        # Every target of Popularity is level with another item here, and none of the others'.
        assert (deviation.text == "\u2013") == (run != "popularity")
        for variant, cell in zip(VARIANTS, [value, *others], strict=True):
            value = values.loc[run, variant]
            assert cell.text == ("\u2013" if pd.isna(value) else score(value))
            both = [other for other in contest if not pd.isna(values.loc[other, variant])]
            if run in both:
                above = [sum(values.loc[both, v] > values.loc[run, v]) for v in ("full", variant)]
                moved = above[0] - above[1]
                assert cell.note == (signed(moved, 0) if moved else "")
                moving += moved != 0
    assert moving


def test_orders_are_compared_and_the_other_protocol_stands_with_leave_one_out(inputs, of_sensitivity):
    tables, panels, chapter = of_sensitivity
    found = inputs.agreement.query("metric == 'ndcg@10'").set_index(["protocol", "variant"])
    for protocol, names in (("loo", 7), ("gts", 6)):
        rows = rows_of(tables[f"agreement-made-0-{protocol}"])
        assert len(rows) == names
        for variant in ("uniform-100", *(["gts"] if protocol == "loo" else [])):
            row = found.loc[(protocol, variant)]
            runs, tau, turned, *_ = rows[variant]
            assert (runs.text, tau.text) == (str(row["n_runs"]), signed(row["tau"], 2))
            assert turned.text == f"{row['discordant']} of {row['pairs']}"
    assert rows_of(tables["agreement-made-0-gts"])["popularity-100"][3].note == "Popularity"
    assert set(panels) == {
        "agreement-made-0-loo-uniform-100",
        "agreement-made-0-loo-popularity-100",
        "agreement-made-0-loo-gts",
        "agreement-made-0-gts-uniform-100",
        "agreement-made-0-gts-popularity-100",
    }
    tau = signed(found.loc[("loo", "gts"), "tau"], 2)
    assert f"gts {tau}" in next(chapter.figures()).caption


def test_what_lists_cannot_say_is_said(of_sensitivity):
    tables, panels, chapter = of_sensitivity
    cells = rows_of(tables["variants-made-0-loo"])["ItemKNN"]
    assert [cell.text == "\u2013" for cell in cells] == [False, True, True, False, False, False, True, True]
    notes = [block.text for part in chapter.parts for block in part.blocks if isinstance(block, Text)]
    assert any(LISTS_SAY_NOTHING in note for note in notes)
    drawn = panels["agreement-made-0-loo-uniform-100"].data
    assert set(drawn["run"]) == {SASREC, "bert4rec+hydra+causal", "popularity"}


def test_lists_are_described(inputs):
    tables, panels, _ = chapter_of(beyond, inputs)
    values = inputs.beyond.query("protocol == 'loo' and run != ''").pivot(
        index="run", columns="measure", values="value"
    )
    rows = rows_of(tables["beyond-made-0-loo"])
    assert len(rows) == len(inputs.config.run_ids)
    for run, row in values.iterrows():
        _, coverage, _, gini, _, novelty, _, popularity, lift = rows[inputs.styles[run].label]
        assert coverage.text == f"{row['coverage@10']:.3f}"
        assert gini.text == f"{row['gini@10']:.3f}"
        assert novelty.text == f"{row['novelty@10']:.2f}"
        assert popularity.text == count(row["popularity@10"])
        assert lift.text == percent(100 * row["popularity_lift@10"])
    assert set(panels) == {
        f"beyond-made-0-{protocol}-{name}" for protocol in ("loo", "gts") for name in ("coverage", "novelty")
    }
    drawn = panels["beyond-made-0-loo-coverage"].data
    assert set(drawn["run"]) == {SASREC, "bert4rec+hydra+causal", "itemknn", "popularity"}
    assert (drawn["y_low"] <= drawn["y"]).all()


def test_without_sampled_candidates_only_the_protocols_are_drawn(inputs):
    plain = {
        name: table[~table["variant"].str.endswith("-100")]
        for name, table in (("sensitivity", inputs.sensitivity), ("agreement", inputs.agreement))
    }
    tables, panels, _ = chapter_of(sensitivity, dataclasses.replace(inputs, **plain))
    assert set(panels) == {"agreement-made-0-loo-gts"}
    assert [column.title for column in tables["variants-made-0-loo"].columns][-1] == "pessimistic ties"


def test_another_order_of_ties_is_named_by_its_seed(inputs):
    tied = inputs.config.datasets[0].model_copy(update={"id": "made-0-ties", "tie_order": 6})
    config = inputs.config.model_copy(update={"datasets": [*inputs.config.datasets, tied]})
    rows = inputs.agreement.query("variant == 'gts'").assign(variant="made-0-ties")
    both = pd.concat([inputs.agreement, rows], ignore_index=True)
    table = agreement_table(dataclasses.replace(inputs, config=config, agreement=both), inputs.scopes[0])
    assert rows_of(table)["tie order 6"][1].text == signed(rows.query("metric == 'ndcg@10'")["tau"].item(), 2)


def test_results_of_before_say_nothing_of_one_order_of_ties(inputs):
    before = dataclasses.replace(inputs, sensitivity=inputs.sensitivity.assign(tie_deviation=None))
    tables, _, _ = chapter_of(sensitivity, before)
    assert "one order of ties" not in [column.title for column in tables["variants-made-0-loo"].columns]


def test_small_deviations_are_not_written_as_none(inputs):
    small = inputs.sensitivity.assign(tie_deviation=inputs.sensitivity["tie_deviation"].where(lambda d: d == 0, 2e-5))
    tables, _, _ = chapter_of(sensitivity, dataclasses.replace(inputs, sensitivity=small))
    assert rows_of(tables["variants-made-0-gts"])["Popularity"][1].text == "< 0.0001"


def test_variants_that_leave_nothing_out_are_said_to_be_the_same(inputs, of_sensitivity):
    def notes(chapter):
        return [block.text for part in chapter.parts for block in part.blocks if isinstance(block, Text)]

    # Some targets are cold here, and no candidates were ever filtered.
    said = "The leaderboard's numbers once more, as there is nothing to leave out or to put back: unfiltered"
    assert f"{said}." in notes(of_sensitivity[2])
    assert f"{said}, warm targets." not in notes(of_sensitivity[2])
    table = inputs.sensitivity
    key = ["protocol", "run", "metric"]
    full = table[table["variant"] == "full"].set_index(key)["value"]
    copied = full.reindex(pd.MultiIndex.from_frame(table[key])).to_numpy()
    same = table.assign(value=table["value"].where(table["variant"] != "warm", copied))
    *_, chapter = chapter_of(sensitivity, dataclasses.replace(inputs, sensitivity=same))
    assert f"{said}, warm targets." in notes(chapter)


@pytest.mark.parametrize(
    ("items", "longest", "told", "same"),
    [
        # Every target had 100 others, so that equal numbers are chance.
        (162, 61, "100 items drawn at random", False),
        (161, 61, "up to 100 items drawn at random", True),
        (101, 61, "up to 100 items drawn at random", True),
        (100, 61, "all other items, as there are no more than 100", True),
        (None, 61, "up to 100 items drawn at random", True),
        (162, None, "up to 100 items drawn at random", True),
    ],
)
def test_candidates_that_are_all_there_are_are_not_said_to_be_drawn(items, longest, told, same, inputs):
    table = inputs.sensitivity
    key = ["protocol", "run", "metric"]
    full = table[table["variant"] == "full"].set_index(key)["value"]
    copied = full.reindex(pd.MultiIndex.from_frame(table[key])).to_numpy()
    is_sampled = (table["variant"] == "uniform-100") & table["value"].notna()
    small = dataclasses.replace(
        inputs,
        sensitivity=table.assign(value=table["value"].where(~is_sampled, copied)),
        splits={scope: {"parts": {"train": {"items": items}}} if items else {} for scope in inputs.splits},
        cards={"made-0": {"lengths": {"max": longest}} if longest else {}},
    )
    tables, _, chapter = chapter_of(sensitivity, small)
    notes = {row.cells[0].text: row.cells[0].note for row in tables["agreement-made-0-loo"].bodies[0]}
    assert notes["uniform-100"] == told
    hints = {column.title: column.hint for column in tables["variants-made-0-loo"].columns}
    assert hints["uniform-100"] == told
    footnotes = [b.text for part in chapter.parts for b in part.blocks if isinstance(b, Text) and "once more" in b.text]
    assert [note.endswith(": unfiltered, uniform-100.") for note in footnotes] == [same, same]
    assert ("(the same numbers), popularity-100" in next(chapter.figures()).caption) == same
    # Its numbers are others, whatever the size of the catalogue.
    assert all("popularity-100" not in note for note in footnotes)
