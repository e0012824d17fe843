"""Starter files for a new baseline, from the templates beside this file: a rule, the method, a test.

The starter is a complete method (what everybody met last), so that everything works before anything is changed.
"""

import importlib.util
import keyword
import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hydrarec.files import write_text

NAME = re.compile(r"[a-z][a-z0-9_]*")
RULES = Path("workflow/rules/baselines")
OUTSIDE = {
    "outside_rule.smk.j2": "workflow/rules/baselines/{name}.smk",
    "outside_script.py.j2": "workflow/scripts/{name}.py",
    "outside_test.py.j2": "tests/unit/baselines/test_{name}.py",
}
"""Templates of a program of its own, which may be in any language and environment, and where they go."""
INSIDE = {
    "inside_rule.smk.j2": "workflow/rules/baselines/{name}.smk",
    "inside_module.py.j2": "hydrarec/baselines/{name}.py",
    "inside_test.py.j2": "tests/unit/baselines/test_{name}.py",
}
"""Templates of a file of this package."""


def write_baseline(name: str, checkout: Path, *, inside: bool) -> list[Path]:
    """Write the starter files of a baseline: all of them, or none.

    Parameters
    ----------
    name
        Of the baseline, its rule and its files.
    checkout
        Root of a clone of the repository.
    inside
        As a file of this package instead of a program of its own.

    Returns
    -------
    list of Path
        What was written, relative to the checkout: rule, method, test.

    Raises
    ------
    ValueError
        If `checkout` is none, the name is no name or taken, or one of the files is there.
    """
    if not ((checkout / "Snakefile").is_file() and (checkout / RULES).is_dir()):
        raise ValueError(f"{checkout.resolve()} is no checkout of HydraRec (no Snakefile with {RULES}); go to its root")
    _check_name(name, checkout, inside=inside)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, keep_trailing_newline=True
    )
    texts = {
        Path(target.format(name=name)): environment.get_template(template).render(name=name)
        for template, target in (INSIDE if inside else OUTSIDE).items()
    }
    present = [str(path) for path in texts if (checkout / path).exists()]
    if present:
        raise ValueError(f"{', '.join(present)}: there already, and never overwritten; choose another name")
    try:
        for path, text in texts.items():
            write_text(checkout / path, text)
    except OSError:
        for path in texts:
            (checkout / path).unlink(missing_ok=True)
        raise
    return list(texts)


def _check_name(name: str, checkout: Path, *, inside: bool) -> None:
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ValueError(
            f"{name!r} cannot be the name of a baseline; allowed: lower-case letters, digits and _, a letter first "
            f"({NAME.pattern}), and no word of Python"
        )
    for path in (checkout / "Snakefile", *sorted((checkout / "workflow").rglob("*.smk"))):
        if re.search(rf"^\s*(rule|checkpoint|use rule \w+ as) {name}( with)?:", path.read_text("utf-8"), re.MULTILINE):
            raise ValueError(f"{path.relative_to(checkout)}: has a rule {name}; choose another name")
    # Python looks for imports in a script's own folder first, those of programs in other environments too.
    if not inside and (importlib.util.find_spec(name) is not None or name in _modules_of_scripts(checkout)):
        raise ValueError(f"workflow/scripts/{name}.py would hide the Python module {name}; choose another name")


def _modules_of_scripts(checkout: Path) -> set[str]:
    """Return the modules that programs of baselines import, and the packages that their environments pin."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((checkout / "workflow/scripts").glob("*.py"))]
    pins = [path.read_text(encoding="utf-8") for path in sorted((checkout / "envs").glob("*.txt"))]
    imported = re.findall(r"^\s*(?:from|import)\s+(\w+)", "\n".join(texts), re.MULTILINE)
    pinned = re.findall(r"^([\w.-]+)\s*==", "\n".join(pins), re.MULTILINE)
    return {*imported, *(re.sub(r"[.-]", "_", package).lower() for package in pinned)}
