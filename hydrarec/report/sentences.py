"""What the tables say, in words. Every sentence follows from a verdict and is never stronger than it."""

import pandas as pd
from markupsafe import Markup

from hydrarec.config.protocol import PROTOCOL_TITLES
from hydrarec.config.titles import protocol_name
from hydrarec.formatting import (
    NARROW,
    count,
    metric_title,
    p_value,
    percent_interval,
    percentage,
    score,
    score_interval,
    several,
)
from hydrarec.report.inputs import Inputs, Scope

VERDICTS = ("superior", "equivalent", "inferior", "inconclusive")
"""What a comparison with the reference may come to."""
TWO_FAMILIES = (
    "Inferior and superior are said of every run against the reference, places of all pairs of runs: two families of "
    "tests, each adjusted for itself, so that an inferior run may share a place with the reference."
)

HALF_A_USER = "with half a user more on either side, so that an observed difference of 0 is no certainty"
"""What keeps intervals in per cent from being points (`hydrarec.significance.crossed.share_of_a_user`)."""


def lead(inputs: Inputs) -> str:
    """Say what was compared, on what, and with what."""
    config = inputs.config
    kinds = [run.role for run in config.all_runs]
    names = {
        "trained": "trained model",
        "baseline": "baseline",
        "optimum": "best possible scorer",
        "control": "control",
    }
    found = [several(kinds.count(kind), name) for kind, name in names.items() if kind in kinds]
    runs = f"{', '.join(found[:-1])} and {found[-1]}" if len(found) > 1 else found[0]
    splits = " and ".join(protocol_name(protocol) for protocol in config.protocols)
    return (
        f"Which item comes next? {runs[0].upper()}{runs[1:]} on {several(len(config.datasets), 'data set')}, "
        f"{splits}, {several(len(config.seeds), 'seed')}, every target ranked among the whole catalogue. "
        f"Differences are from {inputs.reference.label}, the reference."
    )


def headline(inputs: Inputs, scope: Scope) -> Markup:
    """Say who has the highest primary metric, by how much, and how sure that is; of several the reference."""
    board = inputs.leaderboard(scope, inputs.primary)
    means, reference = board.loc[inputs.contest(scope), "mean"], inputs.reference.id
    level = means.index[means == means.max()]
    if means.max() == 0:
        return Markup("No run ever hits: every {} is 0.").format(metric_title(inputs.primary))
    best = reference if reference in level else str(level[0])
    leader = board.loc[best]
    opening = Markup("<strong>{}</strong>{} has the highest {}: <b>{}</b> ({} interval {})").format(
        inputs.styles[best].label,
        ", the reference," if best == reference else "",
        metric_title(inputs.primary),
        score(leader["mean"]),
        inputs.coverage,
        score_interval(leader["low"], leader["high"]),
    )
    contrasts = inputs.contrasts(scope, inputs.primary)
    if contrasts.empty:
        return opening + "."
    if len(level) > 1:
        others = ", ".join(inputs.styles[run].label for run in level if run != best)
        return opening + Markup(", and so has {}.").format(others)
    if best != reference:
        return opening + _describe_lead(inputs, contrasts.loc[best], inputs.reference.label)
    rival = str(contrasts["difference"].idxmax())
    return opening + _describe_runner_up(inputs, contrasts.loc[rival], inputs.styles[rival].label)


def tally(inputs: Inputs, scope: Scope) -> str:
    """Count the verdicts against the reference."""
    contrasts = inputs.contrasts(scope, inputs.primary)
    alpha = inputs.config.evaluation.alpha
    if inputs.reference.id not in inputs.leaderboard(scope, inputs.primary).index:
        return f"{inputs.reference.label}, the reference, is not finished: nothing is compared with it."
    if contrasts.empty:
        return f"Nothing competes with {inputs.reference.label}, the reference."
    counts = contrasts["verdict"].value_counts()
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if verdict in counts)
    return (
        f"Of {several(len(contrasts), 'run')} set against {inputs.reference.label}: {told} "
        f"(margin \u00b1{percentage(inputs.config.evaluation.margin)}; family-wise error rate {percentage(alpha)}, of "
        "differences and of equivalence each)."
    )


def subtitle(inputs: Inputs, scope: Scope) -> str:
    """Say under the name of a scope what it is; what intervals rest on stands with the verdicts."""
    protocol = PROTOCOL_TITLES[scope.protocol]
    users, seeds = int(inputs.leaderboard(scope, inputs.primary)["n_users"].max()), len(inputs.config.seeds)
    return f"{protocol[0].upper()}{protocol[1:]}. {count(users)} test users, {several(seeds, 'seed')}."


def basis(inputs: Inputs, scope: Scope) -> str:
    """Say what intervals and p-values rest on."""
    users = int(inputs.leaderboard(scope, inputs.primary)["n_users"].max())
    seeds = len(inputs.config.seeds)
    if inputs.config.is_deterministic(*inputs.contest(scope)):
        return f"{count(users)} test users; no run depends on a seed, so intervals and p-values are over users."
    if seeds == 1:
        return (
            f"{count(users)} test users and one seed: intervals and p-values hold for these trained weights, not for "
            "the methods, because one seed says nothing about how much another would have changed."
        )
    few = "" if seeds > 2 else ", and are wide, because two seeds say little about a third"
    return f"{count(users)} test users and {seeds} matched seeds; intervals cover both{few}."


def best_possible_sentence(inputs: Inputs, scope: Scope) -> str:
    """Say how far one could get, where the data's generator is known; empty elsewhere."""
    board = inputs.leaderboard(scope, inputs.primary)
    optima = [run.id for run in inputs.config.all_runs if run.role == "optimum"]
    if not optima or optima[0] not in board.index:
        return ""
    second = inputs.leaderboard(scope, inputs.secondary)
    return (
        f"The best possible is {metric_title(inputs.primary)} {score(board.loc[optima[0], 'mean'])} and "
        f"{metric_title(inputs.secondary)} {score(second.loc[optima[0], 'mean'])}: a scorer that knows how the data "
        "were generated."
    )


def figure_basis(inputs: Inputs, scope: Scope) -> str:
    """Say what a figure is about: users, seeds, protocol."""
    users = int(inputs.leaderboard(scope, inputs.primary)["n_users"].max())
    seeds = len(inputs.config.seeds)
    return f"{scope.name}, {count(users)} users, {several(seeds, 'seed')}."


def interval_basis(inputs: Inputs) -> str:
    """Say what the intervals of a figure are."""
    return f"Intervals: {inputs.coverage}, {sampling_units(inputs)}."


def sampling_units(inputs: Inputs) -> str:
    """Say what intervals and standard errors are over."""
    if inputs.config.is_deterministic(*inputs.config.run_ids):
        return "over users"
    return "over users and seeds" if len(inputs.config.seeds) > 1 else "over users (one seed)"


def protocol_lines(inputs: Inputs) -> list[str]:
    """Describe in ten lines how results were obtained."""
    evaluation, training = inputs.config.evaluation, inputs.config.training
    cutoffs = ", ".join(map(str, evaluation.cutoffs))
    splits = "; ".join(f"{name}, {PROTOCOL_TITLES[name]}" for name in inputs.config.protocols)
    shuffled = [dataset.title for dataset in inputs.config.datasets if dataset.tie_order is not None]
    ties = f", drawn at random on {', '.join(shuffled)}" if shuffled else ""
    sampled = "over users; the weights of the one seed are taken as they are"
    if len(inputs.config.seeds) > 1:
        sampled = (
            "users and seeds are both random and crossed with each other; two-way variance, each part with its own "
            "degrees of freedom (Banerjee 1960), the seeds' part at least the average over all runs"
        )
    return [
        f"What is held out \u2013 {splits}.",
        f"Order: by user, then time, then place in the source file; equal times keep the order of the file{ties}.",
        "Candidates: every item that occurs in the training data, never a sample. Where nobody meets an item twice, "
        "the user's complete known history is taken out.",
        "Targets that never occur in the training data are a miss for every run and stay in the denominator; the "
        "column \u201cwarm\u201d leaves them out.",
        f"HR@k: share of targets among the first k. NDCG@k: 1 / log2(place + 1) if the place is at most k; with one "
        f"target the ideal is 1. MRR: 1 / place. k = {cutoffs}. {metric_title(inputs.primary)} is the primary metric; "
        "the others describe.",
        "Tied scores: the expected value over all their orders. Scores are computed in float32.",
        f"Training stops after {training.patience} epochs without a better validation NDCG@10 (full ranking), or at "
        "the last epoch allowed, and keeps the best epoch; some runs may have settings of their own. The test targets "
        "are ranked once, by a step of their own.",
        f"Seed{'' if len(inputs.config.seeds) == 1 else 's'} {', '.join(map(str, inputs.config.seeds))}, the same for "
        "every run: initial weights, order, masks and negatives follow from it. A deterministic run is computed once "
        "and stands for every seed.",
        f"Intervals and tests: {sampled}; relative differences by the delta method on the log-ratio.",
        "Holm p: two-sided and adjusted over the runs of a data set, protocol and metric; so are the tests of "
        f"equivalence behind the word, each family at {percentage(evaluation.alpha)}. Other p-values are of one "
        "comparison alone. A large p-value is no evidence that two runs are equally good.",
    ]


def _describe_lead(inputs: Inputs, row: pd.Series, reference: str) -> Markup:
    if pd.isna(row["percent"]):
        return Markup(", while the reference {} never hits.").format(reference)
    return Markup(", <b>{}</b> above the reference {} ({}; Holm-adjusted p {}). {}").format(
        _format_distance(row),
        reference,
        percent_interval(row["percent_low"], row["percent_high"]),
        _format_p(row["p_holm"]),
        _conclusion(inputs, row),
    )


def _describe_runner_up(inputs: Inputs, row: pd.Series, rival: str) -> Markup:
    return Markup(". Next comes {}, <b>{}</b> below ({}; Holm-adjusted p {}). {}").format(
        rival,
        _format_distance(row),
        percent_interval(row["percent_low"], row["percent_high"]),
        _format_p(row["p_holm"]),
        _conclusion(inputs, row),
    )


def _conclusion(inputs: Inputs, row: pd.Series) -> str:
    alpha = inputs.config.evaluation.alpha
    if row["verdict"] == "equivalent":
        return f"The two are equivalent within \u00b1{percentage(inputs.config.evaluation.margin)}."
    if row["p_holm"] < alpha:
        return "The difference is significant."
    if row["p"] < alpha:
        return "Alone the difference would be significant; as one of several comparisons it is not."
    return "The two cannot be told apart with these data."


def _format_distance(row: pd.Series) -> str:
    return f"{abs(row['percent']):.1f}{NARROW}%"


def _format_p(p: float) -> str:
    text = p_value(p)
    return text if text.startswith("<") else f"= {text}"
