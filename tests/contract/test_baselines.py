"""What every baseline must do, tested on every file found: a new one is tested without a test being written."""

import dataclasses
import importlib

import numpy as np
import pytest
import torch

from hydrarec.baselines import BaselineInputs
from hydrarec.baselines.run import baseline_names, run_baseline
from hydrarec.columns import RANKS, RECOMMENDATIONS, SAMPLED
from hydrarec.config.built_in import BUILT_IN
from hydrarec.config.datasets import SyntheticReaderConfig
from hydrarec.data.prepare import prepare
from hydrarec.data.sampled_candidates import sample_candidates
from hydrarec.data.split import split
from hydrarec.files import read_json
from hydrarec.metrics import hit_rate, ndcg
from hydrarec.sequences.log import read_cases, read_catalogue, read_train
from hydrarec.tables import content_hash, read_table
from tests.conftest import ROOT

RULES = {path.stem: path for path in (ROOT / "workflow" / "rules" / "baselines").glob("*.smk")}
FILES = ("ranks.parquet", "recommendations.parquet", "timing.json", "inference.json", "manifest.json")


@pytest.fixture(scope="module", params=["loo", "gts"])
def protocol(request):
    return request.param


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return the folder of a small embedded data set, on which every baseline can run."""
    folder = tmp_path_factory.mktemp("results") / "synthetic"
    reader = SyntheticReaderConfig(n_users=150, n_items=180)
    prepare(BUILT_IN["synthetic"].model_copy(update={"reader": reader}), None, folder)
    for name in ("loo", "gts"):
        split(folder, name, folder / name)
    return folder


@pytest.fixture(scope="module")
def inputs(data, protocol):
    folder = data / protocol
    cases, catalogue = read_cases(folder, "test"), read_catalogue(data, folder)
    return BaselineInputs(data, folder, read_train(folder), cases, catalogue, seed=0)


def scorer_of(name, inputs, options=None):
    return importlib.import_module(f"hydrarec.baselines.{name}").scorer(inputs, options or {})


def run(name, data, protocol, output, seed=0, options=None, candidates=()):
    run_baseline(
        name,
        data=data,
        protocol=protocol,
        run="it",
        seed=seed,
        options=options or {},
        threads=1,
        output=output,
        candidates=candidates,
    )
    return output


every_baseline = pytest.mark.parametrize("name", baseline_names())


@every_baseline
def test_has_a_rule_of_its_name(name):
    text = RULES[name].read_text()
    assert f"\nrule {name}:" in text or f"\nuse rule package_baseline as {name} with:" in text
    assert f'runs_of("{name}")' in text


@every_baseline
def test_leaves_a_complete_run_the_same_each_time(name, data, protocol, tmp_path):
    one, two = (run(name, data, protocol, tmp_path / folder) for folder in "ab")
    assert {path.name for path in one.iterdir()} == set(FILES)
    for table, schema in (("ranks.parquet", RANKS), ("recommendations.parquet", RECOMMENDATIONS)):
        assert len(read_table(one / table, schema))
        assert (one / table).read_bytes() == (two / table).read_bytes()
    timing, inference, manifest = (read_json(one / f"{file}.json") for file in ("timing", "inference", "manifest"))
    assert timing["train_s"] == timing["train_to_best_s"] >= 0
    assert timing["peak_memory_mib"] > 0
    assert inference["infer_ms_per_user"] == pytest.approx(1000 * inference["test_s"] / inference["n_cases"])
    assert manifest["run"] == {"id": "it", "baseline": name, "options": {}}
    assert manifest["dataset"] == "synthetic"


@every_baseline
def test_lists_hold_100_items_or_all_candidates(name, data, protocol, tmp_path):
    output = run(name, data, protocol, tmp_path)
    ranks = read_table(output / "ranks.parquet", RANKS).set_index(["user", "step"])
    lengths = read_table(output / "recommendations.parquet", RECOMMENDATIONS).groupby(["user", "step"]).size()
    assert lengths.reindex(ranks.index).eq(ranks["n_candidates"].clip(upper=100)).all()


@every_baseline
def test_scores_do_not_depend_on_the_batch(name, inputs):
    score = scorer_of(name, inputs)
    rows = torch.tensor([7, 0, 149, 31])
    together = score(rows)
    assert together.dtype == torch.float32
    assert together.shape == (4, inputs.catalogue.n_items + 1)
    assert torch.equal(together, torch.cat([score(row[None]) for row in rows]))


@every_baseline
def test_scores_do_not_depend_on_the_target_or_anything_after_it(name, inputs):
    if name == "oracle":
        pytest.skip("the oracle is there to know the target")
    cases = inputs.cases
    row = torch.tensor([5])
    user = torch.searchsorted(cases.log.users, cases.users[5])
    stop, end = int(cases.stops[5]), int(cases.log.offsets[user + 1])
    items = cases.log.items.clone()
    items[stop:end] = torch.arange(1, end - stop + 1, dtype=torch.int32)
    others = dataclasses.replace(cases, log=dataclasses.replace(cases.log, items=items), targets=cases.targets.flip(0))
    changed = dataclasses.replace(inputs, cases=others)
    assert torch.equal(scorer_of(name, inputs)(row), scorer_of(name, changed)(row))


@every_baseline
def test_a_case_without_history_gets_scores(name, inputs):
    starts = inputs.cases.starts.clone()
    starts[3] = inputs.cases.stops[3]
    newcomer = dataclasses.replace(inputs, cases=dataclasses.replace(inputs.cases, starts=starts))
    assert scorer_of(name, newcomer)(torch.tensor([3])).isfinite().all()


@every_baseline
def test_unknown_options_are_refused_with_those_allowed(name, inputs):
    with pytest.raises(ValueError, match=r"(?s)no_such_option: no such key.*allowed: \w+"):
        scorer_of(name, inputs, {"no_such_option": 1})


def test_an_unknown_baseline_is_refused(data, tmp_path):
    with pytest.raises(ValueError, match=r"no baseline 'run' in .*; allowed: .*popularity"):
        run("run", data, "loo", tmp_path)


@pytest.mark.parametrize("k", [1, 10])
def test_the_oracle_scores_one_on_warm_targets(k, data, protocol, tmp_path):
    ranks = read_table(run("oracle", data, protocol, tmp_path) / "ranks.parquet", RANKS)
    for metric in (hit_rate, ndcg):
        assert np.array_equal(metric(ranks["greater"], ranks["equal"], k, "pessimistic"), ranks["warm"].astype(float))


@pytest.mark.parametrize("seed", [0, 1])
def test_random_lies_around_chance(seed, data, protocol, tmp_path):
    ranks = read_table(run("random", data, protocol, tmp_path, seed) / "ranks.parquet", RANKS)
    chance = (ranks["warm"] * 10 / ranks["n_candidates"]).to_numpy()
    error = np.sqrt((chance * (1 - chance)).sum()) / len(chance)
    assert abs(hit_rate(ranks["greater"], ranks["equal"], 10).mean() - chance.mean()) < 4 * error


def test_only_what_draws_depends_on_the_seed(inputs):
    rows = torch.arange(4)
    reseeded = dataclasses.replace(inputs, seed=1)
    for name in baseline_names():
        same = torch.equal(scorer_of(name, inputs)(rows), scorer_of(name, reseeded)(rows))
        assert same == (name not in ("random", "bpr_mf")), name


def test_sampled_candidates_leave_their_counts_and_change_no_rank(data, protocol, tmp_path):
    path = tmp_path / "candidates-uniform-100.parquet"
    sample_candidates(data, protocol, "uniform-100", path)
    plain = run("markov", data, protocol, tmp_path / "plain")
    both = run("markov", data, protocol, tmp_path / "both", candidates=[path])
    for table in ("ranks.parquet", "recommendations.parquet"):
        assert (plain / table).read_bytes() == (both / table).read_bytes()
    ranks, sampled = read_table(both / "ranks.parquet", RANKS), read_table(both / "sampled.parquet", SAMPLED)
    assert sampled[["user", "step"]].equals(ranks[["user", "step"]])
    assert (sampled["greater"] <= ranks["greater"]).all()
    assert 0 < sampled["greater"].mean() < 100
    assert read_json(both / "inference.json")["candidates"] == {"uniform-100": content_hash(path)}
    assert "candidates" not in read_json(plain / "inference.json")
