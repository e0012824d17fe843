"""A claim over density finds the slope that times were made with, and says why where there is nothing to be found."""

import dataclasses

import numpy as np
import pytest
import statsmodels.api as sm

from hydrarec.claims.catalogues import catalogues
from hydrarec.claims.decide import claim_rows, evaluate_claim, verdict_rows
from hydrarec.config import load
from hydrarec.files import write_json
from hydrarec.layout import data_folder
from hydrarec.significance.student import fit_slope
from tests.fabricate import HYDRA_UNI, SASREC
from tests.unit.claims.conftest import Made, hypotheses, raw_config

DENSITY = {
    "id": "D", "statement": "It gains", "kind": "trend", "over": "density", "run": HYDRA_UNI, "against": [SASREC],
}  # fmt: skip
SHARES = {"whole": 1.0, "half": 0.5, "quarter": 0.25, "tenth": 0.1}
NOISE = (0.02, -0.03, 0.01, 0.005)
"""Of the logarithm of the ratio, by data set."""


class Thinned(Made):
    """Evidence on shares of one data set, with cards, and epochs whose ratio is a power of the density."""

    def __init__(self, results, power, shares=SHARES, noise=NOISE, **changes):
        super().__init__(results)
        raw = raw_config(datasets=()) | {"datasets": [self.entry(name, keep) for name, keep in shares.items()]}
        self.config = load(raw | changes)
        self.density = {name: 0.0054 * keep for name, keep in shares.items()}
        for (name, density), off in zip(self.density.items(), noise, strict=False):
            self.card(name, density=density, items=500)
            # Seeds differ, by as much on both sides, and their ratios by a little.
            of_seed = np.array([1.0, 1.2, 0.9])
            self.times[name, SASREC] = 10 * of_seed
            self.times[name, HYDRA_UNI] = 10 * of_seed * density**power * np.exp(off + np.array([0.01, -0.02, 0.01]))

    @staticmethod
    def entry(name, keep):
        thin = {} if keep == 1 else {"thin": {"keep": keep}}
        return {"id": name, "title": name.capitalize(), "reader": {"kind": "synthetic"}, **thin}

    def card(self, name, **content):
        write_json(data_folder(self.results, name) / "card.json", content)

    def verdict(self, claim=DENSITY, change=lambda evidence: evidence, **more):
        file = hypotheses(claim, **more)
        evidence = self.evidence(file)
        evidence = change(evidence) or evidence
        looked = evaluate_claim(file.claims[0], file.needed_for(file.claims[0]), evidence)
        (row,) = claim_rows([looked])
        return row, verdict_rows([looked])


def test_the_slope_is_that_of_least_squares(tmp_path):
    row, found = Thinned(tmp_path, power=0.2).verdict()
    x = np.log(0.0054 * np.array(list(SHARES.values())))
    fitted = sm.OLS(0.2 * x + NOISE, sm.add_constant(x)).fit()
    low, high = fitted.conf_int(0.05)[1]
    assert [found[0][key] for key in ("estimate", "low", "high")] == pytest.approx([fitted.params[1], low, high])
    assert found[0]["p"] == pytest.approx(fitted.pvalues[1] / 2)
    assert (row["verdict"], row["holding"], row["needed"], row["places"]) == ("supported", 1, 1, 1)
    assert (found[0]["dataset"], found[0]["measure"]) == ("whole", "slope over density")
    assert "with 2 degrees of freedom" in found[0]["sentence"]
    assert "0.36 at 0.54 %, 0.30 at 0.27 %" in found[0]["sentence"]


def test_an_advantage_that_shrinks_with_sparser_data_refutes(tmp_path):
    row, found = Thinned(tmp_path, power=-0.2).verdict()
    assert (row["verdict"], found[0]["verdict"]) == ("refuted", "inferior")
    assert found[0]["high"] < 0
    assert found[0]["p"] > 0.95


def test_a_constant_ratio_is_no_trend(tmp_path):
    row, found = Thinned(tmp_path, power=0.0).verdict()
    assert (row["verdict"], found[0]["verdict"]) == ("not decided", "inconclusive")
    assert found[0]["low"] < 0 < found[0]["high"]


def test_seeds_are_no_repetitions_of_a_slope(tmp_path):
    """Exact times on data sets off the line leave the slope uncertain, however many seeds agree."""
    row, found = Thinned(tmp_path, power=0.1, noise=(0.3, -0.3, 0.3, -0.3)).verdict()
    assert row["verdict"] == "not decided"
    assert found[0]["low"] < 0 < found[0]["high"]


def without(evidence, name, dataset):
    """Return evidence without a dataset's rows of a table."""
    table = getattr(evidence, name)
    return dataclasses.replace(evidence, **{name: table[table["dataset"] != dataset]})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda e: without(e, "times", "half"), "on Half: times of one seed"),
        (lambda e: e.times.__setitem__("epoch_s", np.nan), "on Whole: times are absent"),
        (
            lambda e: e.times.__setitem__("host", e.times["dataset"].where(e.times["dataset"] == "tenth", "node-1")),
            "the times come from different machines: node-1 (cpu), tenth (cpu)",
        ),
        (lambda e: without(e, "leaders", "tenth"), "on Tenth: HydraRecUni is not finished"),
        (lambda e: (data_folder(e.results, "half") / "card.json").unlink(), "Half has no data card"),
        (
            lambda e: write_json(data_folder(e.results, "half") / "card.json", {"items": 400, "density": 0.1}),
            "the catalogues are of different sizes (Whole 500, Half 400, Quarter 500, Tenth 500)",
        ),
    ],
)
def test_what_makes_it_undecidable(tmp_path, change, reason):
    row, found = Thinned(tmp_path, power=0.2).verdict(change=change)
    assert (row["verdict"], row["p"]) == ("not decidable", None)
    assert reason in row["sentence"]
    assert found[0]["sentence"].startswith(f"Not decidable on Whole: {reason}")


@pytest.mark.parametrize("n", [1, 2])
def test_three_data_sets_are_needed(tmp_path, n):
    row, _ = Thinned(tmp_path, power=0.2, shares=dict(list(SHARES.items())[:n])).verdict()
    assert row["verdict"] == "not decidable"
    said = "needs 3 data sets that differ in nothing but thinning, and there "
    assert said + ("are 2 (Whole, Half)" if n > 1 else "is 1 (Whole)") in row["sentence"]


def test_three_data_sets_are_enough(tmp_path):
    row, found = Thinned(tmp_path, power=0.2, shares=dict(list(SHARES.items())[:3])).verdict()
    assert row["places"] == 1
    assert found[0]["sentence"].startswith("Over Whole, Half, Quarter the ratio of ")


def test_densities_must_differ(tmp_path):
    made = Thinned(tmp_path, power=0.2)
    for name in ("half", "quarter", "tenth"):
        made.card(name, density=0.001, items=500)
    assert "a slope over density needs 3 different ones, found 2" in made.verdict()[0]["sentence"]


def test_settings_must_not_differ(tmp_path):
    longer = {"quarter": {"encoder": {"max_length": 20}}}
    row, _ = Thinned(tmp_path, power=0.2, per_dataset=longer).verdict()
    assert "HydraRecUni is trained with other settings on Quarter than on Whole, so that more" in row["sentence"]


def test_what_is_not_trained_has_no_epochs(tmp_path):
    row, _ = Thinned(tmp_path, power=0.2).verdict(DENSITY | {"against": ["itemknn"]})
    assert "ItemKNN is not trained in epochs here" in row["sentence"]


def test_data_sets_alone_in_their_catalogue_are_no_places_beside_one_of_several(tmp_path):
    raw = raw_config(datasets=())["datasets"]
    entries = [Thinned.entry(name, keep) for name, keep in SHARES.items()]
    alone = {"id": "alone", "title": "Alone", "reader": {"kind": "synthetic", "seed": 4}}
    made = Thinned(tmp_path, power=0.2, datasets=[*raw, alone, *reversed(entries)])
    row, found = made.verdict()
    assert (row["verdict"], row["p"]) == ("supported", found[0]["p"])
    assert [one["dataset"] for one in found] == ["whole"]


def test_shares_are_no_further_places_of_other_claims(tmp_path):
    made = Thinned(tmp_path, power=0.2)
    superior = {"id": "S", "statement": "It is better", "kind": "superior", "run": HYDRA_UNI, "against": [SASREC]}
    row, found = made.verdict(superior, needed=2)
    assert [one["dataset"] for one in found] == ["whole"]
    assert row["verdict"] == "not decidable"
    assert "in 1 of 1 places, where 2 are needed." in row["sentence"]


def test_the_densest_stands_first_in_its_catalogue():
    raw = raw_config(datasets=()) | {"datasets": [Thinned.entry(name, keep) for name, keep in reversed(SHARES.items())]}
    raw["datasets"].insert(1, {"id": "other", "title": "Other", "reader": {"kind": "synthetic", "n_items": 60}})
    assert [[one.id for one in group] for group in catalogues(load(raw).datasets)] == [list(SHARES), ["other"]]


def test_a_line_through_two_points_has_no_error():
    with pytest.raises(ValueError, match="a slope with its error needs 3 points, found 2"):
        fit_slope(np.array([0.0, 1.0]), np.array([0.0, 1.0]), 0.05)


@pytest.mark.parametrize(("slope", "p"), [(0.0, 1.0), (-1.0, 1.0), (1.0, 0.0)])
def test_an_exact_line_is_decided_by_its_sign(slope, p):
    x = np.arange(4.0)
    found = fit_slope(x, slope * x, 0.05)
    assert (found.mean, found.low, found.high, found.p_above(0.0)) == (slope, slope, slope, p)


def test_a_slope_needs_different_x():
    with pytest.raises(ValueError, match="a slope needs points at different x"):
        fit_slope(np.ones(3), np.arange(3.0), 0.05)


def test_a_false_claim_is_supported_as_often_as_alpha_says():
    stream, x = np.random.default_rng(8), np.log(list(SHARES.values()))
    p = [fit_slope(x, stream.normal(0, 0.1, 4), 0.05).p_above(0.0) for _ in range(1000)]
    # Binomial: 50 expected, a standard deviation of 6.9.
    assert abs(np.sum(np.array(p) < 0.05) - 50) < 4 * 6.9


def test_a_catalogue_in_another_order_of_ties_is_no_second_catalogue(tmp_path):
    shares = [Thinned.entry(name, keep) for name, keep in SHARES.items()]
    tied = [one | {"id": f"tied-{one['id']}", "tie_order": 1} for one in shares]
    row, found = Thinned(tmp_path, power=0.2, datasets=[*tied, *shares]).verdict()
    assert (row["verdict"], row["holding"], row["places"]) == ("supported", 1, 1)
    assert [one["dataset"] for one in found] == ["whole"]
