"""Put the report together: one self-contained page, its figures as SVG and its tables as CSV."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hydrarec import __version__
from hydrarec.comparison import Gate
from hydrarec.config import BenchmarkConfig
from hydrarec.files import write_text
from hydrarec.progress import bar
from hydrarec.report import sentences
from hydrarec.report.absent import absent
from hydrarec.report.cards import data_cards
from hydrarec.report.checks import gate_tables
from hydrarec.report.efficiency import Efficiency, efficiency
from hydrarec.report.export import write_csv
from hydrarec.report.inputs import Inputs, read_inputs
from hydrarec.report.operators import operator_tables
from hydrarec.report.origin import exclusions, origin
from hydrarec.report.sections import Section, section
from hydrarec.report.style import RunStyle, css_variables, styles

_FOLDER = Path(__file__).parent


def render(config: BenchmarkConfig, results: Path, comparison: Path, output: Path) -> None:
    """Write `index.html`, `figures/*.svg` and `tables/*.csv`; equal inputs give equal bytes.

    Parameters
    ----------
    config
        The comparison.
    results
        Folder of everything computed.
    comparison
        Folder with the tables of `collect` and `compare` and with `gates.json`.
    output
        Folder of the report.

    Raises
    ------
    ValueError
        If a control is out of bounds: then the evaluation is wrong and nothing it says may be shown.
    FileNotFoundError
        If a file is absent.
    """
    inputs = read_inputs(config, results, comparison)
    _refuse_broken_evaluation(inputs.gates)
    looks = styles(config)
    sections = [section(inputs, scope, looks) for scope in bar(inputs.scopes, what="drawing", unit="dataset")]
    devices = efficiency(inputs)
    for panel in (panel for one in [*sections, *devices] for figure in one.figures for panel in figure.panels):
        write_text(output / "figures" / f"{panel.name}.svg", panel.standalone + "\n")
    write_csv(inputs, output / "tables")
    write_text(output / "index.html", _page(inputs, sections, devices, looks))


def _refuse_broken_evaluation(gates: list[Gate]) -> None:
    broken = [gate for gate in gates if gate.control and gate.status == "red"]
    if broken:
        told = "\n".join(f"  {gate.run} on {gate.dataset}/{gate.protocol}: {gate.sentence}" for gate in broken)
        raise ValueError(f"controls are out of bounds, so the evaluation is wrong and there is no report:\n{told}")


def _page(inputs: Inputs, sections: list[Section], devices: list[Efficiency], looks: dict[str, RunStyle]) -> str:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html.j2").render(
        config=inputs.config,
        inputs=inputs,
        sections=sections,
        devices=devices,
        looks=looks,
        absent=absent(inputs, looks),
        cards=data_cards(inputs),
        gates=gate_tables(inputs.gates, looks),
        gate_counts={status: sum(g.status == status for g in inputs.gates) for status in ("green", "amber", "red")},
        operators=operator_tables(inputs.config),
        exclusions=exclusions(inputs),
        protocol_lines=sentences.protocol_lines(inputs),
        origin=origin(inputs),
        package_version=__version__,
        # These are files of the package, not text from outside, and go in as they are.
        css=Markup(_asset("page.css")),
        script=Markup(_asset("sort.js")),
        colours={"light": Markup(css_variables(dark=False)), "dark": Markup(css_variables(dark=True))},
    )


def _asset(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
