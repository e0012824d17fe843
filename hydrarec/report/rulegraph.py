"""What Snakemake says of its rules, for the page: `make generated` keeps it in `assets/rules.json`."""

import json
from collections.abc import Collection

BASELINES = "one per baseline"
"""What stands for the rules of all baselines, which read and write the same."""
Edges = list[tuple[str, str]]
"""Rules, each with one that reads from it."""


def parse_rulegraph(graph: str, baselines: Collection[str]) -> Edges:
    """Return the edges of what `snakemake --rulegraph dot` prints, baselines as one and targets left out.

    >>> parse_rulegraph('0[label = "all"]; 1[label = "report"]; 2[label = "ease"]; 1 -> 0; 2 -> 1', {"ease"})
    [('one per baseline', 'report')]
    """
    names: dict[str, str] = {}
    edges = set()
    for statement in graph.replace("\n", ";").split(";"):
        if " -> " in statement:
            source, target = (names[number.strip()] for number in statement.split(" -> "))
            edges.add((source, target))
        elif "label = " in statement:
            number, _, rest = statement.partition("[")
            rule = json.loads(rest.split("label = ")[1].split(",")[0].rstrip("] "))
            names[number.strip()] = BASELINES if rule in baselines else rule
    return sorted(edge for edge in edges if edge[1] != "all")
