"""What every run looks like, in all figures and tables alike.

A run has a colour of its own as long as there are no more than eight trained ones, and always a pair of colour and
marker of its own, so that nobody needs colour vision to tell runs apart. Baselines are grey and hollow.
"""

from dataclasses import dataclass
from typing import Literal

from hydrarec.config import BenchmarkConfig
from hydrarec.config.runs import Role

FONT_SIZE = 12
"""Size of text in figures, in pixels."""
INK, MUTED, RULE, PAPER = "#1a1d21", "#5b646e", "#d9dde1", "#ffffff"
"""Text, secondary text, lines and ground of figures on white paper."""

HUES: tuple[tuple[str, str], ...] = (
    ("#0072b2", "#58aee8"),
    ("#d05400", "#f58f4a"),
    ("#008764", "#34c79c"),
    ("#a93f8c", "#e391c9"),
    ("#9a6b00", "#e9b93f"),
    ("#4c43b0", "#a8a1f7"),
    ("#7a4a2b", "#cda07c"),
    ("#157f96", "#6ad1e6"),
)
"""Colours on white and on dark paper: Okabe and Ito's, moved until each has a contrast of 3:1 on its ground."""
GREY = (MUTED, "#a3acb6")

MARKERS: dict[str, str] = {
    "o": '<circle cx="6" cy="6" r="4"/>',
    "s": '<path d="M2.4 2.4h7.2v7.2H2.4z"/>',
    "^": '<path d="M6 1.6 10.6 9.6H1.4z"/>',
    "D": '<path d="M6 1 11 6 6 11 1 6z"/>',
    "v": '<path d="M6 10.4 1.4 2.4h9.2z"/>',
    "P": '<path d="M4.4 1.6h3.2v2.8h2.8v3.2H7.6v2.8H4.4V7.6H1.6V4.4h2.8z"/>',
    "X": '<path d="M3.6 1.4 6 3.8 8.4 1.4 10.6 3.6 8.2 6l2.4 2.4-2.2 2.2L6 8.2l-2.4 2.4-2.2-2.2L3.8 6 1.4 3.6z"/>',
    "p": '<path d="M6 1.2 10.8 4.7 9 10.2H3L1.2 4.7z"/>',
}
"""Matplotlib's markers and the same shapes for the page, in a box of 12 by 12."""


@dataclass(frozen=True)
class RunStyle:
    """Name and style of a run."""

    id: str
    label: str
    kind: Role
    colour: str
    """Colour on white; figures are made with it."""
    variable: str
    """Name of the CSS variable that holds the colour for the reader's ground."""
    marker: str
    """Key of `MARKERS`."""
    dashes: Literal["-", "--", ":"]
    """Matplotlib line style."""

    @property
    def is_hollow(self) -> bool:
        """Whether its marker is an outline."""
        return self.kind != "trained"

    @property
    def anchor(self) -> str:
        """Address of its card on the page."""
        return f"run-{self.id}"

    @property
    def shape(self) -> str:
        """SVG of its marker."""
        return MARKERS[self.marker]


def run_styles(config: BenchmarkConfig) -> dict[str, RunStyle]:
    """Return the style of every run by id; it depends on nothing but the order of the configuration."""
    found: dict[str, RunStyle] = {}
    markers = list(MARKERS)
    trained = others = 0
    for run in config.all_runs:
        kind = run.role
        label = run.label or run.id
        if kind == "trained":
            hue, lap = trained % len(HUES), trained // len(HUES)
            # Beyond eight runs colours come again, each with the next marker and a broken line.
            marker = markers[(hue + 3 * lap) % len(markers)]
            dashes = ("-", "--", ":")[min(lap, 2)]
            found[run.id] = RunStyle(run.id, label, kind, HUES[hue][0], f"--run-{hue}", marker, dashes)
            trained += 1
        else:
            found[run.id] = RunStyle(run.id, label, kind, GREY[0], "--muted", markers[others % len(markers)], ":")
            others += 1
    return found


def css_variables(dark: bool) -> str:
    """Return the declarations of the colours of runs for a ground."""
    return " ".join(f"--run-{number}: {hue[dark]};" for number, hue in enumerate(HUES))
