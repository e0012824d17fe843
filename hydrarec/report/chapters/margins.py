"""The table of equivalence: every run against the margins, and how often it is ahead of the reference."""

import numpy as np
import pandas as pd

from hydrarec.formatting import (
    NARROW,
    NOTHING,
    metric_title,
    p_value,
    percent_interval,
    percentage,
    sortable,
)
from hydrarec.report import sentences
from hydrarec.report.cells import Cell, Column, Row, Table, drop_empty_columns, run_cell
from hydrarec.report.inputs import Inputs, Scope
from hydrarec.report.style import RunStyle

_ADJUSTED = "of being as far apart as the margin; below it adjusted (Holm) over the runs: small means equivalent"
_INTERVAL = (
    "of the ratio of the two means, so that it holds the reference's own error; as a difference in per cent of the "
    f"reference's mean, which the margins are of, {sentences.HALF_A_USER}"
)
_SEEDS = "share of matched seeds with which the run is ahead, with its exact interval"


def margin_table(inputs: Inputs, scope: Scope) -> Table:
    """List for every compared run what the tests of equivalence and the counts of wins say on the primary metric."""
    found = inputs.contrasts(scope, inputs.primary).sort_values("difference", ascending=False, kind="stable")
    evaluation = inputs.config.evaluation
    several = len(inputs.config.seeds) > 1
    wide, tight = percentage(evaluation.margin), percentage(evaluation.tight_margin)
    table = Table(
        f"margins-{scope.anchor}",
        f"{scope.name}: equivalence with {inputs.reference.label} on {metric_title(inputs.primary)}",
        [
            Column("Run", numeric=False),
            Column(f"{percentage(1 - 2 * evaluation.alpha)} interval", hint=_INTERVAL),
            Column(f"p within \u00b1{wide}", hint=_ADJUSTED),
            Column(f"p within \u00b1{tight}", hint="of being as far apart as the tight margin"),
            Column("Attained margin", hint="the smallest at which both would be equivalent, alone"),
            Column("p not inferior", hint=f"of being {wide} below, or further"),
            Column("Users ahead", hint="share of users for whom the run's mean over seeds is higher; equal; lower"),
            # With one seed it would be all or nothing.
            *([Column("Seeds ahead", hint=_SEEDS)] if several else []),
        ],
        [[_row(inputs.styles[str(run)], row, several) for run, row in found.iterrows()]],
        scope.of(inputs.comparison),
    )
    return drop_empty_columns(table)


def _row(style: RunStyle, row: pd.Series, several: bool) -> Row:
    margin = row["attained_margin"]
    return Row(
        [
            run_cell(style),
            Cell(percent_interval(row["equivalence_low"], row["equivalence_high"]), sortable(row["equivalence_low"])),
            _p(row["p_equivalent"], row["p_equivalent_holm"]),
            _p(row["p_equivalent_tight"]),
            Cell(NOTHING if pd.isna(margin) else f"{margin:.1f}{NARROW}%", sortable(margin)),
            _p(row["p_not_inferior"]),
            Cell(" / ".join(_share(row[name]) for name in ("wins", "ties", "losses")), row["wins"]),
            *([_seeds(row)] if several else []),
        ],
        style.kind,
    )


def _p(p: float, adjusted: float = np.nan) -> Cell:
    note = "" if pd.isna(adjusted) else f"Holm {p_value(adjusted)}"
    return Cell(NOTHING if pd.isna(p) else p_value(p), sortable(p), note=note)


def _seeds(row: pd.Series) -> Cell:
    if pd.isna(row["seed_wins"]):
        return Cell(NOTHING, sortable(row["seed_wins"]), note="neither depends on a seed")
    bounds = f"{_share(row['seed_wins_low'])} to {_share(row['seed_wins_high'])}"
    return Cell(_share(row["seed_wins"]), row["seed_wins"], note=bounds)


def _share(share: float) -> str:
    return f"{100 * share:.0f}{NARROW}%"
