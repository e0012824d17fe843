"""What the uncertainty of contrasts is made of."""

import numpy as np
import pandas as pd

from hydrarec.formatting import MINUS, metric_title
from hydrarec.report import sentences
from hydrarec.report.blocks import Chapter, PageBlock, Text
from hydrarec.report.chapters.orders import describe_orders, order_table
from hydrarec.report.chapters.scopes import by_scope
from hydrarec.report.figures.components import components
from hydrarec.report.figures.panels import Figure
from hydrarec.report.figures.strips import seed_strips
from hydrarec.report.inputs import Inputs, Scope

_SPREAD = ["standard_error", "variance_users", "variance_residual", "variance_seeds"]
"""Columns of a pair that are the same whichever run comes first."""


def variance(inputs: Inputs) -> Chapter | None:
    """Show seeds, and the components of every contrast's variance; with one seed only what another order of ties adds.

    None where there is neither.
    """
    return by_scope(inputs, "variance", "Variance", _blocks)


def component_shares(contrasts: pd.DataFrame) -> pd.DataFrame:
    """Return the shares of users, seeds, their interaction and, where it is known, the order of ties, by run.

    They are shares of the squared standard error; what the order of ties adds to it belongs to the whole.

    >>> parts = {"variance_users": [3.0], "variance_residual": [1.0], "variance_seeds": [1.0]}
    >>> component_shares(pd.DataFrame(parts)).to_dict("records")
    [{'users': 0.5, 'seeds': 0.25, 'users by seeds': 0.25}]
    >>> component_shares(pd.DataFrame(parts | {"variance_orders": [1.0]})).to_dict("records")
    [{'users': 0.4, 'seeds': 0.2, 'users by seeds': 0.2, 'order of ties': 0.2}]
    """
    # Users' part as it is estimated holds the noise of single users with single seeds, and is never less than it.
    residual = contrasts["variance_residual"].clip(upper=contrasts["variance_users"])
    parts = pd.DataFrame(
        {
            "users": contrasts["variance_users"] - residual,
            "seeds": contrasts["variance_seeds"],
            "users by seeds": residual,
        }
    )
    if "variance_orders" in contrasts:
        parts["order of ties"] = contrasts["variance_orders"].fillna(0)
    total = parts.sum(axis=1)
    return parts[total > 0].div(total[total > 0], axis=0)


def _blocks(inputs: Inputs, scope: Scope) -> list[PageBlock]:
    table = order_table(inputs, scope)
    beside: list[PageBlock] = [] if table is None else [table, Text(describe_orders(inputs, scope), "key")]
    return [*_seeds(inputs, scope), *_components(inputs, scope), *beside]


def _seeds(inputs: Inputs, scope: Scope) -> list[PageBlock]:
    found = scope.of(inputs.metrics)
    found = found[(found["metric"] == inputs.primary) & (found["group"] == "all")]
    found = found[found["run"].isin(inputs.contest(scope))]
    if not found.duplicated("run").any():
        return []
    name = metric_title(inputs.primary)
    values = found[["run", "seed", "value"]].reset_index(drop=True)
    panel = seed_strips(f"seeds-{scope.anchor}", f"{name} with every seed", name, values, inputs.styles)
    caption = (
        f"{name} of every run with every seed: a dot for each, a line at their mean, which stands on the right. Runs "
        "that no seed changes have one; arrows: beyond the axis. Dots are no interval: all seeds share their test "
        f"users, and matched seeds may go up and down together. {sentences.figure_basis(inputs, scope)}"
    )
    return [Figure([panel], caption)]


def _components(inputs: Inputs, scope: Scope) -> list[PageBlock]:
    panels, tied, held = [], False, set[str]()
    for metric in (inputs.primary, inputs.secondary):
        spreads = _spreads(inputs, scope, metric)
        shares = component_shares(spreads)
        if not len(shares):
            continue
        errors = spreads.loc[shares.index, ["standard_error"]]
        if "variance_orders" in spreads:
            tied = True
            squared = errors["standard_error"] ** 2 + spreads.loc[shares.index, "variance_orders"]
            errors = errors.assign(with_orders=np.sqrt(squared))
        reference = inputs.reference.id
        names = [
            inputs.styles[run].label + (f" {MINUS} {inputs.styles[against].label}" if against != reference else "")
            for run, against in shares.index
        ]
        held |= set(shares.index.get_level_values("against"))
        name, title = f"variance-{scope.anchor}-{metric.replace('@', '')}", f"Variance on {metric_title(metric)}"
        panels.append(components(name, title, shares, errors, names))
    if not panels:
        return []
    parts = "another draw of users, another draw of seeds, and the noise of single users with single seeds"
    about = _describe_differences(inputs.reference.id, held)
    caption = (
        f"What the squared standard error of {about} consists of: {parts}. Right: the standard error. "
        f"{sentences.figure_basis(inputs, scope)} Few seeds say little about seeds, and a part may be estimated as 0."
    )
    if tied:
        caption += (
            " Dotted: what another random order of ties would add. It is in no other interval or test of this report; "
            "the standard error with it stands in brackets."
        )
    return [Figure(panels, caption)]


def _describe_differences(reference: str, held: set[str]) -> str:
    """Say which differences are shown, by the runs that they are from."""
    if reference not in held:
        return "the differences that claims are about"
    others = ", and of the other differences that claims are about," if held != {reference} else ""
    return f"every run's difference from the reference{others}"


def _spreads(inputs: Inputs, scope: Scope, metric: str) -> pd.DataFrame:
    """Return how certain differences are that seeds have a part in, by run and what it is held against.

    Those from the reference come first, the largest of them above.
    """
    contrasts, orders = inputs.contrasts(scope, metric), inputs.other_orders(scope, metric)
    if len(orders):
        contrasts = contrasts.join(orders["variance_orders"])
    contrasts = contrasts.sort_values("difference", ascending=False)
    contrasts = contrasts.assign(against=inputs.reference.id).set_index("against", append=True)
    spreads = pd.concat([contrasts, _claimed_spreads(inputs, scope, metric)])
    return spreads[spreads["variance_seeds"].notna()]


def _claimed_spreads(inputs: Inputs, scope: Scope, metric: str) -> pd.DataFrame:
    """Return the same of differences that claims are about, without those from the reference."""
    pairs = scope.of(inputs.pairs)
    pairs = pairs[pairs["metric"] == metric].rename(columns={"other": "against"})
    turned = pairs.rename(columns={"run": "against", "against": "run"})
    by_pair = pd.concat([pairs, turned]).set_index(["run", "against"])[_SPREAD]
    if inputs.verdicts is None:
        return by_pair[:0]
    claims = scope.of(inputs.verdicts)[["run", "against"]].dropna().drop_duplicates()
    others = pd.MultiIndex.from_frame(claims[(claims != inputs.reference.id).all(axis=1)])
    return by_pair.loc[others[others.isin(by_pair.index)]]
