"""Parts of the report: styles of runs, sentences and their strength, placement of labels, data cards, Pareto front."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydrarec.files import read_json
from hydrarec.report.chapters.computing import computing
from hydrarec.report.chapters.data import data_cards
from hydrarec.report.chapters.differences import difference_table
from hydrarec.report.chapters.leaderboard import leaderboard, leaderboard_table
from hydrarec.report.chapters.margins import margin_table
from hydrarec.report.chapters.overview import overview
from hydrarec.report.chapters.variance import component_shares
from hydrarec.report.export.write import to_frame
from hydrarec.report.figures import forest
from hydrarec.report.figures.breakdown import breakdown
from hydrarec.report.figures.heads import head_families
from hydrarec.report.figures.heatmap import CELL_INK, colour, heatmap
from hydrarec.report.figures.labels import LABEL_GAP, label_near, label_right, label_width
from hydrarec.report.figures.panels import blank_panel
from hydrarec.report.figures.pipeline import RULES, assign_layers, transitive_reduction
from hydrarec.report.figures.reach import time_to_accuracy
from hydrarec.report.figures.scatter import scatter
from hydrarec.report.figures.times import format_time, time_ticks
from hydrarec.report.figures.tradeoff import pareto_front, tradeoff
from hydrarec.report.inputs import read_inputs
from hydrarec.report.sentences import headline, protocol_lines, tally
from hydrarec.report.style import FONT_SIZE, HUES, run_styles
from tests.fabricate import SASREC, config


def many_runs(number):
    one = {"model": {"kind": "sasrec"}, "attention": {"kind": "softmax"}, "masking": {"kind": "causal"}}
    runs = [{"id": f"run-{i}", **one} for i in range(number)]
    return config(more={"runs": runs, "evaluation": {"reference": "run-0"}})


def test_sixteen_runs_look_different():
    styles = [(s.colour, s.marker, s.dashes) for s in run_styles(many_runs(16)).values()]
    assert len(set(styles)) == 16
    assert len({(colour, marker) for colour, marker, _ in styles}) == 16
    assert len({colour for colour, _, _ in styles[:8]}) == 8


def test_a_further_run_changes_nobodys_look():
    few, more = run_styles(many_runs(5)), run_styles(many_runs(9))
    assert all(more[run] == style for run, style in few.items())


@pytest.mark.parametrize(("dark", "ground"), [(False, "#ffffff"), (True, "#14171b")])
def test_colours_stand_out_from_their_ground(dark, ground):
    for hue in HUES:
        assert contrast(hue[dark], ground) >= 3, hue


def contrast(one: str, other: str) -> float:
    """Contrast ratio as WCAG 2 defines it."""

    def luminance(colour: str) -> float:
        parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        return float(
            np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
        )

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_headline_and_tally_follow_the_comparison(tree, tables):
    inputs = read_inputs(tree.config, tree.results, tables)
    scope = inputs.scopes[0]
    found = inputs.contrasts(scope, "ndcg@10")
    best = inputs.leaderboard(scope, "ndcg@10").drop(["oracle", "random"])["mean"].idxmax()
    said = headline(inputs, scope)
    assert inputs.styles[best].label in said
    assert ("The difference is significant." in said) == bool(found.loc[best, "p_holm"] < 0.05)
    assert f"{(found['verdict'] == 'inferior').sum()} inferior" in tally(inputs, scope)


def test_of_level_runs_the_reference_is_named_first_and_nothing_is_called_significant(tree, tables):
    inputs = read_inputs(tree.config, tree.results, tables)
    level = replace(inputs, leaders=inputs.leaders.assign(mean=0.25))
    said = headline(level, level.scopes[0])
    assert said.startswith("<strong>SASRec</strong>, the reference, has the highest NDCG@10")
    assert said.endswith(", and so has HydraRecUni, ItemKNN, Popularity.")


def test_the_protocol_is_that_of_this_comparison(tree, tables):
    inputs = read_inputs(tree.config, tree.results, tables)
    said = "\n".join(protocol_lines(inputs))
    assert "equal times keep the order of the file." in said
    assert "Banerjee" in said
    shuffled = inputs.config.datasets[0].model_copy(update={"tie_order": 3})
    config = inputs.config.model_copy(update={"seeds": [0], "datasets": [shuffled, *inputs.config.datasets[1:]]})
    said = "\n".join(protocol_lines(replace(inputs, config=config)))
    assert f"equal times keep the order of the file, drawn at random on {shuffled.title}." in said
    assert "over users; the weights of the one seed are taken as they are" in said
    assert "Banerjee" not in said


def test_controls_stand_below_the_contest_and_are_not_compared(tree, tables):
    inputs = read_inputs(tree.config, tree.results, tables)
    contest, controls, absent = leaderboard_table(inputs, inputs.scopes[0]).bodies
    values = [row.cells[1].value for row in contest]
    assert values == sorted(values, reverse=True)
    assert absent == []
    assert {row.kind for row in controls} == {"control"}
    labels = {row.cells[0].text for body in difference_table(inputs, inputs.scopes[0]).bodies for row in body}
    assert labels == {"HydraRecUni", "ItemKNN", "Popularity"}


def test_the_overview_has_the_leaderboards_numbers_and_says_which_are_best_and_which_differ(tree, tables):
    inputs = read_inputs(tree.config, tree.results, tables)
    (table,) = overview(inputs).blocks
    labels = {run.label or run.id: run.id for run in inputs.config.all_runs}
    rows = [row for body in table.bodies for row in body]
    columns = [(scope, metric) for scope in inputs.scopes for metric in ("ndcg@10", "hr@10")]
    assert len(columns) == 4
    assert {labels[row.cells[0].text] for row in rows} == set(inputs.contest(inputs.scopes[0]))
    for index, (scope, metric) in enumerate(columns, 1):
        found = {labels[row.cells[0].text]: row.cells[index] for row in rows}
        means = inputs.leaderboard(scope, metric)["mean"][list(found)].sort_values(ascending=False)
        assert {run: cell.value for run, cell in found.items()} == pytest.approx(means.to_dict())
        assert [found[run].stress for run in means.index] == ["best", "second", "", ""]
        p = inputs.contrasts(scope, metric)["p_holm"]
        assert {run for run, cell in found.items() if cell.mark} == set(p.index[p < 0.05])


def test_groups_show_the_runs_that_compete_in_the_leaderboards_order_on_one_scale(tree, tables):
    inputs = read_inputs(tree.config, tree.results, tables)
    scope = inputs.scopes[0]
    panels = breakdown(inputs, scope)
    assert [panel.name.rpartition("-")[2] for panel in panels] == ["history", "popularity"]
    order = [row.cells[0].text for row in leaderboard_table(inputs, scope).bodies[0]]
    for panel in panels:
        assert set(panel.data["run"]) == set(inputs.contest(scope))
        assert "popularity:cold" not in set(panel.data["group"])
        opening, told = panel.alt.split(". ", 1)
        named, rows = opening.partition(", in groups ")[2].split(", "), told.split("; ")
        assert [row.split(":")[0] for row in rows] == order
        means = panel.data.pivot(index="run", columns="group", values="mean")
        assert means.shape == (len(order), len(named))
        # The one tick beside 0 is the same in every group.
        ticks = re.findall(r">([\d.]+)</text>", panel.standalone)
        assert ticks.count("0") == len(named)
        assert len(set(ticks)) == 2


def test_one_data_set_needs_no_overview(tree, tables):
    inputs = read_inputs(tree.config, tree.results, tables)
    assert next(table.name for table in leaderboard(inputs).tables()) == "overview"
    first = inputs.scopes[0].dataset
    alone = inputs.config.model_copy(update={"datasets": [d for d in inputs.config.datasets if d.id == first]})
    found = leaderboard(replace(inputs, config=alone))
    assert [table.name for table in found.tables()] == [f"leaderboard-{inputs.scopes[0].anchor}"]


@pytest.mark.parametrize(("threads", "header"), [(1, "Training, processor"), (2, "Training, wall")])
def test_the_leaderboards_times_are_by_the_clock_that_runs_compare_by(threads, header, tree, tables):
    inputs = read_inputs(tree.config, tree.results, tables, tables)
    times = inputs.times.assign(device="cpu", threads=1, train_to_best_s=7200.0, train_to_best_cpu_s=3.0)
    # With unequal numbers of threads processor seconds mean something else on either side.
    times.loc[times["run"] == SASREC, "threads"] = threads
    table = leaderboard_table(replace(inputs, times=times), inputs.scopes[0])
    assert table.columns[-1].title == header
    shown = {row.cells[-1].text for row in table.bodies[0]}
    assert shown == {"3.0\u202fs" if threads == 1 else "2.0\u202fh"}


def test_data_cards_show_keys_nobody_foresaw(tree, tables):
    inputs = read_inputs(tree.config, tree.results, tables)
    inputs.cards["made-0"] |= {"moon_phase": {"waxing": [1, 2], "name": "full"}, "empty": None, "flag": True}
    card = data_cards(inputs)[0]
    facts = dict(card.facts)
    assert facts["Moon phase: waxing"] == "1, 2"
    assert facts["Flag"] == "yes"
    assert facts["Tie share"] == "12\u202f%"
    times = {"first": 1704103179, "first_day": "2024-01-01", "last": 1759462752, "last_day": "2025-10-03"}
    inputs.cards["made-0"] |= {"times": times, "sizes": {"most": 1005, "mean": 1234.5, "seed": 2024}}
    facts = dict(data_cards(inputs)[0].facts)
    assert facts["Times"] == "first 2024-01-01 · last 2025-10-03"
    assert facts["Sizes"] == "most 1\u202f005 · mean 1\u202f234 · seed 2024"
    assert [column.title for column in card.tables[0].columns] == ["Stage", "Users", "Items", "Interactions"]


def test_cuts_of_a_split_are_days_and_times_in_the_order_of_time(tree, tables):
    inputs = read_inputs(tree.config, tree.results, tables)
    cuts = {"test": 1697683799, "validation": 1609459200}
    inputs.splits["made-0", "loo"] |= {"cuts": cuts, "future_share": 0.0}
    facts = dict(data_cards(inputs)[0].facts)
    # By `date -u -d @1697683799`.
    assert facts["Split loo: cuts"] == "validation 2021-01-01 00:00:00 UTC · test 2023-10-19 02:49:59 UTC"
    # The files' own numbers are left alone, and what no calendar has is shown as it is.
    assert inputs.splits["made-0", "loo"]["cuts"] == {"test": 1697683799, "validation": 1609459200}
    inputs.splits["made-0", "loo"] |= {"cuts": {"test": 10**15}}
    assert dict(data_cards(inputs)[0].facts)["Split loo: cuts"].startswith("test 1\u202f000\u202f000")


def test_columns_say_where_intervals_are_cut_and_why_they_have_a_width(tree, tables):
    inputs = read_inputs(tree.config, tree.results, tables)

    def hints(make):
        return [column.hint for column in make(inputs, inputs.scopes[0]).columns if "interval" in column.title]

    assert [hint.count("shown cut at 0 and 1") for hint in hints(leaderboard_table)] == [1, 1]
    # A run that differs from the reference in no user is no more certain than others; all that are in per cent.
    for table, relative in ((difference_table, [0, 1]), (margin_table, [1])):
        assert [hint.count("half a user more on either side") for hint in hints(table)] == relative


def test_what_data_are_called_now_wins_over_what_they_were_called_when_prepared(tree, tables):
    inputs = read_inputs(tree.config, tree.results, tables)
    renamed = inputs.config.datasets[0].model_copy(update={"title": "Better named", "licence": "CC0", "citation": "A"})
    config = inputs.config.model_copy(update={"datasets": [renamed, *inputs.config.datasets[1:]]})
    card = data_cards(replace(inputs, config=config))[0]
    assert card.title == "Better named"
    assert (dict(card.facts)["Licence"], dict(card.facts)["Citation"]) == ("CC0", "A")


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12))
def test_nothing_beats_a_point_of_the_front_in_both(points):
    cost, value = np.array(points, dtype=float).T
    front = set(pareto_front(cost, value).tolist())
    for i in range(len(points)):
        beaten = ((cost <= cost[i]) & (value >= value[i]) & ((cost < cost[i]) | (value > value[i]))).any()
        if i in front:
            assert not beaten
        else:
            assert beaten or any((cost[j], value[j]) == (cost[i], value[i]) for j in front)


@pytest.mark.parametrize("middle", [0.0, 0.5, 0.99])
def test_labels_beside_lines_do_not_overlap(middle):
    styles = list(run_styles(many_runs(12)).values())
    canvas, axes = blank_panel()
    axes.set_ylim(0, 1)
    label_right(axes, [(1.0, middle + i / 1000, style) for i, style in enumerate(styles)])
    positions = sorted(text.get_position()[1] * canvas.bbox.height for text in canvas.texts)
    box = axes.get_window_extent()
    assert np.diff(positions).min() >= LABEL_GAP - 0.01
    assert box.y0 - 0.01 <= positions[0] < positions[-1] <= box.y1 + 0.01


@given(st.lists(st.floats(0.01, 0.3), min_size=1, max_size=12))
def test_a_share_is_reached_at_the_first_epoch_that_is_good_enough(values):
    history = pd.DataFrame({"validation_ndcg10": values, "train_s": np.arange(1.0, len(values) + 1)})
    found = time_to_accuracy([history], [0.2])
    for share, seconds in zip(found["share"], found["seconds"], strict=True):
        assert seconds == 1 + next(i for i, value in enumerate(values) if value >= share * 0.2 * (1 - 1e-9))
    beyond = found["share"].iloc[-1] + 0.005 if len(found) else 0.5
    assert max(values) < beyond * 0.2 or beyond > 1.2


@pytest.mark.parametrize("n_runs", [2, 30])
def test_names_of_many_runs_stay_within_a_scatter(n_runs):
    styles = run_styles(many_runs(n_runs))
    table = pd.DataFrame({"x": 0.1, "y": np.linspace(0.001, 0.002, n_runs)}, index=list(styles))
    drawing = scatter(table, styles, name="s", title="S", axes_titles=("x", "y"), write=str).standalone
    height = float(re.findall(r'viewBox="0 0 \S+ (\S+)"', drawing)[0])
    positions = [float(y) for y in re.findall(r' y="(\S+)">\s*run-\d+</text>', drawing)]
    assert len(positions) == n_runs
    assert all(0 < y < height for y in positions)


def test_time_to_accuracy_goes_as_far_as_every_seed():
    seconds = np.array([10.0, 20.0])
    good = pd.DataFrame({"validation_ndcg10": [0.1, 0.2], "train_s": seconds})
    bad = pd.DataFrame({"validation_ndcg10": [0.1, 0.15], "train_s": 3 * seconds})
    found = time_to_accuracy([good, bad], [0.2, 0.2]).set_index("share")
    assert found.index[-1] == 0.75
    assert found.loc[0.5].tolist() == [20.0, 10.0, 30.0]
    assert found.loc[0.75].tolist() == [40.0, 20.0, 60.0]
    # Each seed is held to the reference's best with the same seed.
    found = time_to_accuracy([good, bad], [0.2, 0.1]).set_index("share")
    assert found.loc[1.0].tolist() == [25.0, 20.0, 30.0]


def heads_config():
    common = {"model": {"kind": "sasrec"}, "masking": {"kind": "causal"}}
    runs = [
        {"id": f"heads-{n}", "attention": {"kind": "cosine", "n_heads": n}, "encoder": {"d_model": 8, "n_heads": 2}}
        | common
        for n in (1, 2, 4)
    ]
    other = {"id": "other", "attention": {"kind": "softmax"}, "encoder": {"d_model": 8, "n_heads": 4}} | common
    wider = {"id": "wider", "attention": {"kind": "cosine", "n_heads": 8}, "encoder": {"d_model": 16}} | common
    return config(more={"runs": [*runs, other, wider], "evaluation": {"reference": "other"}})


def test_runs_that_differ_in_heads_alone_are_a_family():
    assert head_families(heads_config(), "made-0") == [{"heads-1": 1, "heads-2": 2, "heads-4": 4}]


@given(st.floats(1e-5, 3e6), st.floats(1.6, 1e8), st.integers(4, 8))
def test_an_axis_of_times_has_ticks_and_no_more_than_there_is_room_for(middle, factor, most):
    low, high = middle / 1.6, min(middle * factor, 3e6 * 1.6)
    found = time_ticks(low, high, most)
    assert 1 <= len(found) <= most
    assert found == sorted(found)
    assert all(low <= tick <= high for tick in found)
    assert len({format_time(tick) for tick in found}) == len(found)


def test_rules_are_drawn_left_of_what_reads_from_them():
    edges = [tuple(edge) for edge in read_json(RULES)]
    positions = assign_layers(edges)
    assert all(positions[source][0] < positions[target][0] for source, target in edges)
    assert len(set(positions.values())) == len(positions)
    # What is left out follows from what is drawn.
    drawn = transitive_reduction(edges)

    def reachable(rule):
        return {rule}.union(*(reachable(target) for source, target in drawn if source == rule))

    assert all(target in reachable(source) for source, target in edges)


def test_text_on_every_colour_of_the_heat_map_can_be_read():
    for difference in np.linspace(-60, 0, 25):
        assert contrast(CELL_INK, colour(difference)) >= 4.5


def test_the_heat_map_says_what_is_significant_and_leaves_the_rest_blank():
    styles = run_styles(many_runs(3))
    pairs = pd.DataFrame(
        [("run-0", "run-1", 25.0, 0.001), ("run-0", "run-2", 100.0, 0.0001), ("run-1", "run-2", 60.0, 0.2)],
        columns=["run", "other", "percent", "p"],
    )
    panel = heatmap("pairs", "All pairs", pairs, ["run-0", "run-1", "run-2"], styles, 0.05)
    assert "3 pairs of 3 runs, 2 told apart" in panel.alt
    # 25 % above is 20 % below the other way round, and twice as much is half.
    assert "run-1 \u221220.0\u202f% from run-0 (p .001)" in panel.alt
    assert "run-2 \u221250.0\u202f% from run-0 (p < .001)" in panel.alt
    assert panel.standalone.count("-cell-") == 2
    # The last run is nobody's column, and the colours are explained however few runs there are.
    assert re.findall(r">(\d)</text>", panel.standalone) == ["1", "2"]
    assert "\u221230\u202f%" in panel.standalone
    assert heatmap("pairs", "All pairs", pairs[:0], ["run-0"], styles, 0.05) is None


def test_a_run_that_never_hits_is_told_apart_from_the_one_that_does():
    styles = run_styles(many_runs(2))
    # Nothing is a per cent of what never hits.
    pairs = pd.DataFrame([("run-0", "run-1", float("nan"), 0.001)], columns=["run", "other", "percent", "p"])
    panel = heatmap("pairs", "All pairs", pairs, ["run-0", "run-1"], styles, 0.05)
    assert "run-1 \u2212100.0\u202f% from run-0" in panel.alt
    assert colour(-100.0) in panel.standalone


def test_wide_intervals_are_cut_at_the_widest_axis_and_not_left_out_of_it():
    wide = pd.DataFrame({"percent": [5.0, -70.0], "percent_low": [-60.0, -75.0], "percent_high": [130.0, -65.0]})
    np.testing.assert_allclose(forest._bounds(wide), np.log([0.45, 2.2]) * 1.08)
    narrow = pd.DataFrame({"percent": [20.0], "percent_low": [10.0], "percent_high": [30.0]})
    np.testing.assert_allclose(forest._bounds(narrow), [np.log(0.93), np.log(1.3) * 1.08])


def test_what_lies_beyond_the_axis_is_marked_at_its_edge():
    styles = run_styles(many_runs(1))
    row = pd.Series({"percent": 5.0, "percent_low": -60.0, "percent_high": 130.0})
    row["equivalence_low"] = row["equivalence_high"] = float("nan")
    for bounds, marks in (((-0.5, 0.5), {"<", ">"}), ((-0.5, 2.0), {"<"}), ((-2.0, 2.0), set())):
        _, axes = blank_panel(300, 100, (10, 10, 10, 10))
        forest._draw_row(axes, 0, row, styles["run-0"], bounds)
        assert {line.get_marker() for line in axes.lines} & {"<", ">"} == marks


def test_no_front_joins_runs_of_several_devices(tree, tables):
    inputs = read_inputs(tree.config, tree.results, tables)
    times = inputs.times.assign(device=np.where(inputs.times["run"] == SASREC, "H200", "cpu"))
    alone = tradeoff(replace(inputs, times=times), inputs.scopes[0])[0].alt
    front = alone.partition("On the Pareto front: ")[2].partition(". ")[0]
    assert "on H200 SASRec" in front.split("; ")
    assert any(named.startswith("on cpu ") and "SASRec" not in named for named in front.split("; "))
    together = tradeoff(inputs, inputs.scopes[0])[0].alt
    assert "on cpu" not in together


def test_hours_are_hours_in_files_too(tree, tables):
    inputs = read_inputs(tree.config, tree.results, tables)
    spent = {"setup_s": 0.0, "train_s": 7200.0, "validation_s": 0.0, "train_cpu_s": 3600.0, "validation_cpu_s": 0.0}
    found = computing(replace(inputs, times=inputs.times.assign(device="H200", **spent)))
    shown, written = found.bodies[-1][0].cells, to_frame(found).iloc[-1]
    for index, title, hours in ((5, "GPU hours", 2.0), (6, "Processor hours", 1.0)):
        assert written[title] == pytest.approx(hours * len(inputs.times))
        assert shown[index].text == f"{written[title]:.2f}"


def test_components_are_shares_of_what_the_table_says(tree, tables):
    inputs = read_inputs(tree.config, tree.results, tables)
    found = inputs.contrasts(inputs.scopes[0], "ndcg@10")
    shares = component_shares(found)
    assert np.allclose(shares.sum(axis=1), 1)
    expected = (found["variance_seeds"] / found["standard_error"] ** 2).loc[shares.index]
    assert np.allclose(shares["seeds"], expected)


@pytest.mark.parametrize("label", ["Smoothed Markov chain", "ItemKNN (recency)", "iiii", "MMMM", "$\\frac{1}$", ""])
def test_labels_are_as_wide_as_they_are_drawn(label):
    canvas, axes = blank_panel()
    drawn = axes.text(0, 0, label, fontsize=FONT_SIZE, parse_math=False).get_window_extent().width
    assert label_width([label, "i"]) * canvas.dpi / 72 == pytest.approx(max(drawn, label_width("i")), abs=4)


def test_names_near_points_hide_neither_points_nor_names():
    styles = list(run_styles(many_runs(6)).values())
    canvas, axes = blank_panel()
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    far = [(0.2 * i + 0.1, 0.5, style) for i, style in enumerate(styles[:4])]
    crowd = [(0.5 + i / 1000, 0.9, style) for i, style in enumerate(styles)]
    assert label_near(axes, far, far) == []
    assert len(canvas.texts) == 4
    left_over = label_near(axes, crowd, crowd)
    assert 0 < len(left_over) < len(crowd)
    boxes = [text.get_window_extent() for text in canvas.texts]
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])


def test_names_near_points_are_crossed_by_no_line():
    (style,) = run_styles(many_runs(1)).values()
    line = [(0.5, 0.5), (0.9, 0.5), (0.9, 0.9)]
    canvas, axes = blank_panel()
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    assert label_near(axes, [(0.5, 0.5, style)], [(0.5, 0.5, style)], [line]) == []
    box = canvas.texts[0].get_window_extent()
    _, height = axes.transData.transform(line[0])
    assert not (box.x1 > axes.transData.transform(line[0])[0] and box.y0 < height < box.y1)
    # Without the line it stands to the right.
    canvas, axes = blank_panel()
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    label_near(axes, [(0.5, 0.5, style)], [(0.5, 0.5, style)])
    assert canvas.texts[0].get_window_extent().x0 > axes.transData.transform(line[0])[0]
