"""Checks that come before any claim: controls score as theory says, runs are fit to be compared."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hydrarec.columns import HELD_OUT, LEADERBOARD, METRICS, TIMES, TRAIN
from hydrarec.comparison.cases import read_evaluation_cases, read_ranks
from hydrarec.comparison.gate import Gate, Status
from hydrarec.comparison.measures import case_values, metric_names
from hydrarec.comparison.origin import origin_gates
from hydrarec.comparison.runs import Finished
from hydrarec.config import BenchmarkConfig
from hydrarec.config.runs import BaselineRun, TrainedRun
from hydrarec.files import read_json, write_json
from hydrarec.formatting import metric_title
from hydrarec.layout import PARTS
from hydrarec.metrics import gains
from hydrarec.tables import read_table

Runs = list[TrainedRun | BaselineRun]
"""Those that are finished on a dataset under a protocol."""

MAX_STANDARD_ERRORS = 4.0
"""How far a random scorer may be from chance."""
MAX_TIED_TARGETS = 0.05
"""Share of the test targets that may share their second with the interaction before."""
MAX_TIE_GAP = 0.01
"""How much of a neural run's primary metric may hang on the order of tied scores."""
FLOORS = ("popularity", "itemknn", "markov", "markov_smoothed")
"""Baselines that a neural run should not be below."""


def check_gates(config: BenchmarkConfig, scopes: Sequence[Finished], comparison: Path) -> list[Gate]:
    """Check controls and runs, and write `gates.json` beside the tables.

    Parameters
    ----------
    config
        The comparison.
    scopes
        The runs of every dataset and protocol.
    comparison
        Folder of the tables that `collect` wrote.

    Returns
    -------
    list of Gate
        Every outcome, green ones included.
    """
    metrics = read_table(comparison / "metrics.parquet", METRICS)
    leaders = read_table(comparison / "leaderboard.parquet", LEADERBOARD)
    times = read_table(comparison / "times.parquet", TIMES)
    gates: list[Gate] = list(_missing_runs(config, scopes))
    for finished in scopes:
        if not finished.runs:
            continue
        runs = [config.run(run) for run in finished.runs]
        here = [_rows_within(table, finished) for table in (metrics, leaders, times)]
        found = [*_controls(finished, runs, here[0]), *_order(finished), *_runs(config, runs, *here)]
        gates += [dataclasses.replace(gate, dataset=finished.dataset, protocol=finished.protocol) for gate in found]
    gates += origin_gates(config, [one for finished in scopes for one in finished.everything])
    write_json(comparison / "gates.json", [dataclasses.asdict(gate) for gate in gates])
    return gates


def read_gates(comparison: Path) -> list[Gate]:
    """Read what `check_gates` wrote."""
    return [Gate(**entry) for entry in read_json(comparison / "gates.json")]


def _rows_within(table: pd.DataFrame, finished: Finished) -> pd.DataFrame:
    return table[(table["dataset"] == finished.dataset) & (table["protocol"] == finished.protocol)]


def _missing_runs(config: BenchmarkConfig, scopes: Sequence[Finished]) -> Iterator[Gate]:
    """Say of every dataset and protocol what is not there; nothing where all is."""
    for finished in scopes:
        absent = [run for run in config.run_ids if run not in finished.runs]
        if not absent:
            continue
        sentence = (
            f"{len(absent)} of {len(config.run_ids)} runs are not finished: {', '.join(map(config.label, absent))}."
        )
        if config.evaluation.reference in absent:
            sentence += " The reference is among them, so nothing is compared with it here."
        yield Gate("complete", "", finished.dataset, finished.protocol, "amber", sentence)


def _controls(finished: Finished, runs: Runs, metrics: pd.DataFrame) -> Iterator[Gate]:
    config = finished.config
    declared, baselines = ([run for run in of if isinstance(run, BaselineRun)] for of in (config.all_runs, runs))
    for kind in ("oracle", "random"):
        if not any(run.control == kind for run in baselines):
            known = [run.id for run in declared if run.control == kind]
            why = (
                f"The {kind} control {config.label(known[0])} is not finished"
                if known
                else f"No run is declared as the {kind} control"
            )
            yield Gate.of_run(kind, "", "amber", f"{why}, so it was not checked.")
    for run in baselines:
        if run.control == "oracle":
            yield _oracle_control(run.id, metrics)
        elif run.control == "random":
            yield _random_control(finished, run.id)
    floor = [run.id for run in baselines if run.baseline == "popularity"]
    present = (
        f"{config.label(floor[0])} is there as the floor." if floor else "There is no popularity baseline to stand on."
    )
    yield Gate.of_run("popularity", floor[0] if floor else "", "green" if floor else "amber", present)


def _oracle_control(run: str, metrics: pd.DataFrame) -> Gate:
    values = metrics[(metrics["run"] == run) & (metrics["group"] == "warm")]
    if values["pessimistic"].isna().all():
        sentence = "No test target is warm, so that knowing the targets could show nothing: it was not checked."
        return Gate.of_run("oracle", run, "amber", sentence, True)
    worst = float(values["pessimistic"].min())
    if worst == 1:
        everywhere = metrics[(metrics["run"] == run) & (metrics["group"] == "all")]
        # A cold target is a miss for every run, whatever it knows.
        among = "" if everywhere["pessimistic"].min() == 1 else " on warm targets"
        return Gate.of_run("oracle", run, "green", f"Knowing the targets gives exactly 1 in every metric{among}.", True)
    name = metric_title(values.loc[values["pessimistic"].idxmin(), "metric"])
    return Gate.of_run(
        "oracle", run, "red", f"Knowing the targets gives {name} = {worst:.6f} on warm targets, not 1.", True
    )


def _random_control(finished: Finished, run: str) -> Gate:
    """Hold a random scorer to chance: the target of a case is equally likely to have each of its n ranks."""
    evaluation, cases = finished.config.evaluation, read_evaluation_cases(finished)
    cutoffs, k = evaluation.cutoffs, evaluation.primary_cutoff
    ranks = [read_ranks(one.folder / "ranks.parquet", cases) for one in finished.seeds_of(run)]
    values = np.mean([case_values(one, cutoffs) for one in ranks], axis=0)
    everyone = cases.groups[0]
    warm = cases.frame["warm"].to_numpy()
    # A user who has met every item has no candidates, and a cold target no rank among them.
    n = np.where(warm, cases.frame["n_candidates"].to_numpy(), 1)
    shares = np.diff(everyone.starts, append=len(n))
    weights = np.repeat(1 / (shares * everyone.n_users), shares)
    sentences: list[str] = []
    worst = 0.0
    for metric, worth in ((f"hr@{k}", gains("hr", k)), (f"ndcg@{k}", gains("ndcg", k))):
        reachable = np.minimum(n, k)
        chance = warm * np.cumsum(worth)[reachable - 1] / n
        spread = warm * np.cumsum(worth**2)[reachable - 1] / n - chance**2
        expected, error = float(weights @ chance), float(np.sqrt(weights**2 @ spread / len(ranks)))
        found = float(weights @ values[:, metric_names(cutoffs).index(metric)])
        distance = abs(found - expected) / error if error else 0.0 if np.isclose(found, expected) else np.inf
        # What is not a number stays, and is not green.
        worst = float(np.maximum(worst, distance))
        sentences.append(
            f"{metric_title(metric)} is {found:.5f} where chance is {expected:.5f} ({distance:.1f} standard errors)"
        )
    status: Status = "green" if worst <= MAX_STANDARD_ERRORS else "red"
    return Gate.of_run("random", run, status, "; ".join(sentences) + ".", True)


def _order(finished: Finished) -> Iterator[Gate]:
    """Say how many test targets hang on the order of equal times; nothing where there are no times."""
    targets = _times_of_targets(finished.split)
    if targets.isna().to_numpy().any():
        return
    share = float((targets["timestamp"] == targets["before"]).mean())
    decides = "the order of the file" if finished.config.dataset(finished.dataset).tie_order is None else "chance"
    sentence = f"{100 * share:.3g} % of the test targets share their second with their user's interaction before"
    sentence += f", so that {decides} decides which of the two is asked for." if share else "."
    yield Gate.of_run("order", "", "green" if share <= MAX_TIED_TARGETS else "amber", sentence)


def _times_of_targets(split: Path) -> pd.DataFrame:
    """Return the time of every test target, and that of its user's interaction `before`."""
    columns = ["user", "position", "timestamp"]
    # The parts stand by user and position. Of what was trained on, only each user's last can come before a target.
    trained_on = read_table(split / "train.parquet", TRAIN, columns).drop_duplicates("user", keep="last")
    held_out = [read_table(split / f"{part}.parquet", HELD_OUT, [*columns, "step"]) for part in PARTS[1:]]
    is_target = [np.zeros(len(trained_on) + len(held_out[0]), dtype=bool), held_out[1]["step"] >= 0]
    events = pd.concat([trained_on, *held_out], ignore_index=True).assign(target=np.concatenate(is_target))
    events = events.sort_values(["user", "position"])
    return events.assign(before=events["timestamp"].shift()).loc[events["target"], ["timestamp", "before"]]


def _runs(
    config: BenchmarkConfig, runs: Runs, metrics: pd.DataFrame, leaders: pd.DataFrame, times: pd.DataFrame
) -> Iterator[Gate]:
    metric = config.evaluation.primary_metric
    metrics = metrics[(metrics["group"] == "all") & (metrics["metric"] == metric)]
    means = leaders[(leaders["group"] == "all") & (leaders["metric"] == metric)].set_index("run")["mean"]
    for run in runs:
        if isinstance(run, TrainedRun):
            yield _ties(run.id, metrics[metrics["run"] == run.id])
            yield _floors(config, runs, run.id, means, metric)
            yield _convergence(run.id, times[times["run"] == run.id])
        own = times[times["run"] == run.id]
        if (own["epochs"] > 0).any():
            yield _own_machine(run.id, own)


def _ties(run: str, values: pd.DataFrame) -> Gate:
    expected = values["value"].mean()
    gap = float((values["optimistic"] - values["pessimistic"]).mean() / expected) if expected else 0.0
    status: Status = "green" if gap <= MAX_TIE_GAP else "red"
    name = metric_title(values["metric"].iloc[0])
    return Gate.of_run("ties", run, status, f"The order of tied scores moves {name} by {100 * gap:.3f} %.")


def _floors(config: BenchmarkConfig, runs: Runs, run: str, means: "pd.Series[float]", metric: str) -> Gate:
    floors = [r.id for r in runs if isinstance(r, BaselineRun) and r.baseline in FLOORS]
    name = metric_title(metric)
    above = [f"{config.label(floor)} ({means[floor]:.4f})" for floor in floors if means[floor] > means[run]]
    if above:
        return Gate.of_run("floor", run, "amber", f"Its {name} of {means[run]:.4f} is below {' and '.join(above)}.")
    against = (
        " and ".join(map(config.label, floors)) if floors else f"no baseline: none of {', '.join(FLOORS)} is there"
    )
    return Gate.of_run("floor", run, "green" if floors else "amber", f"Its {name} is not below {against}.")


def _convergence(run: str, times: pd.DataFrame) -> Gate:
    cut = times.loc[~times["converged"], "seed"].tolist()
    if cut:
        seeds = ", ".join(map(str, cut))
        return Gate.of_run(
            "converged", run, "amber", f"Training ended at the last allowed epoch, not by patience: seed {seeds}."
        )
    return Gate.of_run("converged", run, "green", "Training ended by patience with every seed.")


def _own_machine(run: str, times: pd.DataFrame) -> Gate:
    """Say whether the training's times are its own; accuracy does not depend on who else is there."""
    shared = times[times["contention"].notna()]
    if len(shared):
        seeds = "; ".join(f"seed {row.seed} ({row.contention})" for row in shared.itertuples())
        said = f"Others were on the machine while it trained, so its seconds by the clock are not its own: {seeds}."
        return Gate.of_run("machine", run, "amber", said)
    unknown = times.loc[times["load"].isna() & times["train_cpu_s"].isna(), "seed"].tolist()
    if unknown:
        seeds = ", ".join(map(str, unknown))
        said = f"Whether it had the machine to itself was not recorded: seed {seeds}. Its times may hold waiting."
        return Gate.of_run("machine", run, "amber", said)
    loads = times["load"].dropna()
    busy = times["busy_share"].dropna()
    signs = [f"load {loads.max():.1f} at most"] if len(loads) else []
    signs += [f"busy {100 * busy.min():.0f} % of its threads' time at least"] if len(busy) else []
    return Gate.of_run("machine", run, "green", f"The machine was its own while it trained: {', '.join(signs)}.")
