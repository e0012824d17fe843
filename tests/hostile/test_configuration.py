"""Configurations that are wrong or made to harm: `hydrarec check` names file, line, key, value and what is allowed."""

import hashlib
import time

import pytest

from hydrarec.config.built_in import BUILT_IN
from hydrarec.config.datasets import SyntheticReaderConfig
from tests.conftest import ROOT
from tests.hostile.conftest import as_json, settings_json

GOOD = """\
report: test
datasets: [synthetic]
seeds: [0, 1]
encoder:
  d_model: 32
training:
  device: cpu
runs:
  - {id: sasrec, model: {kind: sasrec}, attention: {kind: softmax}, masking: {kind: causal}}
  - {id: popular, baseline: popularity, deterministic: true}
evaluation:
  reference: sasrec
"""
MINE = """\
  - id: mine
    title: Mine
    source: {file: a.txt, sha256: "%s"}
    reader: {kind: pairs}
""" % ("0" * 64)


@pytest.fixture
def refuses(tmp_path, command):
    """Return how to check a configuration that must be refused."""
    path = tmp_path / "config.yaml"

    def run(content, *words):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return command.refuses("check", path, words=(path, *words))

    return run


def test_the_configuration_that_the_others_are_made_of_is_right(tmp_path, command):
    (tmp_path / "config.yaml").write_text(GOOD)
    assert command.works("check", "config.yaml").split() == ["sasrec", "popular"]


def changed(old, new):
    assert old in GOOD
    return GOOD.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        # Keys.
        ("  d_model: 32", "  d_modl: 32", (":5: ", "encoder.d_modl: no such key")),
        ("report: test\n", "", (":1: ", "report: must be given")),
        ("seeds:", "seeds: [0]\nseeds:", (":4: ", "the key 'seeds' stands in line 3 already")),
        ("  d_model: 32", "  d_model: 32\n  d_model: 64", (":6: ", "'d_model' stands in line 5 already")),
        ("  d_model: 32", "  ? [a, b]\n  : 32", (":5: ", "a key must be text")),
        ("report: test", "1: test", (":1: ", "keys should be strings")),
        # Types.
        ("32", "'32'", (":5: ", "encoder.d_model", "found '32', which is text")),
        ("32", "32.5", (":5: ", "encoder.d_model", "found 32.5")),
        ("32", "yes", (":5: ", "encoder.d_model", "found True")),
        ("32", "", (":5: ", "encoder.d_model", "found None")),
        ("32", "[32]", (":5: ", "encoder.d_model", "found [32]")),
        ("  d_model: 32", "  32", (":4: ", "encoder", "found 32")),
        ("[0, 1]", "0", (":3: ", "seeds", "must be a list", "found 0; write [0]")),
        ("[0, 1]", "[0, a]", (":3: ", "seeds[1]", "found 'a'")),
        (
            "report: test",
            "report: 2024-01-01",
            (":1: ", "report", "found 2024-01-01, which YAML takes for a date; put it in quotes"),
        ),
        ("device: cpu", "learning_rate: 1e-3", (":7: ", "training.learning_rate", "'1e-3', which is text", "1.0e-3")),
        # Ranges.
        ("32", "0", (":5: ", "encoder.d_model", "greater than or equal to 1", "found 0")),
        ("32", "9" * 30, (":5: ", "encoder.d_model", "less than or equal to 2147483647")),
        ("32", "0x" + "f" * 9000, (":5: ", "encoder.d_model", "less than or equal", "thousands of digits")),
        ("32", "9" * 9000, ("not valid YAML", "digits")),
        ("[0, 1]", "[-1]", (":3: ", "seeds[0]", "found -1")),
        ("[0, 1]", "[2147483648]", (":3: ", "seeds[0]", "less than or equal to 2147483647")),
        ("[0, 1]", "[0, 0]", (":3: ", "seeds: 0 stands there more than once")),
        ("[0, 1]", "[]", (":3: ", "seeds", "must have one entry or more")),
        ("device: cpu", "learning_rate: .inf", (":7: ", "training.learning_rate", "finite number", "inf")),
        ("device: cpu", "learning_rate: .nan", (":7: ", "training.learning_rate", "nan")),
        ("device: cpu", "weight_decay: -0.1", (":7: ", "training.weight_decay", "found -0.1")),
        ("device: cpu", "device: tpu", (":7: ", "training.device", "'tpu'", "'auto', 'cpu' or 'cuda'")),
        ("32", "32\n  dropout: 1.0", (":6: ", "encoder.dropout", "less than 1", "found 1.0")),
        ("32", "32\n  n_heads: 5", (":4: ", "encoder", "not a multiple of n_heads 5")),
        ("reference: sasrec", "reference: sasrec\n  cutoffs: [10, 10]", (":13: ", "cutoffs: 10 stands there more")),
        (
            "reference: sasrec",
            "reference: sasrec\n  cutoffs: []",
            (":13: ", "evaluation.cutoffs", "must have one entry or more"),
        ),
        ("reference: sasrec", "reference: sasrek", (":12: ", "no run 'sasrek'", "sasrec, popular")),
        # Kinds.
        ("{kind: softmax}", "{kind: sotfmax}", (":9: ", "runs[0].attention", "'sotfmax' is not a kind", "'softmax'")),
        ("{kind: softmax}", "{}", (":9: ", "runs[0].attention", "needs the key 'kind'")),
        ("{kind: softmax}", "{kind: [softmax]}", (":9: ", "runs[0].attention")),
        ("{kind: softmax}", "softmax", (":9: ", "runs[0].attention", "found 'softmax'")),
        ("{kind: softmax}", "{kind: ../../etc/passwd}", (":9: ", "'../../etc/passwd' is not a kind")),
        ("{kind: softmax}", "{kind: cosine, n_heads: 7}", (":9: ", "n_heads 7 does not divide d_model 32")),
        ("datasets: [synthetic]", "datasets: [ml-1n]", (":2: ", "'ml-1n' is not a built-in dataset", "ml-1m")),
        ("datasets: [synthetic]", "datasets: [[synthetic]]", (":2: ", "datasets[0]")),
        (
            "baseline: popularity",
            "baseline: ../../popularity",
            (":10: ", "runs[1].baseline", "found '../../popularity'"),
        ),
        ("deterministic: true", "options: {a: .nan}", (":10: ", "runs[1].options.a")),
        ("deterministic: true", "options: {a: [1]}", (":10: ", "runs[1].options.a")),
        ("report: test", "report: test\nper_dataset: {ml-1n: {}}", (":2: ", "per_dataset.ml-1n", "no such dataset")),
        # Identifiers.
        ("id: sasrec", "id: ../x", (":9: ", "runs[0].id", "found '../x'")),
        ("id: sasrec", "id: a/b", (":9: ", "runs[0].id", "found 'a/b'")),
        ("id: sasrec", "id: sas rec", (":9: ", "runs[0].id", "found 'sas rec'")),
        ("id: sasrec", "id: <script>alert(1)</script>", (":9: ", "runs[0].id", "<script>")),
        ("id: sasrec", "id: s\u0430srec", (":9: ", "runs[0].id", "found 's\u0430srec'")),
        ("id: sasrec", 'id: "sasrec\\n"', (":9: ", "runs[0].id", "found 'sasrec\\n'")),
        ("id: sasrec", 'id: "sas\\0rec"', (":9: ", "runs[0].id", "found 'sas\\x00rec'")),
        ("id: sasrec", "id: $(reboot)", (":9: ", "runs[0].id", "found '$(reboot)'")),
        ("id: sasrec", "id: .hidden", (":9: ", "runs[0].id")),
        ("id: sasrec", "id: ''", (":9: ", "runs[0].id")),
        ("id: sasrec", "id: no", (":9: ", "runs[0].id", "found False")),
        ("id: sasrec", "id: " + "x" * 300, (":9: ", "runs[0].id", "at most 200 characters")),
        ("id: popular", "id: sasrec", (":8: ", "runs: sasrec stands there more than once")),
        ("report: test", "report: ../../home", (":1: ", "report", "found '../../home'")),
        ("report: test", "report: /elsewhere/x", (":1: ", "report", "found '/elsewhere/x'")),
        # YAML.
        ("32", "!!python/object/apply:os.system ['touch pwned']", (":5: ", "could not determine a constructor")),
        ("32", "!!python/name:os.system", (":5: ", "could not determine a constructor")),
        ("32", "!mine 32", (":5: ", "could not determine a constructor", "!mine")),
        ("32", "!!binary c29tZQ==", (":5: ", "encoder.d_model", "b'some'")),
        ("32", "*nowhere", (":5: ", "undefined alias", "nowhere")),
        ("[0, 1]", "&a [*a]", (":3: ", "contains itself")),
        ("[0, 1]", "[0, 1", (":4: ", "not valid YAML")),
        ("  d_model", "\td_model", (":5: ", "not valid YAML", "'\\t'")),
        ("32", "32\n--- \nreport: other", (":6: ", "not valid YAML", "another document")),
        ("32", "32 \x00", (":5: ", "'\\x00' is not allowed")),
        ("32", "32 \x1b[2J", (":5: ", "'\\x1b' is not allowed")),
    ],
)
def test_refused(old, new, words, refuses, tmp_path):
    refuses(changed(old, new), *words)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("id: mine", "id: ../mine", ("datasets[0].id", "found '../mine'")),
        ("a.txt", "../../a.txt", ("datasets[0].source.file", "found '../../a.txt'")),
        ("a.txt", "/etc/passwd", ("datasets[0].source.file", "found '/etc/passwd'")),
        ("a.txt", 'a.txt, urls: ["file:///etc/passwd"]', ("datasets[0].source.urls[0]", "file:///etc/passwd")),
        ("a.txt", 'a.txt, urls: ["http://a b"]', ("datasets[0].source.urls[0]: must be an address", "http://a b")),
        ("0" * 64, "0" * 63, ("datasets[0].source.sha256: must be 64 hexadecimal digits", "sha256sum")),
        ("{kind: pairs}", "{kind: pickle}", ("datasets[0].reader", "'pickle' is not a kind")),
        ("{kind: pairs}", "{kind: pairs, encoding: zip}", ("reader.encoding", "'zip' is no text encoding")),
        ("{kind: pairs}", "{kind: pairs, encoding: rot13}", ("reader.encoding", "'rot13' is no text encoding")),
        ("{kind: pairs}", "{kind: pairs, encoding: utf-99}", ("reader.encoding", "'utf-99' is no text encoding")),
        ("{kind: pairs}", '{kind: ratings, separator: "\\n"}', ("reader.separator", "cannot separate fields")),
        ("{kind: pairs}", "{kind: ratings, separator: '\"'}", ("reader.separator", "cannot separate fields")),
        ("{kind: pairs}", "{kind: ratings, separator: ''}", ("reader.separator", "at least 1 character")),
        ("{kind: pairs}", "{kind: ratings, columns: [user, item]}", ("reader.columns", "timestamp must be there")),
        ("{kind: pairs}", "{kind: synthetic}", ("reads no file; remove `source`",)),
    ],
)
def test_refused_data_set(old, new, words, refuses):
    assert old in MINE
    refuses(changed("datasets: [synthetic]\n", "datasets:\n" + MINE.replace(old, new, 1)), *words)


def bomb(levels, width, join):
    lines = [f"a0: &a0 {join.format(', '.join(['x'] * width))}"]
    lines += [f"a{n}: &a{n} {join.format(', '.join([f'*a{n - 1}'] * width))}" for n in range(1, levels)]
    return GOOD + "\n".join(lines) + "\n"


def test_billion_laughs(refuses):
    began = time.monotonic()
    refuses(bomb(12, 10, "[{}]"), "aliases unfold to more than 100000 values")
    assert time.monotonic() - began < 5


def test_billion_merges(refuses):
    merges = ["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 12))]
    began = time.monotonic()
    refuses(GOOD + "\n".join(merges) + "\n", "aliases unfold to more than 100000 values")
    assert time.monotonic() - began < 5


def test_aliases_that_mean_something_are_fine(tmp_path, command):
    shared = changed(
        "{id: popular, baseline: popularity, deterministic: true}", "{<<: &b {baseline: popularity}, id: p}"
    )
    (tmp_path / "config.yaml").write_text(shared.replace("evaluation:", "  - {<<: *b, id: q}\nevaluation:"))
    assert command.works("check", "config.yaml").split() == ["sasrec", "p", "q"]


def test_nested_too_deeply(refuses):
    refuses(changed("32", "[" * 1500 + "]" * 1500), "nested too deeply")


def test_a_baseline_without_a_rule_is_refused_in_a_checkout(tmp_path, refuses, monkeypatch):
    monkeypatch.chdir(ROOT)
    refuses(
        changed("baseline: popularity", "baseline: popularty"), ":10: ", "runs[1].baseline", "'popularty'", "bayes, "
    )


def test_larger_than_any_configuration(refuses):
    refuses(GOOD + "#" * 2_000_000, "allowed: up to 1048576")


def test_a_mistake_with_a_huge_value_stays_short(refuses):
    error = refuses(changed("32", "[" + "x, " * 5_000 + "]"), ":5: ", "encoder.d_model")
    assert len(error) < 500


def test_each_of_many_mistakes_has_its_line(refuses):
    error = refuses(changed("32", "0\n  a: 1\n  b: 1\n  c: 1"), "has 4 mistakes")
    told = [line.partition(".yaml:")[2].split(": ")[:2] for line in error.splitlines()[1:]]
    assert told == [["5", "encoder.d_model"], ["6", "encoder.a"], ["7", "encoder.b"], ["8", "encoder.c"]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", (":1: ", "must be a mapping", "NoneType")),
        (b"- a\n- b\n", (":1: ", "must be a mapping", "list")),
        (b"report", (":1: ", "must be a mapping", "str")),
        (GOOD.encode("utf-16"), (":1: ", "byte 0xff is not UTF-8")),
        (GOOD.encode() + "title: Müller".encode("latin-1"), (":13: ", "byte 0xfc is not UTF-8")),
        (b"\x80\x04\x95pickle", (":1: ", "byte 0x80 is not UTF-8")),
    ],
)
def test_no_configuration_at_all(content, words, refuses):
    refuses(content, *words)


def test_byte_order_mark_and_windows_lines_are_fine(tmp_path, command):
    (tmp_path / "config.yaml").write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    command.works("check", "config.yaml")


def test_absent_file_and_folder(tmp_path, command):
    command.refuses("check", "nowhere.yaml", words=("nowhere.yaml", "No such file"))
    command.refuses("check", tmp_path, words=(tmp_path, "a file is expected there"))


def test_a_claim_about_a_run_that_is_not_there_is_remarked_anywhere_and_strictly_a_failure(tmp_path, command):
    (tmp_path / "config.yaml").write_text(GOOD + "hypotheses: examples/hypotheses/demo.yaml\n")
    code, out, err = command("check", "config.yaml")
    assert (code, out.split()) == (0, ["sasrec", "popular"])
    assert (
        f"{ROOT}/examples/hypotheses/demo.yaml:42: claim D6: there is no run bert4rec+hydra+causal, bert4rec+linrec"
        in err
    )
    assert command("check", "--strict", "config.yaml") == (1, out, err)
    (tmp_path / "config.yaml").write_text(GOOD)
    assert command("check", "--strict", "config.yaml") == (0, out, "")


def test_settings_for_a_data_set_that_is_not_there_are_told(tmp_path, command):
    (tmp_path / "config.yaml").write_text(GOOD + "per_dataset: {ml-1m: {encoder: {d_model: 8}}}\n")
    line = GOOD.count("\n") + 1
    said = f"config.yaml:{line}: per_dataset.ml-1m changes nothing: it is not among the data sets\n"
    assert command("check", "--strict", "config.yaml") == (1, "sasrec\npopular\n", said)
    assert command("check", "config.yaml")[0] == 0


def test_local_data_that_were_edited_are_told(tmp_path, command):
    (tmp_path / "my-data").mkdir()
    (tmp_path / "my-data/a.txt").write_text("1 2\n")
    text = GOOD.replace("[synthetic]", f"\n{MINE}") + "mirror: my-data\n"
    (tmp_path / "config.yaml").write_text(text)
    now = hashlib.sha256(b"1 2\n").hexdigest()
    _, _, err = command("check", "config.yaml")
    (line,) = err.splitlines()
    assert line.startswith(f"config.yaml:5: my-data/a.txt has sha256 {now} now; the configuration names {'0' * 64}")
    assert command("check", "--strict", "config.yaml")[0] == 1
    (tmp_path / "config.yaml").write_text(text.replace("0" * 64, now))
    assert command("check", "--strict", "config.yaml")[2] == ""


@pytest.mark.parametrize("text", ['{"a": ', "{" * 5000, '{"report": "x"}', '{"report": "x", "report": 3}'])
def test_configuration_handed_over_as_json(text, command):
    command.refuses("collect", "--config", text, "--output", "out", words=())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("", ("RunSettings",)),
        ("[]", ("RunSettings",)),
        ("{", ("RunSettings",)),
        (as_json({"run": 1}), ("RunSettings", "run")),
        (settings_json().replace('"batch_size":16', '"batch_size":0'), ("training.batch_size", "found 0")),
        (settings_json().replace('"kind":"hydra"', '"kind":"os"'), ("run.attention", "'os' is not a kind")),
    ],
)
def test_settings_of_a_run(settings, words, ring, command):
    arguments = ("--settings", settings, "--data", ring, "--protocol", "loo", "--seed", 0, "--output", "run")
    command.refuses("train", *arguments, words=words)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("ease", "{", ("--options", "not valid JSON", "'{'")),
        ("ease", "[1]", ("--options", "JSON object", "'[1]'")),
        ("ease", "[" * 100_000, ("--options", "not valid JSON")),
        ("ease", '{"l2": -1}', ("l2", "greater than 0", "found -1", "allowed: ", "default 200.0")),
        ("ease", '{"l2": NaN}', ("l2", "nan")),
        ("ease", '{"l2": "x"}', ("l2", "found 'x'")),
        ("popularity", '{"k": 1}', ("k: no such key", "allowed: none")),
        ("../popularity", "{}", ("no baseline '../popularity'", "allowed: ")),
        ("os", "{}", ("no baseline 'os'", "allowed: ")),
        ("itemknn", '{"neighbours": 1e400}', ("neighbours",)),
    ],
)
def test_options_of_a_baseline(name, options, words, ring, command):
    arguments = ("--data", ring, "--protocol", "loo", "--run", "x", "--seed", 0, "--output", "run")
    command.refuses("baseline", name, *arguments, "--options", options, words=words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("no-such-command",), ("No such command", "--help")),
        (("split", "--data"), ("--data", "requires an argument")),
        (("split",), ("Missing option", "--data")),
        (("split", "--no-such-option"), ("No such option", "--no-such-option")),
        (("train", "--seed", "-1"), ("--seed", "0")),
        (("train", "--seed", str(2**31)), ("--seed", str(2**31 - 1))),
        (("train", "--seed", "one"), ("--seed", "integer")),
        (("train", "--threads", "0"), ("--threads", "1")),
        (("train", "--threads", "10000"), ("--threads", "1024")),
        (("check", "config.yaml", "more"), ("unexpected extra argument", "more")),
        (("new", "baseline", "../x"), ("no checkout",)),
        (("performance",), ("docs/performance: no such folder", "root of a checkout")),
        (("download", "--dataset", "ml-1", "--output", "x"), ("'ml-1' is not a built-in dataset", "ml-1m, ")),
        (("status", "--config", "{}", "--folder", "nowhere"), ("--folder", "nowhere", "does not exist. See")),
        (("rank", "--model", "x", "--data", "x", "--protocol", "loo", "--output", "y"), ("x: no such file; train it",)),
        (("estimate", "--config", "{}"), ("report: must be given",)),
        (("bench", "no-such-bench"), ("no benchmark 'no-such-bench'", "allowed: ")),
        (("efficiency", "steps", "--config", "{}", "--output", "x"), ("report: must be given",)),
        (
            ("split", "--data", "x\nhydrarec: all is well\n\x1b[2J", "--protocol", "loo", "--output", "y"),
            ("no such file",),
        ),
        (("split", "--data", "x" * 3000, "--protocol", "loo", "--output", "y"), ("File name too long",)),
    ],
)
def test_wrong_use_of_the_command_line(arguments, words, command):
    command.refuses(*arguments, words=words)


def test_a_device_that_there_is_not(command):
    path = ROOT / "examples/demo.yaml"
    arguments = ("--config", path, "--output", "out", "--device", "tpu")
    command.refuses("efficiency", "operators", *arguments, words=("'tpu' is not one of 'auto', 'cpu', 'cuda'",))


def test_a_protocol_that_there_is_not(ring, command):
    for protocol in ("lou", "../loo", ""):
        arguments = ("--data", ring, "--protocol", protocol, "--output", "out")
        command.refuses("split", *arguments, words=(f"{protocol!r} is not one of 'loo', 'gts'",))


def test_a_size_that_no_memory_holds(command):
    huge = SyntheticReaderConfig(n_users=50, n_items=10**7)
    dataset = BUILT_IN["synthetic"].model_copy(update={"reader": huge}).model_dump_json()
    command.refuses("prepare", "--dataset", dataset, "--output", "out", words=("not enough memory",))


def test_an_absent_file_of_claims_is_told_with_the_line_that_names_it(refuses, tmp_path):
    rules = tmp_path / "workflow/rules/baselines"
    rules.mkdir(parents=True)
    (rules / "popularity.smk").touch()
    for name in ("Snakefile", "workflow/rules/common.smk"):
        (tmp_path / name).touch()
    line = len(GOOD.splitlines()) + 1
    refuses(f"{GOOD}hypotheses: nope.yaml\n", f":{line}: hypotheses: {tmp_path / 'nope.yaml'}: the file of")
