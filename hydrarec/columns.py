"""Every table of the benchmark: its columns, their types and meaning. `hydrarec.tables` reads and writes them.

ADR 0002 describes where the files lie. A new column is added here first. One file, however long: it is searched for
words, and tables share columns.
"""

from typing import NamedTuple

import pyarrow as pa


class _Column(NamedTuple):
    kind: pa.DataType
    meaning: str
    nullable: bool = False
    added: bool = False


def nullable(kind: pa.DataType, meaning: str) -> _Column:
    """Describe a column that may hold nulls."""
    return _Column(kind, meaning, nullable=True)


def added(kind: pa.DataType, meaning: str) -> _Column:
    """Describe a column that files of before may lack, which is read as nothing but nulls."""
    return _Column(kind, meaning, nullable=True, added=True)


def _table(**columns: tuple[pa.DataType, str] | _Column) -> pa.Schema:
    """Build a schema; a plain pair of type and meaning is a column without nulls."""
    described = {name: _Column(*column) for name, column in columns.items()}
    return pa.schema(
        pa.field(
            name,
            column.kind,
            nullable=column.nullable,
            metadata={"description": column.meaning, "added": str(column.added)},
        )
        for name, column in described.items()
    )


def may_be_absent(field: pa.Field) -> bool:
    """Tell whether older files may lack a column."""
    return field.metadata[b"added"] == b"True"


_USER = (pa.int32(), "dense user id, from 1")
_ITEM = (pa.int32(), "dense item id, from 1 (0 is padding and never occurs in a table)")
_EVENT = {
    "user": _USER,
    "item": _ITEM,
    "position": (pa.int32(), "0-based place in the user's complete sequence"),
    "timestamp": nullable(pa.int64(), "seconds since 1970; null where the source has no times"),
}
_CASE = {
    "user": _USER,
    "step": (pa.int32(), "which of the user's held-out targets, from 0; always 0 under leave-one-out"),
}
_RUN = {
    "dataset": (pa.string(), "dataset id"),
    "protocol": (pa.string(), "loo | gts"),
    "run": (pa.string(), "run id of the configuration"),
}
_GROUP = {
    "group": (pa.string(), "user group: all, or <kind>:<bucket> such as history:11-20"),
    "metric": (pa.string(), "name with cut-off, such as ndcg@10"),
}

FIRST = {"user": 1, "item": 1, "target": 1, "position": 0, "step": -1}
"""Smallest value of columns that are used as places in arrays, in every table that has them."""

INTERACTIONS = _table(**_EVENT)
ITEMS = _table(
    item=_ITEM,
    raw_item=(pa.string(), "id in the source"),
    n_interactions=(pa.int32(), "rows of the prepared data with this item"),
)
USERS = _table(
    user=_USER,
    raw_user=(pa.string(), "id in the source"),
    n_interactions=(pa.int32(), "rows of the prepared data with this user"),
)

TRAIN = INTERACTIONS
HELD_OUT = _table(
    **_EVENT,
    step=(pa.int32(), "number of the target this event is, from 0 within the user; -1: context only, not a target"),
)

RANKS = _table(
    **_CASE,
    target=(pa.int32(), "the held-out item"),
    greater=(pa.int32(), "candidates scored above the target; n_candidates if the target is cold"),
    equal=(pa.int32(), "other candidates scored the same as the target"),
    n_candidates=(pa.int32(), "items seen in training, less the user's known history where that is filtered"),
    greater_unfiltered=(pa.int32(), "like greater, with the user's history among the candidates"),
    equal_unfiltered=(pa.int32(), "like equal, with the user's history among the candidates"),
    warm=(pa.bool_(), "the target occurs in the training data"),
)
RECOMMENDATIONS = _table(
    **_CASE,
    position=(pa.int32(), "1-based place in the list"),
    item=_ITEM,
    score=(pa.float32(), "the model's score; finite, not increasing with position"),
)
CANDIDATES = _table(
    **_CASE,
    item=(pa.int32(), "drawn candidate, ascending within a case; neither the target nor a filtered item"),
)
SAMPLED = _table(
    **_CASE,
    kind=(pa.string(), "how its candidates were drawn: uniform-100 | popularity-100"),
    greater=(pa.int32(), "drawn candidates scored above the target; all of them if the target is cold"),
    equal=(pa.int32(), "drawn candidates scored the same as the target"),
)
HISTORY = _table(
    epoch=(pa.int32(), "from 1"),
    optimizer_step=(pa.int64(), "optimiser steps taken so far"),
    loss=(pa.float64(), "mean training loss per target in this epoch"),
    validation_ndcg10=(pa.float64(), "NDCG@10 on the validation targets, full ranking"),
    validation_hr10=(pa.float64(), "HR@10 on the validation targets, full ranking"),
    train_s=(pa.float64(), "cumulative training seconds, validation and set-up excluded"),
    validation_s=(pa.float64(), "cumulative validation seconds"),
    train_cpu_s=added(
        pa.float64(), "cumulative processor seconds of training, all threads together; null: not measured"
    ),
    train_j=added(pa.float64(), "cumulative joules that the GPU took while training; null: not measured"),
    load=added(pa.float64(), "load average of the machine after the epoch's training; null: not measured"),
)
CLOCKS = ["train_s", "validation_s", "train_cpu_s", "train_j", "load"]
"""Columns of a history that are never the same twice."""

METRICS = _table(
    **_RUN,
    seed=(pa.int32(), "seed of the run"),
    **_GROUP,
    value=(
        pa.float64(),
        "mean over users, expected over the orders of tied scores; for mrr of lists that were handed in the least it "
        "can be",
    ),
    optimistic=(pa.float64(), "the same with ties broken for the target"),
    pessimistic=(pa.float64(), "the same with ties broken against the target"),
    n_users=(pa.int32(), "users in the group"),
)
LEADERBOARD = _table(
    **_RUN,
    **_GROUP,
    mean=(pa.float64(), "mean over users and seeds; for mrr of lists that were handed in the least it can be"),
    low=(pa.float64(), "lower bound of the users x seeds interval"),
    high=(pa.float64(), "upper bound of the users x seeds interval"),
    standard_error=(pa.float64(), "users x seeds standard error"),
    n_users=(pa.int32(), "users"),
    n_seeds=(pa.int32(), "seeds"),
    deterministic=(pa.bool_(), "one result stands for every seed"),
    seed_deviation=added(
        pa.float64(),
        "standard deviation over seeds of the mean over users, as papers give it; says nothing of users; null with one "
        "seed",
    ),
)
_VARIANCES = {
    "variance_users": (pa.float64(), "users' part of the squared standard error; holds the residual's"),
    "variance_residual": nullable(pa.float64(), "the part of it that is users x seeds noise; null with one seed"),
    "variance_seeds": nullable(pa.float64(), "seeds' part of the squared standard error; null with one seed"),
    "variance_seed_means": nullable(
        pa.float64(),
        "variance of the seeds' means by their number: seeds' part and noise as measured; null with one seed",
    ),
    "counted_by_seeds": nullable(
        pa.float64(),
        "what interval and p take for it, the part that n_seeds - 1 degrees of freedom tell: all of it where it is "
        "above the runs' average by more than chance, else what seeds change in all runs alike; null with one seed",
    ),
    "counted_by_runs": nullable(
        pa.float64(),
        "the part that all runs together tell, no less than their average: 0 where it is above that by more than "
        "chance; null with one seed",
    ),
}
"""What makes a difference uncertain."""
COMPARISON = _table(
    **_RUN,
    reference=(pa.string(), "run id the difference is taken against"),
    metric=(
        pa.string(),
        "name with cut-off, such as ndcg@10; no mrr where run or reference was handed in as lists, whose places beyond "
        "the end are unknown",
    ),
    difference=(pa.float64(), "mean of run minus reference over users and matched seeds"),
    standard_error=(pa.float64(), "crossed users x seeds standard error"),
    low=(pa.float64(), "lower bound of the interval of the difference"),
    high=(pa.float64(), "upper bound of the interval of the difference"),
    percent=nullable(pa.float64(), "difference in per cent of the reference's mean; null if that is 0"),
    percent_low=nullable(pa.float64(), "lower bound in per cent; null like percent"),
    percent_high=nullable(pa.float64(), "upper bound in per cent; null like percent"),
    p=(pa.float64(), "two-sided p-value"),
    p_holm=(pa.float64(), "Holm-adjusted over the runs of one dataset, protocol and metric"),
    **_VARIANCES,
    equivalence_low=nullable(
        pa.float64(),
        "lower bound of the 1 - 2 alpha interval, in per cent of the reference's mean; this and the next six null if "
        "that or the run's is 0",
    ),
    equivalence_high=nullable(pa.float64(), "upper bound of that interval"),
    p_equivalent=nullable(pa.float64(), "p-value of being as far apart as the margin"),
    p_equivalent_holm=nullable(pa.float64(), "Holm-adjusted over the runs of one dataset, protocol and metric"),
    p_equivalent_tight=nullable(pa.float64(), "p-value of being as far apart as the tight margin"),
    p_not_inferior=nullable(pa.float64(), "p-value of being as far below as the margin, or further"),
    attained_margin=nullable(pa.float64(), "smallest margin at which both would be equivalent, in per cent"),
    verdict=(pa.string(), "superior | equivalent | inferior | inconclusive, from Holm-adjusted p-values"),
    wins=(pa.float64(), "share of users for whom the run's mean over seeds is higher"),
    ties=(pa.float64(), "share for whom it is the same"),
    losses=(pa.float64(), "share for whom it is lower"),
    seed_wins=nullable(
        pa.float64(),
        "share of matched seeds with which the run is ahead, ties counted half; null like the next two if neither run "
        "depends on a seed",
    ),
    seed_wins_low=nullable(pa.float64(), "lower bound of its exact binomial interval"),
    seed_wins_high=nullable(pa.float64(), "upper bound of its exact binomial interval"),
    n_users=(pa.int32(), "users"),
    n_seeds=(pa.int32(), "matched seeds; 1 if neither run depends on one"),
)
PAIRS = _table(
    **_RUN,
    other=(pa.string(), "run id that the run is compared with"),
    metric=(pa.string(), "name with cut-off, such as ndcg@10"),
    difference=(pa.float64(), "mean of run minus other over users and matched seeds"),
    percent=nullable(pa.float64(), "difference in per cent of the other's mean; null if that is 0"),
    standard_error=(pa.float64(), "crossed users x seeds standard error"),
    low=(pa.float64(), "lower bound of the interval of the difference"),
    high=(pa.float64(), "upper bound of the interval of the difference"),
    p=(pa.float64(), "two-sided p-value over users and seeds"),
    p_holm=(pa.float64(), "Holm-adjusted over all pairs of one dataset, protocol and metric: about methods"),
    p_max_t=(pa.float64(), "adjusted likewise by step-down max-T over sign flips of users: about these weights"),
    **_VARIANCES,
    ratio_variance_users=(pa.float64(), "variance_users of the logarithm of the means' ratio"),
    ratio_variance_residual=nullable(pa.float64(), "variance_residual of it; null with one seed"),
    ratio_variance_seed_means=nullable(pa.float64(), "variance_seed_means of it; null with one seed"),
    ratio_counted_by_seeds=nullable(pa.float64(), "counted_by_seeds of it; null with one seed"),
    ratio_counted_by_runs=nullable(pa.float64(), "counted_by_runs of it; null with one seed"),
    n_users=(pa.int32(), "users"),
    n_seeds=(pa.int32(), "seeds"),
    runs_df=(pa.float64(), "degrees of freedom of counted_by_runs"),
    ratio_runs_df=(pa.float64(), "degrees of freedom of ratio_counted_by_runs"),
)
PLACES = _table(
    **_RUN,
    metric=(pa.string(), "name with cut-off, such as ndcg@10"),
    best=(pa.int32(), "best place the run may have, from 1; all places are covered at once, by p_holm of the pairs"),
    worst=(pa.int32(), "worst place it may have"),
)
VERDICTS = _table(
    claim=(pa.string(), "id in the file of hypotheses"),
    dataset=nullable(pa.string(), "dataset id; null for a claim about operators alone"),
    protocol=nullable(pa.string(), "loo | gts; null likewise"),
    device=nullable(pa.string(), "device of the measurement; null for a claim about runs"),
    run=(pa.string(), "run id, or operator"),
    against=nullable(pa.string(), "run id that it is held against; null if against bounds"),
    measure=(pa.string(), "metric, time, or exponent"),
    verdict=(pa.string(), "superior | equivalent | inferior | inconclusive | not decidable"),
    estimate=nullable(pa.float64(), "difference in per cent, ratio of times, or exponent; null if not decidable"),
    low=nullable(pa.float64(), "lower bound of its interval; null likewise"),
    high=nullable(pa.float64(), "upper bound; null likewise"),
    p=nullable(pa.float64(), "one-sided p-value of the claim here; null where an interval decides"),
    p_holm=added(
        pa.float64(),
        "the claim's largest p here, Holm-adjusted over the confirmatory claims of this dataset and protocol; of an "
        "exploratory claim as it is; null if nothing could be decided here, or an interval decides",
    ),
    detectable=added(
        pa.float64(),
        "per cent of the comparator's mean: smallest true difference that would have been found here with a power of "
        "80 %; for equivalence the smallest margin, had there been no difference; null for other kinds of claims",
    ),
    holds=(pa.bool_(), "whether the claim holds here, at the unadjusted level"),
    refutes=(pa.bool_(), "whether this speaks against the claim by its refutation rule"),
    remark=added(pa.string(), "what a reader must know where it holds, such as a run that beats both; null if nothing"),
    sentence=(pa.string(), "the same in words"),
)
CLAIMS = _table(
    claim=(pa.string(), "id in the file of hypotheses"),
    statement=(pa.string(), "what is claimed"),
    kind=(pa.string(), "kind of claim"),
    family=(pa.string(), "confirmatory | exploratory"),
    verdict=(pa.string(), "supported | refuted | not decided | not decidable"),
    p=nullable(
        pa.float64(), "p-value of holding in fewer places than needed; null where intervals decide, or not decidable"
    ),
    p_holm=nullable(pa.float64(), "Holm-adjusted over the confirmatory claims; null likewise"),
    holding=(pa.int32(), "places (datasets, or devices) in which it holds"),
    needed=(pa.int32(), "places in which it must hold"),
    places=(pa.int32(), "places in which it could be decided"),
    sentence=(pa.string(), "why this is the verdict"),
    registered=(pa.string(), "day on which the hypotheses were fixed"),
    sha256=(pa.string(), "of the file of hypotheses"),
    published_sha256=added(pa.string(), "of the file of published numbers that it names; null if it names none"),
)
SENSITIVITY = _table(
    **_RUN,
    variant=(pa.string(), "how it was measured: full, unfiltered, warm, optimistic, … (hydrarec/analyses)"),
    metric=(pa.string(), "name with cut-off, such as ndcg@10"),
    value=nullable(pa.float64(), "mean over users and seeds; null where the run's files cannot say"),
    why=nullable(pa.string(), "why there is no value; null if there is one"),
    tie_deviation=added(
        pa.float64(),
        "standard deviation that the value would have if equal scores were put in a random order, for each target on "
        "its own; null in other variants than full",
    ),
    n_users=(pa.int32(), "users"),
    n_seeds=(pa.int32(), "seeds"),
)
AGREEMENT = _table(
    dataset=(pa.string(), "dataset id"),
    protocol=(pa.string(), "loo | gts"),
    variant=(
        pa.string(),
        "what full is held against: a variant; gts, full under that protocol; a dataset with another order of ties",
    ),
    metric=(pa.string(), "name with cut-off, such as ndcg@10"),
    n_runs=(pa.int32(), "runs with a value in both, controls left out"),
    tau=nullable(pa.float64(), "Kendall's tau-b; null where fewer than two different values leave it undefined"),
    pairs=(pa.int32(), "pairs of runs"),
    discordant=(pa.int32(), "pairs that the two put the other way round"),
    largest_move=(pa.float64(), "most places that a run is further up or down; halves where runs are level"),
    moved=nullable(pa.string(), "the first run that moves so far; null if none moves"),
)
ORDERS = _table(
    **_RUN,
    reference=(pa.string(), "run id the difference is taken against"),
    metric=(pa.string(), "name with cut-off, such as ndcg@10"),
    difference=(
        pa.float64(),
        "mean of run minus reference over users and seeds, ties in the order of the file",
    ),
    mean=(pa.float64(), "the same, averaged over the random orders of ties"),
    lowest=(pa.float64(), "lowest of the random orders"),
    highest=(pa.float64(), "highest of the random orders"),
    deviation=(pa.float64(), "standard deviation of the random orders; holds what users and seeds contribute"),
    deviation_low=(pa.float64(), "lower bound of its interval"),
    deviation_high=(pa.float64(), "upper bound of its interval"),
    p_file=(pa.float64(), "two-sided p-value of the order of the file being one like the random ones"),
    variance_orders=(
        pa.float64(),
        "what another order of ties adds to the squared standard error, free of users and seeds; with one seed the "
        "interaction of orders and seeds is in it",
    ),
    n_orders=(pa.int32(), "random orders"),
    n_users=(pa.int32(), "users"),
    n_seeds=(pa.int32(), "matched seeds; 1 if neither run depends on one"),
)
BEYOND = _table(
    dataset=(pa.string(), "dataset id"),
    protocol=(pa.string(), "loo | gts"),
    run=(pa.string(), "run id; empty: the users' own histories"),
    measure=(pa.string(), "coverage@k | gini@k | novelty@k | popularity@k | popularity_lift@k | popularity"),
    value=nullable(pa.float64(), "mean over seeds; null where it is undefined"),
    low=nullable(
        pa.float64(), "lower bound of the interval over users, given these trained weights; null with one user"
    ),
    high=nullable(pa.float64(), "upper bound of the interval; null likewise"),
    seeds_low=nullable(pa.float64(), "lowest of the seeds; null with one seed"),
    seeds_high=nullable(pa.float64(), "highest of the seeds; null with one seed"),
    n_users=(pa.int32(), "users"),
    n_seeds=(pa.int32(), "seeds"),
)
TIMES = _table(
    **_RUN,
    seed=(pa.int32(), "seed of the run"),
    device=(pa.string(), "cpu, or the GPU's name"),
    host=(pa.string(), "host name"),
    epochs=(pa.int32(), "epochs trained; 0 for baselines that are not trained in epochs"),
    best_epoch=(pa.int32(), "epoch whose weights were kept"),
    converged=(pa.bool_(), "stopped by patience and not by the limit of epochs"),
    parameters=(pa.int64(), "trainable parameters"),
    runs_per_gpu=(pa.int32(), "trainings that shared the GPU"),
    setup_s=nullable(
        pa.float64(), "reading data and building the model; this and the next four null if the GPU was shared"
    ),
    train_s=nullable(pa.float64(), "all training seconds, validation excluded"),
    epoch_s=nullable(pa.float64(), "median training seconds of an epoch"),
    train_to_best_s=nullable(pa.float64(), "training seconds up to the best epoch"),
    validation_s=nullable(pa.float64(), "all validation seconds"),
    infer_ms_per_user=(pa.float64(), "ranking the test targets: encoding, scoring and counting"),
    peak_memory_mib=(pa.float64(), "peak resident memory of the training process"),
    peak_gpu_mib=nullable(pa.float64(), "peak allocated GPU memory; null on a CPU"),
    threads=added(pa.int32(), "CPU threads; this and all that follow null where nobody measured it"),
    cpu_cores=added(pa.int32(), "cores of the machine"),
    train_cpu_s=added(
        pa.float64(),
        "processor seconds of training, all its threads; also null if the GPU was shared",
    ),
    epoch_cpu_s=added(pa.float64(), "median processor seconds of an epoch's training; null likewise"),
    train_to_best_cpu_s=added(pa.float64(), "processor seconds of training up to the best epoch; null likewise"),
    validation_cpu_s=added(pa.float64(), "processor seconds of validation; null likewise"),
    busy_share=added(pa.float64(), "train_cpu_s / (train_s x threads); null on a GPU"),
    load=added(pa.float64(), "load average of the machine while training"),
    contention=added(pa.string(), "by what signs the training's machine was shared; null: by none, or not known"),
    infer_threads=added(pa.int32(), "CPU threads of ranking the test targets"),
    infer_cpu_ms_per_user=added(pa.float64(), "processor time of ranking a test target"),
    infer_contention=added(pa.string(), "by what signs the machine was shared while ranking; null likewise"),
    train_j=added(pa.float64(), "joules that the GPU took while training; also null if the GPU was shared"),
    validation_j=added(pa.float64(), "joules that the GPU took while validating; null likewise"),
    test_j=added(pa.float64(), "joules that the GPU took while ranking the test targets"),
)
RUNS = _table(
    **_RUN,
    seed=(pa.int32(), "seed of the run"),
    status=(pa.string(), "finished | failed | running | missing"),
    epochs=nullable(pa.int32(), "epochs trained so far; null if none is known, or for baselines"),
    said=nullable(
        pa.string(),
        "last lines of its log, or why its results do not count; null if finished or if there is none",
    ),
)
BENCH = _table(
    bench=(pa.string(), "benchmark, a file of hydrarec/bench"),
    case=(pa.string(), "data and sizes"),
    subject=(pa.string(), "what was timed"),
    round=(pa.int32(), "round, from 0; all subjects of a case are timed in each"),
    place=(pa.int32(), "place in the round's random order, from 0"),
    wall_s=(pa.float64(), "seconds of a repetition by the wall clock"),
    cpu_s=(pa.float64(), "processor seconds of a repetition, all threads together"),
    units=(pa.float64(), "units of work in the repetition; the unit stands in machine.json"),
    load=nullable(pa.float64(), "load average of the machine before the repetition; null where it has none"),
)
_PIECE = {
    "part": (pa.string(), "operators | blocks | steps | inference"),
    "subject": (pa.string(), "operator with its settings, or run id"),
    "layout": (pa.string(), "what is around the operator: alone, a block layout, or model@dataset"),
    "form": (pa.string(), "causal | bidirectional"),
    "work": (pa.string(), "forward | training: forward and backward"),
    "axis": (pa.string(), "what is varied: length | width | nothing"),
    "length": (pa.int32(), "positions T"),
    "width": (pa.int32(), "features D"),
}
EFFICIENCY_WORK = _table(
    **_PIECE,
    against=nullable(pa.string(), "subject that its speed is compared with; null if it is that one, or there is none"),
    units=(pa.float64(), "sequences (operators, blocks), steps or users in a repetition"),
    matmul_flops=nullable(pa.float64(), "operations of a unit's matrix products; null where they are not counted"),
    other_flops=nullable(pa.float64(), "other arithmetic operations of a unit; null likewise"),
    mixing_flops=nullable(pa.float64(), "operations of a unit that mix positions, of either sort; null likewise"),
    nbytes=nullable(pa.float64(), "bytes that a unit of an operator reads and writes at least; null elsewhere"),
    peak_mib=nullable(
        pa.float64(),
        "peak memory of a repetition with its inputs, of a process of its own or allocated on a GPU; null if skipped",
    ),
    skipped=nullable(pa.string(), "why it was not timed; null if it was"),
)
EFFICIENCY_TIMES = _table(
    **_PIECE,
    round=(pa.int32(), "round, from 0; everything of a part is timed in each"),
    place=(pa.int32(), "place in the round's random order, from 0"),
    wall_s=(pa.float64(), "seconds of a repetition by the wall clock"),
    cpu_s=(pa.float64(), "processor seconds of a repetition, all threads together"),
    units=(pa.float64(), "units in the repetition"),
    load=nullable(pa.float64(), "load average of the machine before the repetition; null where it has none"),
)
_SERIES = {name: _PIECE[name] for name in ("part", "subject", "layout", "form", "work")}
SCALING = _table(
    **_SERIES,
    axis=(pa.string(), "what is varied: length | width"),
    measure=(pa.string(), "time | memory, of one sequence"),
    exponent=(pa.float64(), "p of a + b n^p; 0 where costs do not grow between the sizes"),
    low=nullable(pa.float64(), "lower bound of the interval over rounds; null for memory, which is measured once"),
    high=nullable(pa.float64(), "upper bound of the interval; null likewise"),
    coverage=(pa.float64(), "what the interval covers"),
    offset=(pa.float64(), "a, in seconds or MiB; below 0 where noise or a flattening curve takes it there"),
    factor=(pa.float64(), "b, in seconds or MiB"),
    smallest=(pa.int32(), "smallest size fitted"),
    largest=(pa.int32(), "largest size fitted"),
    last_slope=(pa.float64(), "slope between the two largest sizes on logarithmic axes"),
    n_sizes=(pa.int32(), "sizes fitted"),
    n_rounds=(pa.int32(), "rounds"),
)
EFFICIENCY_SPEED = _table(
    **_PIECE,
    clock=(pa.string(), "cpu_s on a CPU with one thread, else wall_s"),
    unit_s=(pa.float64(), "median seconds of a unit: sequence, step or user"),
    unit_mib=(pa.float64(), "peak memory of a repetition; of operators and blocks, by its sequences"),
    flops=nullable(pa.float64(), "operations of a unit, of either sort; null where they are not counted"),
    against=nullable(pa.string(), "subject that it is compared with; null if it is that one, or there is none"),
    speedup=nullable(pa.float64(), "that subject's seconds over this one's, median over rounds; null likewise"),
    low=nullable(pa.float64(), "lower bound of the 95 % interval over rounds; null likewise"),
    high=nullable(pa.float64(), "upper bound of the interval; null likewise"),
    counted_bound=nullable(
        pa.float64(), "speed-up if that subject's operations that mix cost nothing; null if not counted"
    ),
    measured_bound=nullable(
        pa.float64(), "speed-up of what does not mix, timed in the same rounds; null if there is none"
    ),
    n_rounds=(pa.int32(), "rounds"),
)
