"""Claims get the verdicts that known tables imply, and a reason where there is none."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats
from statsmodels.stats.multitest import multipletests

from hydrarec.claims.decide import claim_rows, evaluate_claim, verdict_rows
from hydrarec.columns import HISTORY
from hydrarec.comparison import Gate
from hydrarec.config import load
from hydrarec.layout import run_folder
from hydrarec.tables import read_table, write_table
from tests.fabricate import HYDRA_UNI, SASREC
from tests.unit.claims.conftest import DATASETS, Made, hypotheses, raw_config

SUPERIOR = {"id": "S", "statement": "It is better", "kind": "superior", "run": HYDRA_UNI, "against": [SASREC]}
EQUIVALENT = {"id": "E", "statement": "It is as good", "kind": "equivalent", "run": HYDRA_UNI, "against": [SASREC]}
FASTER = {"id": "F", "statement": "It is faster", "kind": "faster", "run": HYDRA_UNI, "against": [SASREC]}
GROWTH = {"id": "G", "statement": "It is linear", "kind": "growth", "subject": "hydra", "axis": "length"}
TREND = {"id": "T", "statement": "It gains", "kind": "trend", "run": HYDRA_UNI, "against": [SASREC]}


def decided(made, *claims, **more):
    file = hypotheses(*claims, **more)
    evidence = made.evidence(file)
    looked = [evaluate_claim(claim, file.needed_for(claim), evidence) for claim in file.claims]
    return claim_rows(looked), verdict_rows(looked)


def verdict(made, claim, **more):
    rows, found = decided(made, claim, **more)
    return rows[0], found


def differ(made, share, error=0.01, datasets=DATASETS, protocol="loo"):
    for dataset in datasets:
        made.differences[dataset, protocol, SASREC, HYDRA_UNI] = (-share, error)
        made.means[dataset, protocol] = {HYDRA_UNI: 0.1 / (1 - share)}


def test_a_clear_advantage_supports_superiority(made):
    row, found = verdict(made, SUPERIOR)
    assert (row["verdict"], row["holding"], row["needed"], row["places"]) == ("supported", 3, 2, 3)
    assert row["p_holm"] < 1e-6
    assert {one["verdict"] for one in found} == {"superior"}
    assert "HydraRecUni differs from that of SASRec by +0.0100 (95 % interval +0.00" in found[0]["sentence"]
    assert "in per cent +10.0" in found[0]["sentence"]


def test_one_sided_p_is_students_and_two_data_sets_count(made):
    for dataset, error in zip(DATASETS, (0.04, 0.05, 0.2), strict=True):
        made.differences[dataset, "loo", SASREC, HYDRA_UNI] = (-0.1, error)
        made.means[dataset, "loo"] = {SASREC: 0.1, HYDRA_UNI: 0.1}
    row, found = verdict(made, SUPERIOR)
    expected = [stats.t.sf(0.1 / error, 50) for error in (0.04, 0.05, 0.2)]
    np.testing.assert_allclose([one["p"] for one in found], expected)
    # At least two of three: the second smallest, twice.
    assert row["p"] == pytest.approx(2 * expected[1])
    assert [one["holds"] for one in found] == [True, True, False]


def test_what_could_have_been_found_does_not_hang_on_what_was(made):
    claims = SUPERIOR, EQUIVALENT | {"metrics": ["ndcg@10"]}
    found = []
    for share in (0.0, 0.2):
        for dataset in DATASETS:
            made.means[dataset, "loo"] = {SASREC: 0.1, HYDRA_UNI: 0.1}
            made.differences[dataset, "loo", SASREC, HYDRA_UNI] = (-share, 0.02)
        found.append([row["detectable"] for row in decided(made, *claims)[1]])
    assert found[0] == found[1]
    # A noncentral t that lies above the critical value four times in five.
    sizes = optimize.brentq(lambda size: stats.nct.sf(stats.t.isf(0.05, 50), 50, size) - 0.8, 1, 5)
    assert found[0][:3] == pytest.approx([2 * sizes] * 3, rel=1e-4)
    assert min(found[0][3:]) > 2 * sizes


def test_one_seed_decides_nothing_about_trained_models(made):
    differ(made, 0.1)
    made.config = load(raw_config() | {"seeds": [0]})
    for claim in (SUPERIOR, EQUIVALENT):
        row, found = verdict(made, claim)
        assert row["verdict"] == "not decidable"
        assert "one seed says nothing about the spread over seeds" in row["sentence"]
        assert not found or not any(one["holds"] for one in found)
    # A seed changes nothing about these.
    raw = raw_config() | {"seeds": [0]}
    raw["runs"] += [{"id": "popularity", "baseline": "popularity", "deterministic": True}]
    made.config = load(raw)
    for dataset in DATASETS:
        made.means[dataset, "loo"] = {"popularity": 0.02}
    assert verdict(made, SUPERIOR | {"run": "itemknn", "against": ["popularity"]})[0]["verdict"] == "supported"


def test_no_difference_decides_nothing(made):
    differ(made, 0.0, 0.05)
    row, found = verdict(made, SUPERIOR)
    assert row["verdict"] == "not decided"
    assert {one["verdict"] for one in found} == {"inconclusive"}


def test_a_clear_disadvantage_refutes_superiority(made):
    differ(made, -0.2)
    row, found = verdict(made, SUPERIOR)
    assert row["verdict"] == "refuted"
    assert row["sentence"] == "The data speak against it in 3 of 3 places."
    assert {one["verdict"] for one in found} == {"inferior"}


def test_a_reversal_on_one_data_set_takes_the_support_away(made):
    differ(made, -0.2, datasets=["three"])
    row, _ = verdict(made, SUPERIOR)
    assert row["verdict"] == "not decided"
    assert "but the data speak against it on Three" in row["sentence"]


def test_a_claim_that_can_still_hold_in_enough_places_is_not_refuted(made):
    differ(made, -0.2, datasets=["two", "three"])
    row, _ = verdict(made, SUPERIOR, needed=1)
    assert row["verdict"] == "not decided"
    assert row["sentence"].endswith("but the data speak against it on Two, Three.")
    differ(made, 0.0, 0.05, datasets=["one"])
    row, _ = verdict(made, SUPERIOR, needed=1)
    assert row["verdict"] == "not decided"
    assert row["sentence"].endswith("and the data speak against it on Two, Three.")
    differ(made, -0.2)
    assert verdict(made, SUPERIOR, needed=1)[0]["verdict"] == "refuted"
    # In two of three a claim that needs all cannot hold any more; one is enough to know.
    differ(made, 0.2, datasets=["one", "two"])
    assert verdict(made, SUPERIOR, needed=3)[0]["verdict"] == "refuted"


def test_every_comparator_counts(made):
    claim = SUPERIOR | {"against": [SASREC, "itemknn"]}
    differ(made, 0.0, 0.05)
    row, found = verdict(made, claim)
    assert row["verdict"] == "not decided"
    assert {(one["against"], one["holds"]) for one in found} == {(SASREC, False), ("itemknn", True)}


def test_refutation_takes_the_same_comparator_everywhere(made):
    for dataset, other in (("one", SASREC), ("two", "itemknn")):
        made.differences[dataset, "loo", other, HYDRA_UNI] = (0.3, 0.01)
        made.differences[dataset, "loo", HYDRA_UNI, other] = (-0.3, 0.01)
    claim = SUPERIOR | {"against": [SASREC, "itemknn"]}
    assert verdict(made, claim)[0]["verdict"] == "not decided"
    made.differences["two", "loo", SASREC, HYDRA_UNI] = (0.3, 0.01)
    assert verdict(made, claim)[0]["verdict"] == "refuted"


def test_support_under_one_protocol_alone_is_said_to_be(tmp_path):
    row, _ = verdict(Made(tmp_path), SUPERIOR)
    assert row["sentence"].endswith("This is support under leave-one-out only: no other protocol was computed.")
    made = Made(tmp_path, protocols=("loo", "gts"))
    assert "only" not in verdict(made, SUPERIOR)[0]["sentence"]
    made.gates += [Gate("oracle", "oracle", dataset, "gts", "red", "Broken.", True) for dataset in DATASETS]
    row, _ = verdict(made, SUPERIOR)
    assert row["verdict"] == "supported"
    assert row["sentence"].endswith(
        "This is support under leave-one-out only: it could not be decided under global temporal split."
    )


@pytest.mark.parametrize(
    ("claim", "agrees"), [(SUPERIOR, "its sign is kept"), (EQUIVALENT, "nothing speaks against it")]
)
def test_support_that_another_protocol_could_mostly_not_be_asked_about_says_so(tmp_path, claim, agrees):
    made = Made(tmp_path, protocols=("loo", "gts"))
    differ(made, 0.1 if claim is SUPERIOR else 0.0)
    # Alone it says nothing, but of the same sign it is.
    differ(made, 0.02, 0.05, datasets=["one"], protocol="gts")
    made.gates += [Gate("oracle", "oracle", dataset, "gts", "red", "Broken.", True) for dataset in ("two", "three")]
    row, _ = verdict(made, claim, needed=2)
    assert row["verdict"] == "supported"
    assert row["sentence"].endswith(
        f"This is support under leave-one-out only: under global temporal split {agrees} in 1 place (needed: 2), and "
        "it could not be decided on Two (global temporal split), Three (global temporal split)."
    )
    # As many as needed are enough.
    assert "only" not in verdict(made, claim, needed=1)[0]["sentence"]


def test_another_protocol_must_agree_in_sign(tmp_path):
    made = Made(tmp_path, protocols=("loo", "gts"))
    differ(made, -0.005, 0.05, datasets=["one", "two"], protocol="gts")
    row, _ = verdict(made, SUPERIOR)
    assert row["verdict"] == "not decided"
    assert "its sign is lost on One (global temporal split), Two (global temporal split)" in row["sentence"]
    differ(made, 0.005, 0.05, protocol="gts")
    assert verdict(made, SUPERIOR)[0]["verdict"] == "supported"
    differ(made, -0.005, 0.05, datasets=["one"], protocol="gts")
    row, _ = verdict(made, SUPERIOR)
    assert row["verdict"] == "supported"
    assert "Under another protocol its sign is lost on One (global temporal split)." in row["sentence"]


def test_equivalence_is_two_one_sided_tests():
    stream = np.random.default_rng(0)
    x, y = stream.normal(0.1, 0.05, (2, 51))
    difference, base = x - y, y.mean()
    error = difference.std(ddof=1) / np.sqrt(51) / x.mean()
    made = Made(None)
    for dataset in DATASETS:
        made.means[dataset, "loo"] = {SASREC: base, HYDRA_UNI: x.mean()}
        made.differences[dataset, "loo", SASREC, HYDRA_UNI] = (
            -difference.mean() / x.mean(),
            error,
        )
    _, found = verdict(made, EQUIVALENT | {"margin": 0.2, "metrics": ["ndcg@10"]})
    bounds = (np.log(x.mean() / base) - np.log([0.8, 1.2])) / error
    assert found[0]["p"] == pytest.approx(max(stats.t.sf(bounds[0], 50), stats.t.cdf(bounds[1], 50)))


def test_small_differences_are_equivalent_and_large_ones_refute(made):
    differ(made, 0.01)
    row, found = verdict(made, EQUIVALENT)
    assert row["verdict"] == "supported"
    assert {one["measure"] for one in found} == {"ndcg@10", "hr@10"}
    assert {one["verdict"] for one in found} == {"equivalent"}
    differ(made, -0.2)
    assert verdict(made, EQUIVALENT)[0]["verdict"] == "refuted"
    differ(made, 0.05, 0.03)
    assert verdict(made, EQUIVALENT)[0]["verdict"] == "not decided"


def test_a_run_that_never_hits_refutes_equality_where_the_comparators_hits_are_sure(made):
    claim = EQUIVALENT | {"metrics": ["ndcg@10"]}
    for dataset in DATASETS:
        made.means[dataset, "loo"] = {SASREC: 0.0}
        made.differences[dataset, "loo", SASREC, HYDRA_UNI] = (-1.0, 0.02)
    turned = claim | {"run": SASREC, "against": [HYDRA_UNI]}
    row, found = verdict(made, turned)
    assert row["verdict"] == "refuted"
    assert (found[0]["verdict"], found[0]["estimate"], found[0]["low"]) == ("inferior", -100, -100)
    # Student's, in per cent of the comparator's mean.
    assert found[0]["high"] == pytest.approx(100 * (-1 + stats.t.isf(0.05, 50) * 0.02))
    assert found[0]["p"] == pytest.approx(stats.t.sf((0.05 - 1) / 0.02, 50))
    for dataset in DATASETS:
        made.differences[dataset, "loo", SASREC, HYDRA_UNI] = (-1.0, 0.7)
    assert verdict(made, turned)[0]["verdict"] == "not decided"
    row, _ = verdict(made, claim)
    assert (row["verdict"], "SASRec never hits" in row["sentence"]) == ("not decidable", True)


def test_equality_is_nothing_where_the_data_separate_nothing(made):
    differ(made, 0.0)
    claim = EQUIVALENT | {"separates": ["itemknn"]}
    assert verdict(made, claim)[0]["verdict"] == "supported"
    for dataset in DATASETS:
        made.differences[dataset, "loo", SASREC, "itemknn"] = (0.01, 0.05)
    row, found = verdict(made, claim)
    assert row["verdict"] == "not decidable"
    assert "do not tell SASRec from ItemKNN on NDCG@10, so that equality would show nothing" in row["sentence"]
    assert {one["verdict"] for one in found} == {"not decidable"}


def test_separation_is_asked_of_the_test_itself(made):
    """Significantly worse is not enough where the margin swallows the difference."""
    claim = EQUIVALENT | {"separates": ["itemknn"]}
    for dataset in DATASETS:
        # SASRec is 4 % above ItemKNN, and the users are so many that it is sure.
        made.means[dataset, "loo"] = {SASREC: 0.1, HYDRA_UNI: 0.1, "itemknn": 0.1 / 1.04}
        made.differences[dataset, "loo", SASREC, "itemknn"] = (0.04, 0.001)
        made.differences[dataset, "loo", SASREC, HYDRA_UNI] = (0.0, 0.001)
    row, _ = verdict(made, claim)
    assert row["verdict"] == "not decidable"
    assert "a margin of 5 % does not tell SASRec from ItemKNN on NDCG@10" in row["sentence"]
    assert verdict(made, claim | {"margin": 0.02})[0]["verdict"] == "supported"


def test_every_run_must_be_separated_and_be_there(made):
    differ(made, 0.0)
    row, _ = verdict(made, EQUIVALENT | {"separates": ["itemknn", "smaller"]})
    assert row["verdict"] == "not decidable"
    assert "on One, Two, Three: the comparison has no run smaller" in row["sentence"]


def test_equality_with_a_beaten_model_is_flagged(made):
    differ(made, 0.0)
    claim = EQUIVALENT | {"flag_if_beaten_by": ["itemknn"]}
    row, found = verdict(made, claim)
    assert {one["remark"] for one in found} == {None}
    assert "ItemKNN" not in row["sentence"]
    for dataset in ("one", "two"):
        made.means[dataset, "loo"] = {SASREC: 0.1, HYDRA_UNI: 0.1, "itemknn": 0.12}
    # Ahead of the one for sure, of the other perhaps: not of both.
    made.differences["two", "loo", HYDRA_UNI, "itemknn"] = (-0.17, 0.2)
    row, found = verdict(made, claim)
    assert row["verdict"] == "supported"
    assert row["sentence"].endswith("But on One ItemKNN is more accurate than both.")
    assert [bool(one["remark"]) for one in found] == [one["dataset"] == "one" for one in found]
    assert found[0]["sentence"].endswith(". But ItemKNN is more accurate than both.")


def test_that_a_flag_could_not_be_looked_for_is_said(made):
    differ(made, 0.0)
    row, _ = verdict(made, EQUIVALENT | {"flag_if_beaten_by": ["sasrec"]})
    assert row["verdict"] == "supported"
    said = "whether sasrec is more accurate than both is not known (the comparison has no run sasrec)"
    assert row["sentence"].endswith(f"But on One, Two, Three {said}.")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda made: made.gate("oracle", "oracle", "red", control=True), "a check failed: Something about oracle"),
        (lambda made: made.gate("ties", HYDRA_UNI, "red"), f"a check failed: Something about {HYDRA_UNI}"),
        (lambda made: made.gate("converged", SASREC, "amber"), "SASRec is not trained to the end: something about"),
        (lambda made: made.means.update({("one", "loo"): {HYDRA_UNI: None}}), "HydraRecUni is not finished"),
    ],
)
def test_what_makes_a_scope_undecidable(made, change, reason):
    change(made)
    row, found = verdict(made, SUPERIOR)
    assert (row["verdict"], row["places"]) == ("supported", 2)
    assert f"Not decidable on One: {reason}" in row["sentence"]
    assert found[0]["sentence"].startswith(f"Not decidable on One: {reason}")
    row, _ = verdict(made, SUPERIOR, needed=3)
    assert row["verdict"] == "not decidable"
    assert row["p"] is None
    assert "Decidable in 2 of 3 places, where 3 are needed: " in row["sentence"]


def test_what_is_wrong_with_all_runs_of_a_place_concerns_every_claim(made):
    """Versions are mixed in a partial report only; what is made of them there is no verdict."""
    made.gate("code", "", "red", dataset="two")
    row, found = verdict(made, SUPERIOR)
    assert row["places"] == 2
    assert found[1]["verdict"] == "not decidable"
    assert "on Two: a check failed" in row["sentence"]


def test_what_became_of_an_unfinished_run_is_said(made):
    made.means["one", "loo"] = {HYDRA_UNI: None}
    file = hypotheses(SUPERIOR)
    said = {("one", "loo", HYDRA_UNI): "seed 1 failed, seed 2 missing"}
    evidence = dataclasses.replace(made.evidence(file), unfinished=said)
    (row,) = claim_rows([evaluate_claim(file.claims[0], 2, evidence)])
    assert "on One: HydraRecUni is not finished (seed 1 failed, seed 2 missing)" in row["sentence"]


def test_a_gate_of_another_run_or_place_does_not_matter(made):
    made.gate("ties", "itemknn", "red")
    made.gate("code", "", "amber")
    assert verdict(made, SUPERIOR)[0]["places"] == 3


def test_training_to_the_end_can_be_waived(made):
    made.gate("converged", SASREC, "amber")
    assert verdict(made, SUPERIOR | {"converged": False})[0]["places"] == 3


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        (SUPERIOR | {"against": ["sasrec"]}, "the comparison has no run sasrec"),
        (SUPERIOR | {"against": ["random"]}, "random is a control and competes with nobody"),
        (SUPERIOR | {"metric": "ndcg@5"}, "were not compared on NDCG@5; pairs are compared on HR@10 and NDCG@10"),
    ],
)
def test_claims_about_what_is_not_there_keep_their_row(made, claim, reason):
    row, _ = verdict(made, claim)
    assert row["verdict"] == "not decidable"
    assert reason in row["sentence"]


def test_a_reference_below_its_published_band_decides_nothing(made):
    band = {"dataset": "one", "run": SASREC, "metric": "ndcg@10", "value": 0.2, "source": "Somebody (2020)"}
    row, _ = verdict(made, SUPERIOR, bands=[band])
    assert "SASRec reaches NDCG@10 0.1000, more than 5 % below the 0.2000 of Somebody (2020)" in row["sentence"]
    assert row["places"] == 2
    assert verdict(made, SUPERIOR, bands=[band | {"value": 0.105}])[0]["places"] == 3


def test_a_band_is_no_business_of_claims_about_other_runs(made):
    band = {"dataset": "one", "run": SASREC, "metric": "ndcg@10", "value": 0.2, "source": "Somebody (2020)"}
    assert verdict(made, SUPERIOR | {"against": ["itemknn"]}, bands=[band])[0]["places"] == 3
    made.means["one", "loo"] = {SASREC: None}
    assert verdict(made, SUPERIOR | {"against": ["itemknn"]}, bands=[band])[0]["places"] == 3


def test_confirmatory_claims_are_one_family_and_the_undecidable_count(made):
    differ(made, 0.1, 0.045)
    missing = SUPERIOR | {"id": "M", "against": ["sasrec"]}
    other = SUPERIOR | {"id": "X", "family": "exploratory"}
    rows, _ = decided(made, SUPERIOR, missing, other)
    alone = verdict(made, SUPERIOR)[0]
    assert alone["p_holm"] == alone["p"]
    assert rows[0]["p_holm"] == pytest.approx(2 * alone["p"])
    assert rows[1]["p_holm"] is None
    assert rows[2]["p_holm"] == alone["p"]
    assert ["not adjusted" in row["sentence"] for row in rows] == [False, False, True]


def test_in_each_place_the_confirmatory_claims_are_one_family(tmp_path):
    made = Made(tmp_path, protocols=("loo", "gts"), efficiency={"devices": ["cpu"]})
    made.scaling["cpu"] = [exponents("hydra", 1.0, 0.95, 1.05)]
    for dataset, protocol, error in (("one", "loo", 0.05), ("two", "loo", 0.06), ("one", "gts", 0.055)):
        made.differences[dataset, protocol, SASREC, HYDRA_UNI] = (-0.1, error)
        made.differences[dataset, protocol, HYDRA_UNI, "itemknn"] = (0.3, 0.2)
        made.means[dataset, protocol] = {SASREC: 0.1, HYDRA_UNI: 0.1, "itemknn": 0.1}
    # Not finished there: the family stays as large as it was made.
    made.means["one", "gts"] |= {"itemknn": None}
    both = SUPERIOR | {"id": "B", "against": [SASREC, "itemknn"]}
    knn = SUPERIOR | {"id": "K", "against": ["itemknn"]}
    alone = SUPERIOR | {"id": "X", "family": "exploratory"}
    _, rows = decided(made, SUPERIOR, both, knn, alone, GROWTH)
    for scope in (("one", "loo"), ("two", "loo"), ("one", "gts")):
        there = [row for row in rows if (row["dataset"], row["protocol"]) == scope]
        own = next(row["p"] for row in there if row["claim"] == "S")
        against_knn = max(row["p"] or 1 for row in there if row["claim"] == "K") if scope != ("one", "gts") else 1
        # Of the claim with two comparators the larger p counts, and stands beside both of its findings.
        expected = multipletests([own, max(own, against_knn), against_knn], method="holm")[1]
        adjusted = {name: {row["p_holm"] for row in there if row["claim"] == name} for name in "SBKX"}
        assert list(adjusted["S"]) == pytest.approx(expected[:1])
        assert adjusted["X"] == {own}
        if scope == ("one", "gts"):
            assert adjusted["B"] == adjusted["K"] == {None}
        else:
            assert list(adjusted["B"]) == pytest.approx(expected[1:2])
            assert list(adjusted["K"]) == pytest.approx(expected[2:])
    assert [row["p_holm"] for row in rows if row["claim"] == "G"] == [None]


def test_times_are_ratios_matched_by_seed(made):
    claim = FASTER | {"measure": "epoch"}
    row, found = verdict(made, claim)
    ratios = np.log(np.array([5.0, 5.1, 5.2]) / [10.0, 10.5, 9.8])
    expected = stats.ttest_1samp(ratios, np.log(0.95), alternative="less")
    assert found[0]["estimate"] == pytest.approx(np.exp(ratios.mean()))
    assert found[0]["p"] == pytest.approx(expected.pvalue)
    assert np.log([found[0]["low"], found[0]["high"]]) == pytest.approx(
        expected.confidence_interval(0.9).high - 0, abs=9
    )
    assert row["verdict"] == "supported"
    for dataset in DATASETS:
        made.times[dataset, HYDRA_UNI] = [20.0, 21.0, 20.5]
    assert verdict(made, claim)[0]["verdict"] == "refuted"


def test_times_of_one_seed_or_of_several_machines_decide_nothing(made):
    made.times["one", HYDRA_UNI] = [5.0]
    row, found = verdict(made, FASTER | {"measure": "inference"})
    assert row["places"] == 2
    assert "times of one seed say nothing about their spread" in found[0]["sentence"]
    made = Made(None)
    evidence = made.evidence(file := hypotheses(FASTER | {"measure": "epoch"}))
    evidence.times.loc[evidence.times["run"] == SASREC, "host"] = "node-2"
    looked = evaluate_claim(file.claims[0], 2, evidence)
    assert "different machines: node-1 (cpu), node-2 (cpu)" in looked.verdict(None)[1]
    evidence.times["host"], evidence.times["runs_per_gpu"] = "node-1", 2
    assert "shared their GPU" in evaluate_claim(file.claims[0], 2, evidence).verdict(None)[1]


def write_histories(made, curves, cpu=None):
    """Write a history for each run and seed: validation NDCG@10 and cumulative seconds by epoch, processor's too."""
    for dataset in DATASETS:
        for run, (ndcg, seconds) in curves.items():
            cpu_share = (cpu or {}).get(run)
            for seed in range(3):
                epochs = np.arange(1, len(ndcg) + 1)
                table = pd.DataFrame(
                    {"epoch": epochs, "optimizer_step": epochs, "loss": 1.0, "validation_ndcg10": ndcg}
                )
                table = table.assign(
                    validation_hr10=ndcg, train_s=np.array(seconds) * (1 + 0.01 * seed), validation_s=1.0
                )
                table["train_s"] *= 1 + 0.02 * seed * (run == SASREC)
                processor = cpu_share * table["train_s"] if cpu_share else None
                table = table.assign(train_cpu_s=processor, train_j=None, load=None)
                path = run_folder(made.results, dataset, "loo", run, seed) / "history.parquet"
                write_table(table, path, HISTORY)


def test_time_to_accuracy_is_read_from_the_histories(made):
    claim = FASTER | {"measure": "time_to_accuracy", "share": 0.9}
    # 90 % of the comparator's best is reached after its second epoch, and after the run's third.
    write_histories(made, {SASREC: ([0.05, 0.19, 0.2], [10, 20, 30]), HYDRA_UNI: ([0.1, 0.17, 0.185], [1, 2, 3])})
    row, found = verdict(made, claim)
    assert row["verdict"] == "supported"
    assert found[0]["estimate"] == pytest.approx(3 / 20, rel=0.05)


def test_a_run_that_never_gets_there_is_not_faster(made):
    write_histories(made, {SASREC: ([0.05, 0.19, 0.2], [10, 20, 30]), HYDRA_UNI: ([0.1, 0.11, 0.12], [1, 2, 3])})
    row, found = verdict(made, FASTER | {"measure": "time_to_accuracy"})
    assert row["verdict"] == "not decided"
    said = "HydraRecUni never reached 97 % of SASRec's best validation NDCG@10 with seed 0, 1, 2."
    assert said in found[0]["sentence"]
    assert "at least 0.10" in found[0]["sentence"]
    assert "shows no advantage" in found[0]["sentence"]
    assert "takes" not in found[0]["sentence"]


def test_a_training_that_never_got_there_refutes_nothing(made):
    # Slower with every seed; the third, had it got there, would have taken longer than it was run.
    write_histories(made, {SASREC: ([0.1, 0.2], [50, 100]), HYDRA_UNI: ([0.1, 0.2], [65, 130])})
    claim = FASTER | {"measure": "time_to_accuracy"}
    row, found = verdict(made, claim)
    assert row["verdict"] == "refuted"
    for dataset in DATASETS:
        path = run_folder(made.results, dataset, "loo", HYDRA_UNI, 2) / "history.parquet"
        write_table(read_table(path, HISTORY).assign(validation_ndcg10=[0.1, 0.15]), path, HISTORY)
    row, found = verdict(made, claim)
    assert row["verdict"] == "not decided"
    assert [(one["verdict"], one["p"]) for one in found] == [("inconclusive", 1.0)] * 3
    assert found[0]["estimate"] == pytest.approx(1.3 / 1.02, rel=0.001)
    assert all(one[bound] is None for one in found for bound in ("low", "high"))
    assert "interval" not in found[0]["sentence"].replace("it has no interval", "")


def test_nobody_is_fast_to_the_accuracy_of_what_learnt_nothing(made):
    write_histories(made, {SASREC: ([0.0, 0.0], [10, 20]), HYDRA_UNI: ([0.0, 0.1], [1, 2])})
    row, _ = verdict(made, FASTER | {"measure": "time_to_accuracy"})
    assert row["verdict"] == "not decidable"
    assert "never hits in validation with seed 0" in row["sentence"]


def test_runs_without_epochs_have_no_time_to_accuracy(made):
    row, _ = verdict(made, FASTER | {"measure": "time_to_accuracy"})
    assert "HydraRecUni has no training history" in row["sentence"]


def test_a_growing_advantage_is_a_falling_ratio(made):
    epochs, after_the_first = np.arange(1, 21), np.arange(20.0)
    curve = np.linspace(0.01, 0.2, 20)
    write_histories(made, {SASREC: (curve, 10.0 * epochs), HYDRA_UNI: (curve, 3 + 5.0 * after_the_first**0.8)})
    row, found = verdict(made, TREND)
    assert found[0]["estimate"] == pytest.approx(-0.2, abs=0.01)
    assert row["verdict"] == "supported"
    # A constant ratio saves more seconds with every epoch, and is no trend.
    write_histories(made, {SASREC: (curve, 10.0 * epochs), HYDRA_UNI: (curve, 5.0 * epochs)})
    row, found = verdict(made, TREND)
    assert row["verdict"] != "supported"
    # Nor are seconds that the run takes once and its comparator does not.
    write_histories(made, {SASREC: (curve, 10.0 * epochs), HYDRA_UNI: (curve, 60 + 5.0 * epochs)})
    assert verdict(made, TREND)[1][0]["estimate"] == pytest.approx(found[0]["estimate"])
    write_histories(made, {SASREC: (curve[:3], 10.0 * epochs[:3]), HYDRA_UNI: (curve[:3], 5.0 * epochs[:3])})
    assert "needs 6 of them, and there are 3" in verdict(made, TREND)[0]["sentence"]


def exponents(subject, exponent, low, high, measure="time", form="causal"):
    return {
        "part": "operators", "subject": subject, "layout": "alone", "form": form, "work": "training", "axis": "length",
        "measure": measure, "exponent": exponent, "low": low, "high": high, "coverage": 0.9,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "expected"),
    [((1.0, 0.95, 1.05), "supported"), ((1.05, 0.95, 1.2), "not decided"), ((1.9, 1.8, 2.0), "refuted")],
)
def test_growth_is_decided_by_intervals(tmp_path, row, expected):
    made = Made(tmp_path, efficiency={"devices": ["cpu"]})
    made.scaling["cpu"] = [exponents("hydra", *row), exponents("softmax", 1.9, 1.8, 2.0)]
    found, rows = verdict(made, GROWTH | {"contrast": "softmax"})
    assert (found["verdict"], found["p"]) == (expected, None)
    assert rows[0]["device"] == "cpu"
    made.scaling["cpu"][1]["low"] = 1.5
    assert "do not show softmax growing faster" in verdict(made, GROWTH | {"contrast": "softmax"})[0]["sentence"]
    # What the contrast takes in other forms may be beyond memory.
    made.scaling["cpu"][1]["low"] = 1.8
    made.scaling["cpu"].append(exponents("softmax", 1.9, 1.8, 2.0, form="bidirectional") | {"axis": "width"})
    assert verdict(made, GROWTH | {"contrast": "softmax"})[0]["verdict"] == expected


def test_growth_is_told_of_the_device_and_not_of_the_word_for_it(tmp_path):
    made = Made(tmp_path, efficiency={"devices": ["auto"]})
    made.scaling = {"auto": [exponents("hydra", 1.01, 0.98, 1.04)]}
    file = hypotheses(GROWTH)
    evidence = dataclasses.replace(made.evidence(file), devices={"auto": "NVIDIA H200"})
    found = verdict_rows([evaluate_claim(file.claims[0], 1, evidence)])
    assert found[0]["sentence"].startswith("On NVIDIA H200 the time of hydra")


def test_growth_needs_measurements(made, tmp_path):
    assert "Nothing was measured that it is about" in verdict(made, GROWTH)[0]["sentence"]
    made = Made(tmp_path, efficiency={"devices": ["cpu"]})
    assert "speed and memory were not measured" in verdict(made, GROWTH)[0]["sentence"]
    made.scaling["cpu"] = [exponents("softmax", 1.9, 1.8, 2.0)]
    assert "no growth of hydra with the length was fitted; there are: softmax" in verdict(made, GROWTH)[0]["sentence"]


def test_growth_needs_every_measure_and_costs_that_grow(tmp_path):
    made, both = Made(tmp_path, efficiency={"devices": ["cpu"]}), GROWTH | {"measures": ["time", "memory"]}
    made.scaling["cpu"] = [exponents("hydra", 1.0, 0.98, 1.02)]
    row, _ = verdict(made, both)
    assert row["verdict"] == "not decidable"
    assert "growth of hydra with the length was not fitted for memory (causal, training)" in row["sentence"]
    made.scaling["cpu"].append(exponents("hydra", 1.01, None, None, "memory"))
    assert verdict(made, both)[0]["verdict"] == "supported"
    # A form of which growth with the width is known, and with the length is not.
    made.scaling["cpu"].append(exponents("hydra", 1.0, 0.98, 1.02, form="bidirectional") | {"axis": "width"})
    assert "not fitted for time (bidirectional, training)" in verdict(made, GROWTH)[0]["sentence"]
    made.scaling["cpu"] = [exponents("hydra", 0.0, 0.0, 0.0) | {"factor": 0.0}]
    row, _ = verdict(made, GROWTH)
    assert row["verdict"] == "not decidable"
    assert "these costs of hydra do not grow: time (causal, training)" in row["sentence"]


def test_memory_is_measured_once_and_held_to_the_bounds_itself(tmp_path):
    made = Made(tmp_path, efficiency={"devices": ["cpu"]})
    made.scaling["cpu"] = [exponents("hydra", 1.02, None, None, "memory")]
    row, found = verdict(made, GROWTH | {"measures": ["memory"]})
    assert row["verdict"] == "supported"
    assert "measured once" in found[0]["sentence"]


def with_processor(made, claim, cpu, **more):
    """Decide a claim where times have processor seconds, `cpu` times those by the clock."""
    evidence = made.evidence(file := hypotheses(claim))
    for run, share in cpu.items():
        of_run = evidence.times["run"] == run
        for wall, processor in (("epoch_s", "epoch_cpu_s"), ("infer_ms_per_user", "infer_cpu_ms_per_user")):
            evidence.times.loc[of_run, processor] = share * evidence.times.loc[of_run, wall]
        evidence.times.loc[of_run, "train_cpu_s"] = 1.0
    for column, value in ({"threads": 1, "infer_threads": 1} | more).items():
        evidence.times[column] = value
    return said(evaluate_claim(file.claims[0], 2, evidence))


def said(looked):
    """Return the verdict and the sentence of the first scope."""
    return looked.verdict(None)[0], next(iter(verdict_rows([looked])))["sentence"]


@pytest.mark.parametrize("measure", ["epoch", "inference"])
def test_processor_seconds_decide_where_both_sides_have_them(made, measure):
    # By the clock twice as fast; it waited less, and did more.
    found = with_processor(made, FASTER | {"measure": measure}, {SASREC: 0.3, HYDRA_UNI: 0.9})
    assert "1.52 times as long as SASRec (processor seconds," in found[1]
    found = with_processor(made, FASTER | {"measure": measure}, {SASREC: 0.3})
    assert "0.51 times as long as SASRec (the wall clock," in found[1]


def test_the_wall_clock_of_a_shared_machine_decides_nothing(made):
    shared = {"contention": "a load of 35.6 on 2 cores", "infer_contention": "a load of 35.6 on 2 cores"}
    found = with_processor(made, FASTER | {"measure": "epoch"}, {SASREC: 0.3}, **shared)
    assert found[0] == "not decidable"
    assert "the machine was shared, and times by the wall clock hold waiting" in found[1]
    found = with_processor(made, FASTER | {"measure": "epoch"}, {SASREC: 0.3, HYDRA_UNI: 0.9}, **shared)
    assert found[0] != "not decidable"
    # A GPU's times are the wall's.
    found = with_processor(made, FASTER | {"measure": "epoch"}, {SASREC: 0.3, HYDRA_UNI: 0.9}, device="H200")
    assert "(the wall clock," in found[1]


def test_time_to_accuracy_and_trends_are_in_processor_seconds_too(made):
    curves = {SASREC: ([0.05, 0.19, 0.2], [10, 20, 30]), HYDRA_UNI: ([0.1, 0.17, 0.195], [1, 2, 3])}
    cpu = {SASREC: 0.1, HYDRA_UNI: 1.0}
    # By the clock a tenth.
    write_histories(made, curves, cpu)
    found = with_processor(made, FASTER | {"measure": "time_to_accuracy"}, cpu)
    assert "takes HydraRecUni 0.98 times as long as SASRec (processor seconds," in found[1]


def test_memory_and_energy_are_told_beside_and_tested_nowhere(made):
    more = {"peak_memory_mib": 100.0, "peak_gpu_mib": [400.0] * 3 + [100.0] * 3, "epochs": 10, "train_j": 50.0}
    evidence = made.evidence(file := hypotheses(FASTER | {"measure": "epoch"}))
    plain = said(evaluate_claim(file.claims[0], 2, evidence))
    assert "Beside it" not in plain[1]
    for column, value in more.items():
        evidence.times[column] = np.tile(value, 3) if isinstance(value, list) else value
    evidence.times.loc[evidence.times["run"] == HYDRA_UNI, "train_j"] = 60.0
    told = said(evaluate_claim(file.claims[0], 2, evidence))
    beside = "Beside it, not tested: 0.25 times the GPU memory and 1.20 times the GPU's energy an epoch."
    assert beside in told[1]
    assert told[0] == plain[0]
