"""What the uncertainty of contrasts is made of."""

import pandas as pd

from hydrarec.numbers import metric_title
from hydrarec.report import sentences
from hydrarec.report.blocks import Block, Chapter
from hydrarec.report.chapters.scopes import by_scope
from hydrarec.report.figures.components import components
from hydrarec.report.figures.panels import Figure
from hydrarec.report.inputs import Inputs, Scope
from hydrarec.report.style import RunStyle


def variance(inputs: Inputs, looks: dict[str, RunStyle]) -> Chapter | None:
    """Show the components of every contrast's variance; None with one seed, where there is but one component."""
    return by_scope(inputs, "variance", "Variance", lambda scope: _blocks(inputs, scope, looks))


def component_shares(contrasts: pd.DataFrame) -> pd.DataFrame:
    """Return users', seeds' and their interaction's shares of the squared standard error, by run.

    >>> parts = {"variance_users": [3.0], "variance_residual": [1.0], "variance_seeds": [1.0]}
    >>> component_shares(pd.DataFrame(parts)).to_dict("records")
    [{'users': 0.5, 'seeds': 0.25, 'users by seeds': 0.25}]
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
    total = parts.sum(axis=1)
    return parts[total > 0].div(total[total > 0], axis=0)


def _blocks(inputs: Inputs, scope: Scope, looks: dict[str, RunStyle]) -> list[Block]:
    panels = []
    for metric in (inputs.primary, inputs.secondary):
        contrasts = inputs.contrasts(scope, metric)
        contrasts = contrasts[contrasts["variance_seeds"].notna()].sort_values("difference", ascending=False)
        shares = component_shares(contrasts)
        if len(shares):
            name, title = f"variance-{scope.anchor}-{metric.replace('@', '')}", f"Variance on {metric_title(metric)}"
            panels.append(components(name, title, shares, contrasts.loc[shares.index, "standard_error"], looks))
    if not panels:
        return []
    caption = (
        "What the squared standard error of every run's difference from the reference consists of: another draw of "
        "users, another draw of seeds, and the noise of single users with single seeds. Right: the standard error. "
        f"{sentences.figure_basis(inputs, scope)} Two seeds say little about seeds, and a part may be estimated as 0."
    )
    return [Figure(panels, caption)]
