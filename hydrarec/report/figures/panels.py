"""Figures as small panels of SVG that follow the reader's colours, stay text, and are the same bytes every time.

Each is also a PDF for papers, with fonts that journals take, and a table of what was drawn.
"""

import logging
import re
from dataclasses import dataclass
from io import BytesIO, StringIO
from typing import Any, ClassVar

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from markupsafe import escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.text import Text

from hydrarec.report.figures.fonts import pdf_families
from hydrarec.report.style import FONT_SIZE, HUES, INK, MUTED, PAPER, RULE, RunStyle

# It says which tables of a font it leaves out, for every file.
logging.getLogger("fontTools").setLevel(logging.WARNING)

WIDTH, HEIGHT = 440, 310
"""Usual size of a panel in CSS pixels; small enough to be read at 400 pixels without zooming."""
PLOT_WIDTH = 280
"""Width of a panel without the column of names beside it: two whose runs go by their ids fit side by side."""

_FAMILIES = "'DejaVu Sans', Verdana, Arial, sans-serif"
"""Fonts of drawings that stand alone."""
_RC: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "hydrarec",
    # TrueType; many journals refuse matplotlib's usual Type 3.
    "pdf.fonttype": 42,
    "font.family": "sans-serif",
    "font.size": FONT_SIZE,
    "axes.titlesize": FONT_SIZE,
    "axes.labelsize": FONT_SIZE,
    "xtick.labelsize": FONT_SIZE - 1,
    "ytick.labelsize": FONT_SIZE - 1,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "axes.linewidth": 0.8,
    "xtick.major.width": 0.8,
    # Of no length: one of no width is a hairline in PDF.
    "ytick.major.size": 0,
    "xtick.major.size": 3,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
}
_COLOURS = {INK: "--ink", MUTED: "--muted", RULE: "--rule", PAPER: "--paper"} | {
    light: f"--run-{number}" for number, (light, _) in enumerate(HUES)
}


@dataclass(frozen=True)
class Panel:
    """One drawing."""

    name: str
    """File name without its ending."""
    title: str
    """What its axes show; stands above it on the page."""
    alt: str
    """What a reader who cannot see it is told."""
    standalone: str
    """SVG file for papers: fixed colours on white."""
    pdf: bytes
    """The same as PDF."""
    inline: str
    """The same for the page, in the reader's colours."""
    width: int
    """Natural width in CSS pixels."""
    data: pd.DataFrame
    """The numbers that were drawn."""


@dataclass(frozen=True)
class Figure:
    """Panels that share a caption."""

    macro: ClassVar[str] = "figure"
    panels: list[Panel]
    caption: str
    """What is shown, of how many users and seeds, under which protocol, and what the intervals are."""

    @property
    def name(self) -> str:
        """Its address on the page."""
        return f"figure-{self.panels[0].name}"


def blank_panel(
    width: float = WIDTH,
    height: float = HEIGHT,
    margins: tuple[float, float, float, float] = (46, 40, 12, 10),
    grid: str = "y",
) -> tuple[Canvas, Axes]:
    """Return an empty panel of a size in pixels, with margins left, below, right and above, in the common style."""
    left, bottom, right, top = margins
    with mpl.rc_context(_RC):
        # 72 dots an inch make matplotlib's points the SVG's units and so the page's pixels.
        canvas = Canvas(figsize=(width / 72, height / 72), dpi=72)
        box = (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
        axes = canvas.add_axes(box)
        axes.grid(visible=True, axis=grid)  # pyright: ignore[reportArgumentType]
        sns.despine(canvas, left=grid == "y")
    canvas.patch.set_visible(False)
    axes.patch.set_visible(False)
    return canvas, axes


def name_upward_axis(axes: Axes, name: str) -> None:
    """Write what the upward axis shows above it, where it is read without turning one's head."""
    axes.set_title(name, loc="left", color=MUTED, parse_math=False)


def panel_height(names: int) -> float:
    """Return the height of a panel with so many names in a column beside it."""
    return max(HEIGHT, 15 * names + 50)


def marker(style: RunStyle) -> dict[str, Any]:
    """Return the matplotlib keywords of a run's marker."""
    return {
        "marker": style.marker,
        "color": style.colour,
        "markerfacecolor": PAPER if style.is_hollow else style.colour,
        "markeredgecolor": style.colour,
        "markeredgewidth": 1.3 if style.is_hollow else 0.8,
        "markersize": 6.5,
    }


def finish(canvas: Canvas, name: str, title: str, alt: str, data: pd.DataFrame) -> Panel:
    """Turn a drawing of these data into a panel."""
    drawing = _as_svg(canvas)
    # Names inside an SVG are names in the whole page once it is inlined.
    drawing = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", drawing)
    width = round(canvas.get_size_inches()[0] * 72)
    return Panel(name, title, alt, drawing, _as_pdf(canvas), _inline(drawing, alt), width, data)


def _as_pdf(canvas: Canvas) -> bytes:
    stream = BytesIO()
    # The families themselves: of a generic one matplotlib takes the first that there is, and for all letters. Texts
    # keep the family they were made with; those of new ticks are made while they are drawn.
    for text in canvas.findobj(Text):
        text.set_fontfamily(pdf_families())
    with mpl.rc_context(_RC | {"font.family": pdf_families()}):
        canvas.savefig(stream, format="pdf", metadata={"CreationDate": None, "Creator": None, "Producer": None})
    return stream.getvalue()


def _as_svg(canvas: Canvas) -> str:
    stream = StringIO()
    with mpl.rc_context(_RC):
        canvas.savefig(stream, format="svg", metadata={"Date": None})
    drawing = stream.getvalue()
    drawing = drawing[drawing.index("<svg") :]
    drawing = re.sub(r"\s*<metadata>.*?</metadata>", "", drawing, flags=re.DOTALL)
    # Matplotlib repeats every text in a comment, writes coordinates to a millionth of a pixel, and names a dozen fonts.
    drawing = re.sub(r"\s*<!--.*?-->", "", drawing, flags=re.DOTALL)
    drawing = re.sub(r'\b(?:d|x|y|transform)="[^"]*"', _shorten, drawing)
    drawing = re.sub(r' transform="rotate\(-?0 [^"]*"', "", drawing)
    return re.sub(r"font-family: 'DejaVu Sans', [^;\"]*", f"font-family: {_FAMILIES}", drawing)


def _shorten(attribute: re.Match[str]) -> str:
    return re.sub(r"(\.\d\d)\d+", r"\1", attribute.group())


def _inline(drawing: str, alt: str) -> str:
    # The page says itself which font it uses, and of the names most are there for programs that edit drawings.
    drawing = drawing.replace(f"font-family: {_FAMILIES}; ", "")
    used = set(re.findall(r'(?:href="#|url\(#)([^")]*)', drawing))
    drawing = re.sub(r' id="([^"]*)"', lambda it: it.group() if it[1] in used or "-cell-" in it[1] else "", drawing)
    drawing = re.sub(r"\s*<g ?/>", "", drawing)
    drawing = re.sub(r"\s*<defs>\s*<style[^>]*>[^<]*</style>\s*</defs>", "", drawing)
    drawing = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", drawing, count=1)
    drawing = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", drawing, count=1)
    drawing = drawing.replace("<svg", f'<svg role="img" aria-label="{escape(alt)}"', 1)
    for colour, variable in _COLOURS.items():
        drawing = drawing.replace(colour, f"var({variable})")
    return "\n".join(line.strip() for line in drawing.splitlines())
