"""The configuration: what is accepted, and what a user is told about what is not."""

import copy
import itertools
import json
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from hydrarec.attention.base import attention_for_layer
from hydrarec.config import ConfigError, base, load, load_file
from hydrarec.config.attention import HydraAttentionConfig
from hydrarec.config.built_in import BUILT_IN
from hydrarec.config.claims_file import claims_file, unmet_requirements
from hydrarec.config.datasets import PairsReaderConfig, SourceConfig
from hydrarec.config.runs import TrainedRun
from hydrarec.config.yaml_file import locate_among, read_yaml
from tests.conftest import ROOT

GOOD = {
    "report": "test",
    "datasets": ["synthetic"],
    "seeds": [0, 1],
    "grid": {
        "model": [{"kind": "sasrec"}, {"kind": "bert4rec"}],
        "attention": [{"kind": "softmax"}, {"kind": "hydra"}],
        "masking": [{"kind": "causal"}, {"kind": "bidirectional"}],
    },
    "runs": [{"id": "popularity", "baseline": "popularity", "deterministic": True}],
    "evaluation": {"reference": "sasrec+softmax+causal"},
}
CUSTOM = {
    "id": "mine",
    "title": "Mine",
    "source": {"file": "mine.txt", "sha256": "0" * 64},
    "reader": {"kind": "pairs"},
}


def changed(*path, to):
    raw = copy.deepcopy(GOOD)
    inner = raw
    for key in path[:-1]:
        inner = inner.setdefault(key, {}) if isinstance(inner, dict) else inner[key]
    if isinstance(inner, list) and path[-1] == len(inner):
        inner.append(to)
    else:
        inner[path[-1]] = to
    return raw


def test_a_grid_is_every_combination():
    config = load(GOOD, ["popularity"])
    assert len(config.run_ids) == 9
    assert config.run_ids[0] == "sasrec+softmax+causal"


def test_shipped_comparisons_share_runs_or_have_a_folder_of_their_own():
    """A run of one name has one place, so what is trained otherwise there would write over it."""
    settings = {}
    for path in [ROOT / "config.yaml", *sorted((ROOT / "examples").glob("*.yaml"))]:
        text = path.read_text()
        config = load(yaml.safe_load(text))
        if re.search(r"^# +snakemake .*--directory \S", text, re.MULTILINE):
            continue
        for dataset, run in itertools.product(config.datasets, config.all_runs):
            trained = isinstance(run, TrainedRun)
            said = config.settings(run.id, dataset.id) if trained else (run.baseline, run.options)
            before = settings.setdefault((dataset.id, run.id), (said, path.name))
            assert before[0] == said, f"{run.id} on {dataset.id} in {before[1]} and {path.name}"


def test_exclusions_leave_combinations_out():
    config = load(
        changed("grid", "exclude", to=[{"model": "bert4rec", "masking": "causal", "reason": "by definition"}])
    )
    assert "bert4rec+hydra+causal" not in config.run_ids
    assert len(config.run_ids) == 7


@pytest.mark.parametrize(
    ("raw", "path", "words"),
    [
        (changed("grid", "attention", 1, "eps", to=-1.0), "grid.attention[1].eps", "greater than 0"),
        (changed("grid", "attention", 1, "kind", to="hydr"), "grid.attention[1]", "'softmax', 'hydra'"),
        (changed("encoder", to={"n_layers": "2"}), "encoder.n_layers", "found '2'"),
        (changed("encoder", to={"d_model": 3, "n_heads": 2}), "encoder", "not a multiple"),
        (changed("training", to={"precision": "half"}), "training.precision", "'float32' or 'bfloat16'"),
        (changed("datasets", 0, to="ml-1n"), "datasets", "ml-1m"),
        (changed("seeds", to=[]), "seeds", "must have one entry or more"),
        (changed("seeds", to=[1, 1]), "seeds", "more than once"),
        (changed("hypotheses", to="/abs/path.yaml"), "hypotheses", "must be a relative path, from the root of the"),
        (changed("report", to="Mine"), "report", "must be a name of lower case letters"),
        (changed("protocols", to=["lou"]), "protocols[0]", "'loo' or 'gts'"),
        (changed("evaluation", "reference", to="sasrec"), "evaluation.reference", "sasrec+softmax+causal"),
        (changed("evaluation", "cutoffs", to=[200]), "evaluation.cutoffs[0]", "less than or equal to 100"),
        (changed("runs", 1, to={"id": "a", "baseline": "nope"}), "runs[1].baseline", "popularity"),
        (changed("runs", 1, to={"id": "a", "baseline": "popularity", "seed": 1}), "runs[1].seed", "no such key"),
        (changed("runs", 1, to={"id": "popularity", "baseline": "popularity"}), "runs", "more than once"),
        (
            changed("runs", 1, to={"id": "a", "model": {"kind": "sasrec"}, "masking": {"kind": "causal"}}),
            "runs[1]",
            "needs an attention",
        ),
        (changed("per_dataset", to={"nope": {}}), "per_dataset.nope", "synthetic"),
        (
            changed("per_dataset", to={"synthetic": {"encoder": {"n_heads": 5}}}),
            "encoder",
            "not a multiple of n_heads 5",
        ),
        (changed("grid", "labels", to={"sasrec": "SASRec"}), "labels", "name no run"),
        (changed("encoder", to={"d_modl": 3}), "encoder.d_modl", "no such key; allowed: d_model, n_layers, n_heads"),
        (changed("grid", "attention", 1, "epss", to=1.0), "grid.attention[1].epss", "allowed: eps, kind, "),
        (changed("grid", "attention", 0, to="softmax"), "grid.attention[0]", "found 'softmax'; write {kind: softmax}"),
        (changed("grid", "model", 0, to="sasrec"), "grid.model[0]", "write {kind: sasrec}"),
        (changed("grid", "masking", 0, to="causal"), "grid.masking[0]", "write {kind: causal}"),
        (changed("loss", to="cross_entropy"), "loss", "write {kind: cross_entropy}"),
        (changed("loss", to="entropy"), "loss", "found 'entropy'; allowed kinds: cross_entropy, "),
        (changed("per_dataset", to={"synthetic": {"loss": "cross_entropy"}}), "per_dataset.synthetic.loss", "write {"),
        (
            changed("grid", "exclude", to=[{"attention": "hydraa", "reason": "r"}]),
            "grid: exclude[0].attention",
            "'hydraa' is no attention of the grid; allowed: softmax, hydra",
        ),
        (
            changed("grid", "attention", 2, to={"kind": "hydra"}),
            "grid: attention: hydra",
            "write the others under `runs`",
        ),
        (
            changed("grid", "attention", 1, to={"kind": "linformer"}),
            "grid: sasrec+linformer+causal: attention linformer has no causal form",
            "`exclude: [{model: sasrec, attention: linformer, masking: causal, reason: ...}]`",
        ),
        (
            changed("runs", 1, to={"id": "a", "baseline": "bpr_mf", "options": {"factor": 3}}),
            "runs[1].options.factor",
            "no such key; allowed: factors, learning_rate, regularization, iterations",
        ),
        (
            changed("runs", 1, to={"id": "a", "baseline": "ease", "options": {"l2": -1.0}}),
            "runs[1].options.l2",
            "greater than 0",
        ),
        (
            changed("runs", 1, to={"id": "a", "baseline": "popularity", "options": {"k": 1}}),
            "runs[1].options.k",
            "no such key",
        ),
    ],
)
def test_a_mistake_is_named_with_its_key_and_what_is_allowed(raw, path, words):
    with pytest.raises(ConfigError) as error:
        load(raw, ["popularity", "bpr_mf", "ease"])
    assert path in str(error.value)
    assert words in str(error.value)


@pytest.mark.parametrize("name", ["synthetic", "causal", "TrainedRun"])
def test_a_name_that_is_also_a_kind_stays_in_the_path_of_a_key(name):
    dataset = {**CUSTOM, "id": name.lower()}
    raw = {**changed("datasets", to=[dataset]), "per_dataset": {name: {"encoder": {"d_modl": 3}}}}
    with pytest.raises(ConfigError, match=rf"\n  per_dataset\.{name}\.encoder\.d_modl: no such key"):
        load(raw)


def test_a_run_that_does_not_fit_a_dataset_is_named_once():
    run = {"id": "b", "model": {"kind": "sasrec"}, "masking": {"kind": "causal"}}
    raw = changed("runs", 1, to={**run, "attention": {"kind": "cosine", "n_heads": 7}})
    with pytest.raises(ConfigError, match=r"\n  on synthetic: run b: attention cosine: n_heads 7 does not divide"):
        load(raw)


@pytest.mark.parametrize(
    ("attention", "line", "words"),
    [
        ("[{kind: linformer}]", 4, "grid: sasrec+linformer+causal: "),
        ("[{kind: hydra}, {kind: hydra}]", 6, "grid: attention: hydra stands there more than once"),
        ("[{kind: hydra}]\n  exclude:\n  - reason: r\n    model: bert", 9, "grid: exclude[0].model: 'bert' is no"),
    ],
)
def test_a_mistake_of_a_grid_is_shown_with_its_line(attention, line, words, tmp_path):
    (tmp_path / "config.yaml").write_text(
        "report: r\ndatasets: [synthetic]\nseeds: [0]\n"
        f"grid:\n  model: [{{kind: sasrec}}]\n  attention: {attention}\n  masking: [{{kind: causal}}]\n"
        "evaluation: {reference: x}\n"
    )
    with pytest.raises(ConfigError) as error:
        load_file(tmp_path / "config.yaml")
    assert f"config.yaml:{line}: {words}" in str(error.value)


def test_options_of_a_baseline_are_shown_with_their_line(tmp_path):
    (tmp_path / "config.yaml").write_text(
        "report: r\ndatasets: [synthetic]\nseeds: [0]\nevaluation: {reference: a}\nruns:\n"
        "- id: a\n  baseline: bpr_mf\n  options:\n    factor: 3\n"
    )
    with pytest.raises(ConfigError, match=r"config\.yaml:9: runs\[0\]\.options\.factor: no such key"):
        load_file(tmp_path / "config.yaml")


def test_options_of_a_baseline_with_its_own_program_are_left_to_it():
    load(changed("runs", 1, to={"id": "a", "baseline": "mine", "options": {"window": 3}}), ["popularity", "mine"])


@pytest.mark.parametrize(
    ("base", "changes"),
    [
        ("beauty", {"filter": {"min_user_interactions": 10}}),
        ("ml-20m", {"filter": {"repeats": "first"}}),
        ("synthetic", {"reader": {"n_users": 100}}),
        ("synthetic", {"reader": {"kind": "synthetic", "seed": 1}}),
        ("ml-1m", {"source": {"urls": ["https://a/b"]}}),
    ],
)
def test_a_dataset_like_another_differs_in_what_is_written_alone(base, changes):
    found = load(changed("datasets", to=["synthetic", {"like": base, "id": "mine", **changes}])).dataset("mine")
    before = BUILT_IN[base].model_dump()
    wanted = before | {"id": "mine"} | {key: before[key] | change for key, change in changes.items()}
    assert found.model_dump() == wanted


def test_another_reader_and_another_file_replace_those_of_the_dataset_that_one_is_like():
    entry = {"like": "ml-1m", "id": "mine", "source": CUSTOM["source"], "reader": CUSTOM["reader"]}
    found = load(changed("datasets", 0, to=entry)).datasets[0]
    assert found.source == SourceConfig(**CUSTOM["source"])
    assert found.source.urls == []
    assert found.reader == PairsReaderConfig()


def test_all_mistakes_are_named_at_once():
    raw = changed("encoder", to={"d_modl": 3, "n_layers": 0})
    with pytest.raises(ConfigError, match=r"(?s)encoder\.n_layers.*encoder\.d_modl"):
        load(raw)


def test_an_operator_without_causal_form_is_refused_with_causal_masking(monkeypatch):
    monkeypatch.setattr(HydraAttentionConfig, "no_causal_form", "its sum runs over the whole sequence")
    with pytest.raises(ConfigError, match=r"hydra has no causal form \(its sum runs over the whole sequence\)"):
        load(GOOD)
    load(changed("grid", "exclude", to=[{"attention": "hydra", "masking": "causal", "reason": "no causal form"}]))


def test_a_recurrence_is_refused_with_bidirectional_masking():
    run = {"id": "gru", "model": {"kind": "gru4rec"}, "masking": {"kind": "bidirectional"}}
    with pytest.raises(
        ConfigError, match=r"model gru4rec has no bidirectional form .* allowed with it: masking causal"
    ):
        load({**GOOD, "runs": [*GOOD["runs"], run]})


def test_a_model_that_cannot_be_compiled_is_refused_where_it_would_be():
    run = {"id": "gru", "model": {"kind": "gru4rec"}, "masking": {"kind": "causal"}}
    raw = {**GOOD, "training": {"compile": True}}
    with pytest.raises(ConfigError, match=r"(?s)run gru: training\.compile: model gru4rec cannot be compiled .*false"):
        load({**raw, "runs": [*GOOD["runs"], run]})
    config = load({**raw, "runs": [*GOOD["runs"], run | {"training": {"compile": False}}]})
    assert not config.settings("gru", config.datasets[0].id).training.compile


def test_a_model_without_an_operator_stands_in_a_grid_once_per_masking():
    raw = changed("grid", "model", to=[{"kind": "sasrec"}, {"kind": "gru4rec"}])
    ids = [run.id for run in load({**raw, "grid": {**raw["grid"], "masking": [{"kind": "causal"}]}}).all_runs]
    assert ids.count("gru4rec+causal") == 1
    assert not [i for i in ids if i.startswith("gru4rec+") and i != "gru4rec+causal"]


def test_a_masking_can_have_settings_of_its_own():
    config = load(changed("grid", "per_masking", to={"causal": {"training": {"patience": 77}}}))
    patience = {
        run.masking.kind: config.settings(run.id, "synthetic").training.patience for run in config.grid.combinations()
    }
    assert patience["causal"] == 77
    assert patience["bidirectional"] != 77
    with pytest.raises(ConfigError, match=r"per_masking.*sideways.*allowed"):
        load(changed("grid", "per_masking", to={"sideways": {}}))


@pytest.mark.parametrize(
    ("attention", "encoder", "words"),
    [
        ({"kind": "hydra", "last_n_layers": 9}, {}, "last_n_layers is 9, but n_layers is 2"),
        ({"kind": "cosine", "n_heads": 7}, {}, "n_heads 7 does not divide d_model 64"),
        ({"kind": "hydra", "kernel": "mean", "length_scaling": "inverse"}, {}, "divides by the length already"),
        ({"kind": "retention"}, {"d_model": 6, "n_heads": 2}, "pairs of features, and d_model / n_heads is 3"),
        ({"kind": "retention", "rotation": False}, {"n_heads": 64}, "makes a single feature 0"),
        ({"kind": "gla"}, {"n_heads": 64}, "makes a single feature 0"),
    ],
)
def test_an_operator_that_cannot_be_built_is_refused(attention, encoder, words):
    run = {"id": "x", "model": {"kind": "sasrec"}, "attention": attention, "masking": {"kind": "causal"}}
    with pytest.raises(ConfigError, match=words):
        load({**GOOD, "runs": [*GOOD["runs"], {**run, "encoder": encoder}]})


def test_bidirectional_masking_needs_two_places():
    run = {"id": "x", "model": {"kind": "sasrec"}, "attention": {"kind": "softmax"}, "encoder": {"max_length": 1}}
    load({**GOOD, "runs": [*GOOD["runs"], {**run, "masking": {"kind": "causal"}}]})
    with pytest.raises(ConfigError, match=r"max_length: must be 2 or more under bidirectional .* found 1"):
        load({**GOOD, "runs": [*GOOD["runs"], {**run, "masking": {"kind": "bidirectional"}}]})


def test_only_the_last_layers_may_use_the_operator():
    hydra = HydraAttentionConfig(last_n_layers=1)
    assert [attention_for_layer(hydra, layer, 3).kind for layer in range(3)] == ["softmax", "softmax", "hydra"]
    assert [attention_for_layer(HydraAttentionConfig(), layer, 2).kind for layer in range(2)] == ["hydra", "hydra"]


def test_gts_needs_times():
    raw = {**changed("datasets", to=[CUSTOM]), "protocols": ["gts"]}
    with pytest.raises(ConfigError, match=r"gts needs times, which mine \(pairs\) does not have"):
        load(raw)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ({"baseline": "bayes"}, r"cannot be computed on mine: the best possible score is known of generated data only"),
        (
            {"baseline": "recent_popularity", "options": {"by": "time"}},
            r"by: time needs times, which reader pairs does",
        ),
    ],
)
def test_a_baseline_that_cannot_work_on_the_data_is_refused(run, words):
    raw = {**changed("datasets", to=["synthetic", CUSTOM]), "runs": [*GOOD["runs"], {"id": "more", **run}]}
    with pytest.raises(ConfigError, match=rf"runs\[1\] \(more\): .*{words}"):
        load(raw)
    load({**raw, "datasets": ["synthetic"]})


@pytest.mark.parametrize("more", [{"thin": {"keep": 0.5}}, {"filter": {"min_user_interactions": 2}}, {"tie_order": 1}])
def test_the_best_possible_is_said_of_whole_histories_only(more):
    data = {"id": "less", "like": "synthetic", **more}
    raw = {**changed("datasets", to=[data]), "runs": [*GOOD["runs"], {"id": "best", "baseline": "bayes"}]}
    with pytest.raises(ConfigError, match=r"\(best\): cannot be computed on less: .*where histories are whole"):
        load(raw)


def test_a_value_of_none_of_several_types_is_one_mistake():
    run = {"id": "more", "baseline": "markov", "options": {"x": [1]}}
    words = (
        r"has 1 mistake:\n  runs\[1\].options.x: must be text, a whole number, a number or true or false; found \[1\]$"
    )
    with pytest.raises(ConfigError, match=words):
        load({**GOOD, "runs": [*GOOD["runs"], run]})


@pytest.mark.parametrize("key", ["parts", "devices", "lengths", "widths"])
def test_what_is_measured_stands_there_once(key):
    value = {"parts": "steps", "devices": "cpu", "lengths": 64, "widths": 32}[key]
    with pytest.raises(ConfigError, match=f"efficiency.{key}: .* more than once stands {value}"):
        load({**GOOD, "efficiency": {key: [value, value]}})


def test_settings_are_merged_key_by_key_and_the_run_wins():
    raw = changed("encoder", to={"d_model": 32, "dropout": 0.3})
    raw["per_dataset"] = {
        "synthetic": {"encoder": {"max_length": 20, "dropout": 0.5}, "loss": {"kind": "sampled_softmax"}}
    }
    raw["runs"].append(
        {
            "id": "wide",
            "model": {"kind": "sasrec"},
            "attention": {"kind": "hydra"},
            "masking": {"kind": "causal"},
            "encoder": {"d_model": 128},
        }
    )
    config = load(raw)
    wide, narrow = config.settings("wide", "synthetic"), config.settings("sasrec+softmax+causal", "synthetic")
    assert (wide.encoder.d_model, wide.encoder.max_length, wide.encoder.dropout) == (128, 20, 0.5)
    assert (narrow.encoder.d_model, narrow.encoder.max_length, narrow.encoder.dropout) == (32, 20, 0.5)
    assert narrow.loss.kind == "sampled_softmax"
    assert wide.run.encoder is None


def test_settings_do_not_depend_on_other_runs():
    """Snakemake repeats what changed: adding a run must not change the settings of those that are there."""
    before = load(GOOD).settings("sasrec+hydra+causal", "synthetic")
    more = changed("runs", 1, to={"id": "again", "baseline": "popularity"})
    assert load(more).settings("sasrec+hydra+causal", "synthetic") == before


def test_deterministic_baselines_take_one_seed():
    config = load(GOOD)
    assert config.seeds_of("popularity") == [0]
    assert config.seeds_of("sasrec+hydra+causal") == [0, 1]


@pytest.mark.parametrize("path", ["config.yaml", *(f"examples/{p.name}" for p in (ROOT / "examples").glob("*.yaml"))])
def test_shipped_configurations_are_valid(path):
    baselines = [p.stem for p in (ROOT / "workflow/rules/baselines").glob("*.smk")]
    load(yaml.safe_load((ROOT / path).read_text()), baselines)


def test_the_committed_schema_is_the_generated_one():
    printed = subprocess.run([sys.executable, "-m", "hydrarec", "schema"], capture_output=True, text=True, check=True)
    committed = (ROOT / "workflow/schemas/config.schema.json").read_text()
    assert json.loads(printed.stdout) == json.loads(committed), "stale: run `make generated`"


@pytest.mark.parametrize("name", ["config", "hypotheses"])
def test_every_key_is_described(name):
    """Editors show the descriptions; a key without one is a question to the next user."""
    schema = json.loads((ROOT / f"workflow/schemas/{name}.schema.json").read_text())
    bare = [
        f"{title}.{key}"
        for title, block in schema["$defs"].items()
        for key, value in block["properties"].items()
        if key != "kind" and "description" not in value
    ]
    assert not bare


def test_planning_never_loads_torch():
    code = "import sys, hydrarec.config, hydrarec.layout, hydrarec.columns; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_among_several_files_a_value_stands_in_the_one_that_is_on_top_there(tmp_path):
    texts = [
        "training:\n  device: cpu\n  patience: 5\nruns:\n- {id: a}\n- {id: b}\n",
        "runs:\n- {id: c}\ntraining:\n  patience: 2\n",
    ]
    files = []
    for name, text in zip(("below", "above"), texts, strict=True):
        (tmp_path / name).write_text(text)
        files.append(read_yaml(tmp_path / name))
    places = {
        ("training", "device"): "below:2",
        ("training", "patience"): "above:4",
        ("training", "absent"): "above:3",
        # A list replaces the one below as a whole.
        ("runs", 0, "id"): "above:2",
        ("runs", 1, "id"): "above:1",
    }
    assert {keys: locate_among(files, keys).removeprefix(f"{tmp_path}/") for keys in places} == places


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        ("hydra", None, "kind hydra: there is no hydrarec/attention/hydra.py, where its class HydraAttention must be"),
        ("hydra", "class Hydra:\n    pass\n", "hydra.py holds no class HydraAttention, as the class of its"),
        ("hydra", "class HydraAttention:\n    def f(:\n", "kind hydra: hydrarec/attention/hydra.py:2: invalid syntax"),
    ],
)
def test_a_kind_without_its_class_is_refused_when_planned(kind, content, message, tmp_path, monkeypatch):
    package = tmp_path / "hydrarec"
    for room in ("attention", "models", "masking", "losses"):
        shutil.copytree(ROOT / "hydrarec" / room, package / room)
    (package / "attention" / f"{kind}.py").unlink()
    if content:
        (package / "attention" / f"{kind}.py").write_text(content)
    monkeypatch.setattr(base, "_PACKAGE", package)
    with pytest.raises(ConfigError, match=re.escape(message)):
        load(GOOD)


def test_another_data_set_cannot_go_by_the_name_of_a_built_in_one():
    own = {"id": "ml-1m", "title": "Mine", "reader": {"kind": "synthetic"}}
    with pytest.raises(
        ConfigError, match=r"datasets: ml-1m is a built-in data set, and this is another: give it an id"
    ):
        load(GOOD | {"datasets": [own]})
    written_out = BUILT_IN["ml-1m"].model_dump(mode="json") | {"title": "MovieLens"}
    assert load(GOOD | {"datasets": [written_out]}).datasets[0].title == "MovieLens"


def test_two_runs_cannot_be_called_the_same():
    labels = {"sasrec+softmax+causal": "SASRec", "sasrec+hydra+causal": "SASRec"}
    with pytest.raises(ConfigError, match="labels: SASRec stands there more than once"):
        load(GOOD | {"grid": GOOD["grid"] | {"labels": labels}})


def test_what_claims_ask_for_and_a_comparison_does_not_have_is_listed(tmp_path):
    config = load(GOOD)
    claims = [
        {"id": "A", "kind": "superior", "run": "sasrec+hydra+casual", "against": ["sasrec+softmax+causal"]},
        {"id": "B", "kind": "superior", "run": "sasrec+hydra+causal", "against": ["popularity"], "needed": 1},
        {"id": "D", "kind": "superior", "run": "sasrec+hydra+causal", "against": ["popularity"], "needed": 1}
        | {"metric": "hr@20"},
        {"id": "C", "kind": "growth", "subject": "hydra", "axis": "length"},
    ]
    file = {"claims": [{"id": "", "statement": "s", **claim} for claim in claims]}
    band = {"metric": "ndcg@10", "value": 0.2, "source": "s"}
    names = [("synthetik", "popularity"), ("synthetic", "popularty"), ("ml-20m", "mine"), ("synthetic", "popularity")]
    file["bands"] = [{"dataset": dataset, "run": run, **band} for dataset, run in names]
    path = tmp_path / "claims.yaml"
    path.write_text(f"registered: 2999-01-01\n{yaml.safe_dump(file, sort_keys=False)}")
    lines = path.read_text().splitlines()
    assert unmet_requirements(path, config) == [
        f"{path}:{lines.index('  run: sasrec+hydra+casual') + 1}: claim A: there is no run sasrec+hydra+casual "
        "(closest: sasrec+hydra+causal); it must hold on 2 data sets, and 1 is there",
        f"{path}:{lines.index('- id: D') + 1}: claim D: pairs of runs are not compared on hr@20; allowed here: ndcg@10 "
        "and hr@10",
        f"{path}:{lines.index('- id: C') + 1}: claim C: no efficiency is measured",
        f"{path}:{lines.index('- dataset: synthetik') + 1}: a band is of dataset synthetik, which is not there "
        "(closest: synthetic)",
        f"{path}:{lines.index('  run: popularty')}: a band is of run popularty, which is not there (closest: "
        "popularity)",
        f"{path}:1: registered: 2999-01-01 has not come yet",
    ]


def test_a_seeded_baseline_is_not_called_deterministic():
    raw = {**GOOD, "runs": [*GOOD["runs"], {"id": "more", "baseline": "bpr_mf", "deterministic": True}]}
    with pytest.raises(ConfigError, match=r"\(more\): deterministic: true, but bpr_mf changes with the seed"):
        load(raw)


def test_all_runs_with_mistakes_are_named_at_once():
    wrong = [{"id": "a", "baseline": "markov", "options": {"smoothing": 1}}, {"id": "b", "baseline": "newst"}]
    with pytest.raises(ConfigError, match=r"(?s)has 2 mistakes:.*runs\[1\].options.smoothing: no such key.*'newst'"):
        load({**GOOD, "runs": [*GOOD["runs"], *wrong]}, ["markov", "popularity"])


def test_claims_are_seen_from_the_root_of_the_checkout_wherever_somebody_stands(tmp_path, monkeypatch):
    config = load(GOOD | {"hypotheses": "mine/claims.yaml"})
    mine = tmp_path / "checkout"
    (mine / "workflow/rules").mkdir(parents=True)
    (mine / "deep/down").mkdir(parents=True)
    for name in ("Snakefile", "workflow/rules/common.smk"):
        (mine / name).touch()
    for folder, root in ((mine, mine), (mine / "deep/down", mine), (tmp_path, ROOT), (ROOT / "docs", ROOT)):
        monkeypatch.chdir(folder)
        assert claims_file(config) == root / "mine/claims.yaml"
        # Snakemake says which one is at work.
        assert claims_file(config, mine) == mine / "mine/claims.yaml"
        assert claims_file(load(GOOD)) is None
    # A package that is installed without its checkout, asked from anywhere.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("hydrarec.config.claims_file.CHECKOUT", tmp_path)
    with pytest.raises(ConfigError, match=r"hypotheses: mine/claims.yaml is seen from the root of a checkout"):
        claims_file(config)
