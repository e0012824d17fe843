"""Put the report together: one self-contained page, and beside it all figures, tables and numbers."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hydrarec import __version__
from hydrarec.comparison import Gate
from hydrarec.config import BenchmarkConfig
from hydrarec.files import write_text
from hydrarec.report.blocks import Chapter, block_numbers
from hydrarec.report.cells import spans
from hydrarec.report.chapters import chapters_of
from hydrarec.report.export import write_all
from hydrarec.report.header import header
from hydrarec.report.inputs import Inputs, read_inputs
from hydrarec.report.style import css_variables

_FOLDER = Path(__file__).parent / "assets"


def render(config: BenchmarkConfig, results: Path, comparison: Path, output: Path, *, partial: bool = False) -> None:
    """Write the page `index.html`, `figures/`, `tables/`, `data/` and `report.json`; equal inputs give equal bytes.

    Parameters
    ----------
    config
        The comparison.
    results
        Folder of everything computed.
    comparison
        Folder with the tables of `collect` and `contrast` and with `gates.json`.
    output
        Folder of the report.
    partial
        Whether to show what is there where something is not.

    Raises
    ------
    ValueError
        If a control is out of bounds: then the evaluation is wrong and nothing it says may be shown.
    FileNotFoundError
        If a file is absent.
    """
    inputs = read_inputs(config, results, comparison, output, partial=partial)
    _refuse_broken_evaluation(inputs.gates)
    chapters = chapters_of(inputs)
    write_all(inputs, chapters, output)
    write_text(output / "index.html", _page(inputs, chapters))


def _refuse_broken_evaluation(gates: list[Gate]) -> None:
    broken = [gate for gate in gates if gate.control and gate.status == "red"]
    if broken:
        told = "\n".join(f"  {gate.run} on {gate.dataset}/{gate.protocol}: {gate.sentence}" for gate in broken)
        raise ValueError(f"controls are out of bounds, so the evaluation is wrong and there is no report:\n{told}")


def _page(inputs: Inputs, chapters: list[Chapter]) -> str:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    # Macros that are imported see nothing but these.
    environment.globals |= {"numbers": block_numbers(chapters), "spans": spans}
    return environment.get_template("page.html.j2").render(
        config=inputs.config,
        chapters=chapters,
        header=header(inputs),
        package_version=__version__,
        # These are files of the package, not text from outside, and go in as they are.
        css=Markup(_asset("page.css")),
        script=Markup(_asset("page.js")),
        colours={"light": Markup(css_variables(dark=False)), "dark": Markup(css_variables(dark=True))},
    )


def _asset(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
