"""What the uncertainty of contrasts is made of."""

import numpy as np
import pandas as pd

from hydrarec.numbers import metric_title
from hydrarec.report import sentences
from hydrarec.report.blocks import Block, Chapter, Text
from hydrarec.report.chapters.orders import about_orders, order_table
from hydrarec.report.chapters.scopes import by_scope
from hydrarec.report.figures.components import components
from hydrarec.report.figures.panels import Figure
from hydrarec.report.figures.strips import seed_strips
from hydrarec.report.inputs import Inputs, Scope
from hydrarec.report.style import RunStyle


def variance(inputs: Inputs, looks: dict[str, RunStyle]) -> Chapter | None:
    """Show seeds, and the components of every contrast's variance; with one seed only what another order of ties adds.

    None where there is neither.
    """
    return by_scope(inputs, "variance", "Variance", lambda scope: _blocks(inputs, scope, looks))


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


def _blocks(inputs: Inputs, scope: Scope, looks: dict[str, RunStyle]) -> list[Block]:
    table = order_table(inputs, scope, looks)
    beside: list[Block] = [] if table is None else [table, Text(about_orders(inputs, scope), "key")]
    return [*_seeds(inputs, scope, looks), *_components(inputs, scope, looks), *beside]


def _seeds(inputs: Inputs, scope: Scope, looks: dict[str, RunStyle]) -> list[Block]:
    found = scope.of(inputs.metrics)
    found = found[(found["metric"] == inputs.primary) & (found["group"] == "all")]
    found = found[found["run"].isin(inputs.contest(scope))]
    if not found.duplicated("run").any():
        return []
    name = metric_title(inputs.primary)
    values = found[["run", "seed", "value"]].reset_index(drop=True)
    panel = seed_strips(f"seeds-{scope.anchor}", f"{name} with every seed", name, values, looks)
    caption = (
        f"{name} of every run with every seed: a dot for each, a line at their mean, which stands on the right. Runs "
        "that no seed changes have one; arrows: beyond the axis. Dots are no interval: all seeds share their test "
        f"users, and matched seeds go up and down together. {sentences.figure_basis(inputs, scope)}"
    )
    return [Figure([panel], caption)]


def _components(inputs: Inputs, scope: Scope, looks: dict[str, RunStyle]) -> list[Block]:
    panels, tied = [], False
    for metric in (inputs.primary, inputs.secondary):
        contrasts = inputs.contrasts(scope, metric)
        orders = inputs.other_orders(scope, metric)
        if len(orders):
            contrasts = contrasts.join(orders["variance_orders"])
        contrasts = contrasts[contrasts["variance_seeds"].notna()].sort_values("difference", ascending=False)
        shares = component_shares(contrasts)
        if len(shares):
            shown = contrasts.loc[shares.index]
            errors = shown[["standard_error"]]
            if len(orders):
                tied = True
                squared = errors["standard_error"] ** 2 + shown["variance_orders"]
                errors = errors.assign(with_orders=np.sqrt(squared))
            name, title = f"variance-{scope.anchor}-{metric.replace('@', '')}", f"Variance on {metric_title(metric)}"
            panels.append(components(name, title, shares, errors, looks))
    if not panels:
        return []
    parts = "another draw of users, another draw of seeds, and the noise of single users with single seeds"
    caption = (
        f"What the squared standard error of every run's difference from the reference consists of: {parts}. Right: "
        f"the standard error. {sentences.figure_basis(inputs, scope)} Two seeds say little about seeds, and a part may "
        "be estimated as 0."
    )
    if tied:
        caption += (
            " Dotted: what another random order of ties would add. It is in no other interval or test of this report; "
            "the standard error with it stands in brackets."
        )
    return [Figure(panels, caption)]
