# What the configuration asks for, in the words of rules. No other rule file defines functions.
import hashlib
import json
import os
import re
import shlex
from functools import partial
from pathlib import Path

from snakemake.utils import update_config

from hydrarec.cluster import refuse_orphans
from hydrarec.config import ConfigError, load
from hydrarec.config.claims_file import claims_file
from hydrarec.config.hypotheses import load_hypotheses
from hydrarec.config.measured import measured, summarised
from hydrarec.config.runs import BaselineRun, TrainedRun
from hydrarec.layout import raw_file
from hydrarec.formatting import several

BASELINES = sorted(
    path.stem
    for path in Path(workflow.basedir, "workflow/rules/baselines").glob("*.smk")
)


def place_in_files():
    """Return what says where a value stands in the files of the configuration; none where they are not all there is."""
    # Who plans has checked what it hands to jobs.
    if not workflow.is_main_process:
        return None
    from hydrarec.config.yaml_file import place_among, read_yaml

    # Snakemake has read them too, but keeps no lines, and of keys that stand twice the last.
    paths = [Path(path) for path in workflow.configfiles]
    files = [read_yaml(path) for path in paths if path.suffix != ".json"]
    together = {}
    for file in files:
        update_config(together, file.values)
    # Values of --config, of a template or of JSON stand in no line.
    return partial(place_among, files) if together == config else None


PLACE = place_in_files()


def refuse_edited_files():
    """Stop a job whose configuration is not that of who planned it: it reads the files anew, maybe days later."""
    variable = "HYDRAREC_CONFIGURATION"
    # What was read and not the files: other comments change nothing, and values of --config are handed to jobs too.
    digest = hashlib.sha256(repr(config).encode()).hexdigest()
    if workflow.is_main_process:
        # Jobs inherit it; one that starts a Snakemake itself is its main process, and no longer bound to it.
        os.environ[variable] = digest
    elif os.environ.get(variable, digest) != digest:
        files = " or ".join(map(str, workflow.configfiles))
        raise WorkflowError(
            f"{files} was edited since Snakemake started; put it back, or stop Snakemake and start it again"
        )


refuse_edited_files()
try:
    BENCHMARK = load(config, BASELINES, PLACE)
except ConfigError as error:
    # A traceback through Snakemake would hide the one line that matters.
    raise WorkflowError(str(error)) from None

# Steps over all runs are handed the configuration as one argument, and Linux takes no longer one. Else everything would be
# trained before that is noticed.
LONGEST_ARGUMENT = 2**17 - 1
if (n_bytes := len(json.dumps(config).encode())) >= LONGEST_ARGUMENT:
    raise WorkflowError(
        f"the configuration has {n_bytes:,} bytes as JSON; allowed: less than {LONGEST_ARGUMENT:,}. Write runs as a grid, or "
        "make several comparisons; they share results"
    )


HYPOTHESES_FILE = claims_file(BENCHMARK, Path(workflow.basedir))
PUBLISHED_FILE = None
if HYPOTHESES_FILE:
    try:
        # Before any job runs, as the configuration itself.
        PUBLISHED_FILE = load_hypotheses(HYPOTHESES_FILE).published_file(
            HYPOTHESES_FILE
        )
    except ConfigError as error:
        raise WorkflowError(str(error)) from None


def warn_of_claims():
    """Say, once, what claims ask for that this comparison does not have; a file of claims may serve several."""
    # Who plans has said it.
    if HYPOTHESES_FILE is None or not workflow.is_main_process:
        return
    from hydrarec.config.claims_file import unmet
    from snakemake.logging import logger

    if found := unmet(HYPOTHESES_FILE, BENCHMARK):
        others = (
            f"\n{several(len(found) - 1, 'more remark')}: hydrarec check lists them."
            if found[1:]
            else ""
        )
        logger.warning(f"{found[0]}{others}")


warn_of_claims()


def warn_of_other_settings():
    """Say, once, which data and results of other settings are made anew, and which stay for want of records."""
    if not workflow.is_main_process:
        return
    from hydrarec.plan import of_other_settings
    from snakemake.logging import logger

    def listed(found):
        more = f"\n  and {len(found) - 3} more" if found[3:] else ""
        return "\n".join(f"  {why}" for why in found[:3]) + more

    replaced, unseen = of_other_settings(BENCHMARK, Path())
    if replaced:
        logger.warning(
            f"{several(len(replaced), 'result')} of other settings than the configuration's will be gone: what is asked for of "
            "them is computed anew in the same place. To keep them, call the run or data set otherwise, or work in another "
            f"folder (--directory):\n{listed(replaced)}"
        )
    if unseen:
        logger.warning(
            f"Snakemake has no records of {several(len(unseen), 'result')} of other settings than the configuration's and "
            "repeats none for that. Where nothing else is said, delete the folder of each file and start again with "
            f"--forcerun collect:\n{listed(unseen)}"
        )


warn_of_other_settings()


# What the rule of a baseline leaves behind.
RUN_FILES = multiext(
    "results/runs/{dataset}/{protocol}/{run}/seed-{seed}/",
    "ranks.parquet",
    "recommendations.parquet",
    "timing.json",
    "inference.json",
    "manifest.json",
)

# Of a report by itself: what is measured is the comparison as a whole, in the same rounds.
EFFICIENCY = f"results/efficiency/{BENCHMARK.report}"

# What targets are ranked among besides the whole catalogue, and what comes of it; nothing unless it is asked for.
CANDIDATES = [
    f"results/data/{{dataset}}/{{protocol}}/candidates-{kind}.parquet"
    for kind in BENCHMARK.evaluation.sampled
]
SAMPLED = (
    ["results/runs/{dataset}/{protocol}/{run}/seed-{seed}/sampled.parquet"]
    if CANDIDATES
    else []
)


wildcard_constraints:
    dataset="|".join(re.escape(dataset.id) for dataset in BENCHMARK.datasets),
    protocol="|".join(BENCHMARK.protocols),
    source="[0-9a-f]{16}",
    seed="|".join(map(str, BENCHMARK.seeds)),
    device="auto|cpu|cuda",
    part="operators|blocks|steps|inference",
    kind="uniform-100|popularity-100",


def one_of(ids):
    """Return the pattern that matches exactly these ids, and nothing if there are none."""
    return "|".join(map(re.escape, ids)) or r"(?!)"


def trained_runs():
    """Return the pattern of the runs that this package trains."""
    return one_of(run.id for run in BENCHMARK.all_runs if isinstance(run, TrainedRun))


def runs_of(baseline):
    """Return the pattern of the runs that a baseline's rule computes."""
    runs = (run for run in BENCHMARK.all_runs if isinstance(run, BaselineRun))
    return one_of(run.id for run in runs if run.baseline == baseline)


def baseline_of(wildcards):
    """Return the name of a run's baseline."""
    return BENCHMARK.run(wildcards.run).baseline


def options_of(wildcards):
    """Return a baseline run's options as JSON; in which order they are written changes nothing."""
    return json.dumps(BENCHMARK.run(wildcards.run).options, sort_keys=True)


def settings_of(wildcards):
    """Return a trained run's complete settings as JSON: whatever changes them repeats the run, and nothing else does."""
    return BENCHMARK.settings(wildcards.run, wildcards.dataset).model_dump_json()


def comparison_of(wildcards):
    """Return the configuration as JSON, less where data may be had: from anywhere they are the same.

    A function, because Snakemake takes braces in a text of a parameter for wildcards.
    """
    return json.dumps({key: value for key, value in config.items() if key != "mirror"})


# Of parameters whose functions take `output`, Snakemake keeps no record: other ones repeat nothing.


def dataset_of(wildcards, output):
    """Return a dataset's definition as JSON."""
    return BENCHMARK.dataset(wildcards.dataset).model_dump_json()


def content_of(wildcards):
    """Return what decides a dataset's interactions as JSON: neither what it is called, nor where it can be had."""
    return BENCHMARK.dataset(wildcards.dataset).content_json()


def downloaded(dataset):
    """Return a dataset's downloaded file; none for one that is generated."""
    source = dataset.source
    return str(raw_file(Path("results"), source.sha256, source.file)) if source else []


def raw_file_of(wildcards):
    """Return the downloaded file of the dataset of a rule."""
    return downloaded(BENCHMARK.dataset(wildcards.dataset))


def dataset_from(wildcards, output):
    """Return, as JSON, the first dataset that is made of a downloaded file; others may be too."""
    return next(
        dataset for dataset in BENCHMARK.datasets if downloaded(dataset) == output[0]
    ).model_dump_json()


def mirror_option(wildcards, output):
    """Return the command-line option that names the mirror, if there is one; the same bytes come from anywhere."""
    return f"--mirror {shlex.quote(BENCHMARK.mirror)}" if BENCHMARK.mirror else ""


def raw_option(wildcards, input):
    """Return the command-line option that hands over the downloaded file, if there is one."""
    return f"--raw {shlex.quote(str(input.raw))}" if input.raw else ""


def candidates_option(wildcards, input):
    """Return the command-line options that hand over drawn candidates, if there are any."""
    return " ".join(f"--candidates {path}" for path in input.candidates)


def gpus_of(wildcards):
    """Return how many GPUs a trained run needs: one, unless its settings keep it on the CPU."""
    return int(
        BENCHMARK.settings(wildcards.run, wildcards.dataset).training.device != "cpu"
    )


def gpus_of_baseline(wildcards):
    """Return how many GPUs a baseline of another library needs: one, unless its options keep it on the CPU."""
    return int(BENCHMARK.run(wildcards.run).options.get("device", "auto") != "cpu")


def gpus_of_device(wildcards):
    """Return how many GPUs measurements of a device need."""
    return int(wildcards.device != "cpu")


def measured_of_part(wildcards):
    """Return what the measurements of a part depend on as JSON: whatever changes it repeats them."""
    return json.dumps(measured(BENCHMARK, wildcards.part), sort_keys=True)


def summarised_of_all(wildcards):
    """Return what the summary of all parts depends on besides them as JSON."""
    return json.dumps(summarised(BENCHMARK), sort_keys=True)


def splits_of_part(wildcards):
    """Return the data that a part is measured on; operators and blocks need none."""
    if wildcards.part not in ("steps", "inference"):
        return []
    return expand(
        "results/data/{dataset}/{protocol}/{file}.parquet",
        dataset=[dataset.id for dataset in BENCHMARK.datasets],
        protocol=BENCHMARK.protocols[:1],
        file=["train", "validation"],
    )


def hypotheses_file():
    """Return the file of claims; none where nothing is claimed."""
    return str(HYPOTHESES_FILE) if HYPOTHESES_FILE else []


def published_file():
    """Return the file that the claims take published numbers from; none where they name none."""
    return str(PUBLISHED_FILE) if PUBLISHED_FILE else []


def all_cards():
    """Return the data cards; claims over density read them."""
    return expand(
        "results/data/{dataset}/card.json",
        dataset=[dataset.id for dataset in BENCHMARK.datasets],
    )


def all_verdicts():
    """Return the verdicts on all claims; none where nothing is claimed."""
    folder = f"results/comparison/{BENCHMARK.report}"
    return (
        multiext(f"{folder}/", "verdicts.parquet", "claims.parquet", "decided.json")
        if BENCHMARK.hypotheses
        else []
    )


def measured_on(device):
    """Return what was measured on a device."""
    return expand(
        f"{EFFICIENCY}/{{device}}/{{part}}/{{file}}",
        device=device,
        part=BENCHMARK.efficiency.parts,
        file=["work.parquet", "times.parquet", "machine.json"],
    )


def measurements_of_device(wildcards):
    """Return what was measured on the device of a job."""
    return measured_on(wildcards.device)


def all_efficiency():
    """Return the measurements on every device and what they come to; nothing where nothing is measured."""
    devices = BENCHMARK.efficiency.devices if BENCHMARK.efficiency else []
    tables = expand(
        f"{EFFICIENCY}/{{device}}/{{table}}.parquet",
        device=devices,
        table=["speed", "scaling"],
    )
    return tables + [file for device in devices for file in measured_on(device)]


def refuse_leftovers():
    """Stop if Slurm jobs of an earlier Snakemake are, or may be, still computing what this one is about to."""
    try:
        refuse_orphans(Path())
    except ValueError as error:
        raise WorkflowError(str(error)) from None


def say_what_stopped():
    """Say how far the comparison is, and of what stopped how far it came and what it said last."""
    # Imported here: every job parses this file, and next to none gets here.
    from hydrarec.status import described, progress
    from snakemake.logging import logger

    logger.error(described(progress(BENCHMARK, Path("results"))))
    logger.error("Once its cause is mended, the same command goes on from here.")
    given = workflow.overwrite_configfiles or [Path(workflow.basedir, "config.yaml")]
    # It reads one file, and no values of the command line.
    if len(given) == 1 and PLACE is not None:
        here, checkout = Path().resolve(), Path(workflow.basedir).resolve()
        folder = f" --folder {shlex.quote(str(here))}" if here != checkout else ""
        logger.error(
            f"A report of what is finished: hydrarec partial-report --config {shlex.quote(str(given[0]))}{folder}"
        )


def all_environments():
    """Return what marks the environments of the configured baselines as installed."""
    names = {run.baseline for run in BENCHMARK.all_runs if isinstance(run, BaselineRun)}
    inputs = (getattr(rules, name).input for name in sorted(names))
    return {files.environment for files in inputs if "environment" in files.keys()}


def all_splits():
    """Return the training part of every dataset under every protocol."""
    return expand(
        "results/data/{dataset}/{protocol}/train.parquet",
        dataset=[dataset.id for dataset in BENCHMARK.datasets],
        protocol=BENCHMARK.protocols,
    )


def of_all_runs(file, runs=tuple(BENCHMARK.all_runs)):
    """Return a file of every run on every dataset under every protocol with every seed."""
    return [
        f"results/runs/{dataset.id}/{protocol}/{run.id}/seed-{seed}/{file}"
        for dataset in BENCHMARK.datasets
        for protocol in BENCHMARK.protocols
        for run in runs
        for seed in BENCHMARK.seeds_of(run.id)
    ]


def all_ranks():
    """Return the ranks of all runs."""
    return of_all_runs("ranks.parquet")


def all_sampled():
    """Return the counts among drawn candidates of all runs whose rules can have them; lists of others cannot."""

    def counted(run):
        if isinstance(run, TrainedRun):
            return True
        return any(
            path.endswith("sampled.parquet")
            for path in getattr(rules, run.baseline).output
        )

    runs = [run for run in BENCHMARK.all_runs if counted(run)]
    return of_all_runs("sampled.parquet", runs) if SAMPLED else []


def all_histories():
    """Return the training histories of all trained runs."""
    return of_all_runs(
        "history.parquet",
        [run for run in BENCHMARK.all_runs if isinstance(run, TrainedRun)],
    )
