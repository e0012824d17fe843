"""The table of all pairs of runs."""

from hydrarec.numbers import metric_title, p_value, percent, signed, sortable
from hydrarec.report.cells import Cell, Column, Row, Table
from hydrarec.report.inputs import Inputs, Scope
from hydrarec.report.style import RunStyle


def pair_table(inputs: Inputs, scope: Scope, styles: dict[str, RunStyle]) -> Table:
    """List every pair on the primary metric, the largest difference first."""
    table = scope.of(inputs.pairs)
    table = table[table["metric"] == inputs.primary]
    order = table["difference"].abs().sort_values(ascending=False, kind="stable").index
    rows = [
        Row(
            [
                Cell(styles[row["run"]].label, run=styles[row["run"]]),
                Cell(styles[row["other"]].label, run=styles[row["other"]]),
                Cell(signed(row["difference"]), row["difference"]),
                Cell(percent(row["percent"]), sortable(row["percent"])),
                Cell(f"{signed(row['low'])} to {signed(row['high'])}", row["low"]),
                Cell(p_value(row["p_holm"]), row["p_holm"]),
                Cell(p_value(row["p_max_t"]), row["p_max_t"]),
            ],
            styles[row["run"]].kind,
        )
        for _, row in table.loc[order].iterrows()
    ]
    return Table(
        f"all-pairs-{scope.anchor}",
        f"{scope.name}: all pairs on {metric_title(inputs.primary)}",
        [
            Column("Run", numeric=False),
            Column("Other", numeric=False),
            Column("\u0394"),
            Column("\u0394 %", hint="of the other's mean"),
            Column(f"{inputs.coverage} interval", hint="of the difference, over users and seeds"),
            Column("Holm p", hint="over all pairs; about methods: another draw of users and of seeds"),
            Column("max-T p", hint="by sign flips of users; about the trained weights at hand"),
        ],
        [rows],
        scope.of(inputs.pairs),
    )
