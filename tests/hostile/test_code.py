"""No code path unpickles, evaluates text, or hands a user's text to a shell unquoted."""

import ast
import re

import pytest
from pydantic import TypeAdapter, ValidationError

from hydrarec.config.datasets import DatasetId, SourceConfig
from hydrarec.config.runs import BaselineRun, RunId
from tests.conftest import ROOT

PROGRAMS = sorted(
    path
    for folder in ("hydrarec", "workflow", "tests/slurm", "docs")
    for path in (ROOT / folder).rglob("*.py")
    if "__pycache__" not in path.parts
)
RULES = [ROOT / "Snakefile", *sorted((ROOT / "workflow/rules").rglob("*.smk"))]
STARTERS = sorted((ROOT / "hydrarec/scaffold").glob("*.smk.j2"))

FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"}
FORBIDDEN_CALLS = {
    "eval": "runs text",
    "exec": "runs text",
    "compile": "makes code of text",
    "__import__": "imports by any name",
    "os.system": "starts a shell",
    "os.popen": "starts a shell",
    "subprocess.getoutput": "starts a shell",
    "subprocess.getstatusoutput": "starts a shell",
    "pd.read_pickle": "unpickles",
    "pandas.read_pickle": "unpickles",
    "yaml.load": "makes any object",
    "yaml.unsafe_load": "makes any object",
    "yaml.full_load": "makes objects",
    "tempfile.mktemp": "names a file that somebody else can make first",
}
FORBIDDEN_METHODS = {"read_pickle", "to_pickle", "extractall", "extract"}


def name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def offences(tree: ast.Module) -> list[str]:
    """Return what a program does that none may."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            found += [f"{node.lineno}: imports {m}" for m in modules if m.split(".")[0] in FORBIDDEN_MODULES]
        if not isinstance(node, ast.Call):
            continue
        name, options = name_of(node.func), {option.arg: option.value for option in node.keywords}
        if name in FORBIDDEN_CALLS:
            found.append(f"{node.lineno}: {name} {FORBIDDEN_CALLS[name]}")
        if isinstance(node.func, ast.Attribute) and node.func.attr in FORBIDDEN_METHODS:
            found.append(f"{node.lineno}: .{node.func.attr}")
        if name == "torch.load" and not is_true(options.get("weights_only")):
            found.append(f"{node.lineno}: torch.load without weights_only=True")
        if "shell" in options:
            found.append(f"{node.lineno}: {name} with shell=")
        if is_true(options.get("allow_pickle")):
            found.append(f"{node.lineno}: {name} with allow_pickle")
    return found


def is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from joblib import load",
        "import os\nos.system('ls')",
        "eval('1')",
        "torch.load('x')",
        "torch.load('x', weights_only=False)",
        "subprocess.run('ls', shell=True)",
        "np.load('x', allow_pickle=True)",
        "archive.extractall('/')",
        "yaml.load(text, yaml.Loader)",
        "frame.to_pickle('x')",
    ],
)
def test_the_search_finds_what_it_looks_for(text):
    assert offences(ast.parse(text))


@pytest.mark.parametrize(
    "text", ["torch.compile(model)", "re.compile('x')", "torch.load('x', weights_only=True)", "np.load('x')"]
)
def test_the_search_lets_the_rest_pass(text):
    assert not offences(ast.parse(text))


def test_no_program_unpickles_evaluates_or_starts_a_shell():
    assert len(PROGRAMS) > 150
    wrong = {str(path.relative_to(ROOT)): offences(ast.parse(path.read_text())) for path in PROGRAMS}
    assert not {path: found for path, found in wrong.items() if found}


def shell_commands(text: str) -> str:
    """Return what stands in the `shell:` parts of rules."""
    parts = re.findall(r"^    shell:\n((?:        .*\n?)+)", text, re.MULTILINE)
    return "\n".join(parts)


def unquoted(text: str) -> list[str]:
    """Return the fields of shell commands that a shell would split or run."""
    fields = re.findall(r"(?<!\{)\{([^{}]+)\}", shell_commands(text))
    return [field for field in fields if not field.endswith(":q") and not is_plain(field)]


PLAIN = {
    # Constrained by `wildcard_constraints` to ids of the configuration, which are letters, digits and . _ + -.
    "wildcards.dataset",
    "wildcards.protocol",
    "wildcards.run",
    "wildcards.seed",
    "wildcards.device",
    "wildcards.part",
    "wildcards.kind",
    # Numbers.
    "threads",
    "resources.runs_per_gpu",
    # Options with their values, quoted where they are made.
    "params.mirror",
    "params.raw",
    # Paths of a kind that the configuration's schema lists.
    "params.candidates",
}
PATHS = {
    # Made of these ids and fixed words.
    "params.folder",
    "params.comparison",
    "params.environment",
    "output",
    "output.packages",
    "log",
}


def is_plain(field: str) -> bool:
    return field in PLAIN | PATHS


@pytest.mark.parametrize("path", [*RULES, *STARTERS], ids=lambda path: path.name)
def test_what_a_user_wrote_is_quoted_in_every_shell_command(path):
    assert not unquoted(path.read_text())


def test_an_unquoted_field_is_found():
    rule = (
        'rule x:\n    shell:\n        "hydrarec check --options {params.options} {wildcards.run} {params.config:q}"\n'
    )
    assert unquoted(rule) == ["params.options"]


def test_options_that_are_made_in_front_of_a_rule_are_quoted_there():
    common = (ROOT / "workflow/rules/common.smk").read_text()
    assert "--mirror {shlex.quote(BENCHMARK.mirror)}" in common
    assert "--raw {shlex.quote(str(input.raw))}" in common


def test_every_wildcard_that_stands_unquoted_is_constrained():
    constraints = (ROOT / "workflow/rules/common.smk").read_text().partition("wildcard_constraints:\n")[2]
    named = set(re.findall(r"^    (\w+)=", constraints.partition("\n\n\n")[0], re.MULTILINE))
    assert {"dataset", "protocol", "seed", "device", "part"} <= named
    for path in RULES:
        for rule in re.split(r"^rule ", path.read_text(), flags=re.MULTILINE)[1:]:
            used = set(re.findall(r"\{wildcards\.(\w+)\}", shell_commands(rule)))
            own = set(re.findall(r"^        (\w+)=", rule.partition("wildcard_constraints:\n")[2], re.MULTILINE))
            assert used <= named | own, f"{path.name}: {rule.splitlines()[0]}"


@pytest.mark.parametrize(
    "text", ["a;reboot", "$(reboot)", "`reboot`", "a b", "a'b", 'a"b', "a\nb", "-rf", "../a", "a/b", ""]
)
def test_no_id_of_the_configuration_means_anything_to_a_shell(text):
    for kind in (DatasetId, RunId):
        with pytest.raises(ValidationError):
            TypeAdapter(kind).validate_python(text)
    with pytest.raises(ValidationError):
        SourceConfig(file=text, sha256="0" * 64)
    with pytest.raises(ValidationError):
        BaselineRun(id="x", baseline=text)
