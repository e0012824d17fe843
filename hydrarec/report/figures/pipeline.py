"""The graph of rules: which rule reads what of which.

It is drawn from `assets/rules.json`, which `make generated` takes from Snakemake itself.
"""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

from hydrarec.files import read_json
from hydrarec.report.figures.labels import label_width
from hydrarec.report.figures.panels import Panel, blank_panel, finish
from hydrarec.report.rulegraph import Edges
from hydrarec.report.style import FONT_SIZE, INK, MUTED, PAPER

RULES = Path(__file__).parent.parent / "assets/rules.json"
_COLUMN, _ROW = 150, 44
"""Distances of rules, in pixels."""


def pipeline() -> Panel:
    """Draw the rules from left to right: none stands left of one that it reads from."""
    edges: Edges = [(source, target) for source, target in read_json(RULES)]
    positions = assign_layers(edges)
    width = _COLUMN * (1 + max(x for x, _ in positions.values()))
    height = _ROW * (1 + max(y for _, y in positions.values())) + 8
    canvas, axes = blank_panel(width, height, (0, 0, 0, 0))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    centre = {rule: (_COLUMN * (x + 0.5), _ROW * (y + 0.5) + 4) for rule, (x, y) in positions.items()}
    for source, target in transitive_reduction(edges):
        (x0, y0), (x1, y1) = centre[source], centre[target]
        start, end = (x0 + _half_width(source) + 2, y0), (x1 - _half_width(target) - 3, y1)
        arrow = {"arrowstyle": "-|>", "color": MUTED, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 9}
        axes.annotate("", end, start, arrowprops=arrow)
    for rule, (x, y) in centre.items():
        label = rule.replace("_", " ")
        frame = {"boxstyle": "round,pad=0.35", "facecolor": PAPER, "edgecolor": MUTED, "linewidth": 1}
        axes.text(x, y, label, ha="center", va="center", color=INK, fontsize=FONT_SIZE, bbox=frame)
    told = "; ".join(
        f"{target} reads from {', '.join(source for source, other in edges if other == target)}"
        for target in sorted({target for _, target in edges}, key=lambda rule: positions[rule])
    )
    return finish(canvas, "rules", "Rules", f"Rules. {told}", pd.DataFrame(edges, columns=["from", "to"]))


def _half_width(rule: str) -> float:
    """Return half the width of a rule's box."""
    return label_width([rule]) / 2 + 6


def transitive_reduction(edges: Edges) -> Edges:
    """Return the edges that do not follow from others.

    >>> transitive_reduction([("a", "b"), ("a", "c"), ("b", "c")])
    [('a', 'b'), ('b', 'c')]
    """
    targets: dict[str, set[str]] = defaultdict(set)
    for source, target in edges:
        targets[source].add(target)

    def reachable(rule: str) -> set[str]:
        return targets[rule].union(*(reachable(target) for target in set(targets[rule])))

    return [(a, b) for a, b in edges if not any(b in reachable(between) for between in targets[a] - {b})]


def assign_layers(edges: Edges) -> dict[str, tuple[int, float]]:
    """Return a column and a row for every rule; columns grow along every edge.

    >>> assign_layers([("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")])
    {'a': (0, 0.5), 'b': (1, 0.0), 'c': (1, 1.0), 'd': (2, 0.5)}
    """
    sources: dict[str, list[str]] = defaultdict(list)
    for source, target in edges:
        sources[target].append(source)
        sources[source] = sources[source]

    def depth(rule: str) -> int:
        return 1 + max(map(depth, sources[rule]), default=-1)

    columns: dict[int, list[str]] = defaultdict(list)
    for rule in sorted(sources):
        columns[depth(rule)].append(rule)
    tallest = max(map(len, columns.values()))
    rows: dict[str, float] = {}
    for column in sorted(columns):
        # As near to what they read from as their order allows.
        inside = sorted(columns[column], key=lambda rule: np.mean([rows[s] for s in sources[rule]] or [0]))
        rows |= {rule: index + (tallest - len(inside)) / 2 for index, rule in enumerate(inside)}
    return {rule: (column, rows[rule]) for column in sorted(columns) for rule in sorted(columns[column])}
