"""The table of tie orders: every run's difference from the reference where tied interactions stand in other orders."""

import numpy as np
import pandas as pd

from hydrarec.formatting import metric_title, p_value, signed
from hydrarec.report import sentences
from hydrarec.report.cells import Cell, Column, Row, Table, run_cell
from hydrarec.report.inputs import Inputs, Scope
from hydrarec.report.style import RunStyle


def order_table(inputs: Inputs, scope: Scope) -> Table | None:
    """List the differences on the primary metric in the file's order and in random ones; None where there are none."""
    found = inputs.other_orders(scope, inputs.primary)
    if found.empty:
        return None
    errors = inputs.contrasts(scope, inputs.primary)["standard_error"]
    found = found.join(errors).sort_values("difference", ascending=False, kind="stable")
    return Table(
        f"orders-{scope.anchor}",
        f"{scope.name}: difference from {inputs.reference.label} in {metric_title(inputs.primary)} with ties in other "
        "orders",
        [
            Column("Run", numeric=False),
            Column("Order of the file", hint="the difference that stands everywhere else"),
            Column("Random orders", hint="mean of the differences in them"),
            Column("Lowest to highest", hint="of the random orders"),
            Column("Standard deviation", hint=f"of the random orders, with its {inputs.coverage} interval"),
            Column("Standard error", hint=f"{sentences.sampling_units(inputs)}, in the order of the file"),
            Column("With the order", hint="the standard error if the order of ties is drawn anew as well"),
            Column("p of the file's order", hint="of being one like the random orders"),
        ],
        [[_row(inputs.styles[str(run)], row) for run, row in found.iterrows()]],
        scope.of(inputs.orders),
    )


def describe_orders(inputs: Inputs, scope: Scope) -> str:
    """Say how the numbers of the table came about, and what one seed leaves open."""
    found = inputs.other_orders(scope, inputs.primary)
    number, seeds = int(found["n_orders"].max()), len(inputs.config.seeds)
    said = (
        f"{number} random orders of a user's interactions of the same second, each prepared, split and trained on "
        f"anew. {sentences.figure_basis(inputs, scope)} The standard deviation has {number - 1} degree"
        f"{'s' if number > 2 else ''} of freedom and holds what users and seeds contribute; what the order adds to the "
        "standard error is free of both, and may be estimated as 0."
    )
    if seeds == 1:
        said += " With one seed it cannot be told from what another seed would have changed."
    return said


def _row(style: RunStyle, row: pd.Series) -> Row:
    with_order = float(np.sqrt(row["standard_error"] ** 2 + row["variance_orders"]))
    return Row(
        [
            run_cell(style),
            Cell(signed(row["difference"]), row["difference"]),
            Cell(signed(row["mean"]), row["mean"]),
            Cell(f"{signed(row['lowest'])} to {signed(row['highest'])}", row["lowest"]),
            Cell(
                f"{row['deviation']:.4f}",
                row["deviation"],
                note=f"{row['deviation_low']:.4f} to {row['deviation_high']:.4f}",
            ),
            Cell(f"{row['standard_error']:.4f}", row["standard_error"]),
            Cell(f"{with_order:.4f}", with_order),
            Cell(p_value(row["p_file"]), row["p_file"]),
        ],
        style.kind,
    )
