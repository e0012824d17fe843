"""`hydrarec compare`: two runs against each other, in the words and numbers of the report."""

from typing import Any

from hydrarec.comparison.measures import MRR
from hydrarec.comparison.two import Contrast
from hydrarec.config import BenchmarkConfig
from hydrarec.config.protocol import EvaluationConfig
from hydrarec.formatting import (
    count,
    metric_title,
    p_value,
    percent,
    percent_interval,
    score,
    several,
    signed,
    signed_interval,
)
from hydrarec.terminal.text import align, to_ascii, wrap

_SAID = {
    "superior": "is better",
    "inferior": "is worse",
    "equivalent": "is equivalent: the difference is smaller than the margin",
    "inconclusive": "may be better or worse: the data do not decide it",
}


def format_contrast(config: BenchmarkConfig, found: Contrast) -> str:
    """Write a comparison of two runs for the terminal.

    Parameters
    ----------
    config
        The comparison that both runs belong to.
    found
        What `hydrarec.comparison.two.contrast_two` returned.
    """
    evaluation = config.evaluation
    metric = evaluation.primary_metric
    row: dict[str, Any] = found.rows.loc[metric].to_dict()
    names = _name(config, found.run), _name(config, found.reference)
    coverage = f"{100 * (1 - evaluation.alpha):g} %"
    seeds = several(found.seeds, "matched seed")
    lines = [
        *wrap(f"{names[0]} against {names[1]}"),
        *wrap(f"{config.dataset(found.dataset).title}, {found.protocol}: {count(row['n_users'])} users, {seeds}"),
        "",
        *wrap(_sentence(metric, names[0], row, coverage)),
        "",
        *_metrics(found, coverage),
        "",
        f"{metric_title(metric)} in detail",
        *align(_details(row, evaluation, found, coverage), left=2),
        "",
        *(line for caveat in _caveats(found, evaluation) for line in wrap(caveat)),
    ]
    return "\n".join(to_ascii(line) for line in lines)


def _sentence(metric: str, name: str, row: dict[str, Any], coverage: str) -> str:
    # First the interval that the verdict follows from.
    found = f"{signed(row['difference'])}, {coverage} interval {signed_interval(row['low'], row['high'])}"
    if row["percent_low"] == row["percent_low"] and row["percent_low"] is not None:
        interval = percent_interval(row["percent_low"], row["percent_high"])
        found += f"; in per cent {percent(row['percent'])}, {interval}"
    return f"{metric_title(metric)}: {name} {_SAID[str(row['verdict'])]} ({found})."


def _name(config: BenchmarkConfig, run: str) -> str:
    label = config.run(run).label
    return f"{label} ({run})" if label and label != run else run


def _metrics(found: Contrast, coverage: str) -> list[str]:
    head = ["metric", "first", "second", "per cent", f"{coverage} interval", "p", "verdict"]
    return align(
        [
            head,
            *(
                [
                    metric_title(str(metric)),
                    score(row["mean"]),
                    score(row["mean_reference"]),
                    percent(row["percent"]),
                    percent_interval(row["percent_low"], row["percent_high"]),
                    p_value(row["p"]),
                    row["verdict"],
                ]
                for metric, row in found.rows.iterrows()
            ),
        ]
    )


def _details(row: dict[str, Any], evaluation: EvaluationConfig, found: Contrast, coverage: str) -> list[list[str]]:
    margin, tight = (f"+-{100 * fraction:g} %" for fraction in (evaluation.margin, evaluation.tight_margin))
    narrow = f"{100 * (1 - 2 * evaluation.alpha):g} % interval"
    lines = [
        ["difference", f"{signed(row['difference'])}, {coverage} {signed(row['low'])} to {signed(row['high'])}"],
        ["standard error", f"{score(row['standard_error'])} {_error_basis(found)}"],
    ]
    if row["p_equivalent"] == row["p_equivalent"] and row["p_equivalent"] is not None:
        lines += [
            [narrow, f"{percent_interval(row['equivalence_low'], row['equivalence_high'])} of the second run's mean"],
            [f"equivalent within {margin}", f"p {p_value(row['p_equivalent'])}"],
            [f"equivalent within {tight}", f"p {p_value(row['p_equivalent_tight'])}"],
            [f"not worse by {margin.removeprefix('+-')}", f"p {p_value(row['p_not_inferior'])}"],
            ["attained margin", f"{row['attained_margin']:.1f} %"],
        ]
    lines.append(["users", f"better {_share(row['wins'])}, same {_share(row['ties'])}, worse {_share(row['losses'])}"])
    # Nothing but users is random where neither changes with the seed, whatever the configuration says of them.
    if found.seeds > 1 and row["seed_wins"] == row["seed_wins"] and row["seed_wins"] is not None:
        bounds = f"{row['seed_wins_low']:.2f} to {row['seed_wins_high']:.2f}"
        lines.append(["ahead with another seed", f"P = {row['seed_wins']:.2f}, {bounds}"])
        total = row["variance_users"] + row["variance_seeds"]
        if total > 0:
            # Users' part as it is estimated holds the noise of single users with single seeds; as in the page's figure.
            noise = min(row["variance_residual"], row["variance_users"])
            parts = {"users": row["variance_users"] - noise, "seeds": row["variance_seeds"], "users x seeds": noise}
            lines.append(["variance", ", ".join(f"{name} {_share(part / total)}" for name, part in parts.items())])
    return lines


def _error_basis(found: Contrast) -> str:
    """Say what the standard error is over, as the page does."""
    if not found.stochastic:
        return "over users"
    return "over users and seeds" if found.seeds > 1 else "over users (one seed)"


def _share(value: float) -> str:
    return f"{100 * value:.0f} %"


def _caveats(found: Contrast, evaluation: EvaluationConfig) -> list[str]:
    lines = [
        "p-values are two-sided and not adjusted: of a pair that was picked among many, quote p_holm of pairs.parquet.",
        f"Equivalent: the {100 * (1 - 2 * evaluation.alpha):g} % interval lies within {100 * evaluation.margin:g} % "
        "of the second run's mean.",
    ]
    if found.rows["percent_low"].notna().any():
        lines.append(
            "Intervals in per cent are with half a user more on either side, so that an observed difference of 0 is no "
            "certainty."
        )
    if MRR not in found.rows.index:
        lines.append("MRR is not compared: one of the two was handed in as lists, beyond which places are unknown.")
    if not found.stochastic:
        lines.append("One result each, whatever the seed: only users are random.")
    elif found.seeds == 1:
        lines.append("One seed: this is about these trained weights, not about the method.")
    elif not found.n_others:
        lines.append("How much seeds change is known from these two runs alone: `hydrarec collect` was not run yet.")
    return lines
