# What the configuration asks for, in the words of rules: paths, wildcards, parameters.
import json
import re
import shlex
from pathlib import Path
from typing import get_args

from hydrarec.config.efficiency import ON_DATA, Part
from hydrarec.config.measured import (
    measured_settings,
    summarised_settings,
)
from hydrarec.config.protocol import SampledKind
from hydrarec.config.runs import BaselineRun, TrainedRun
from hydrarec.config.training import Device
from hydrarec.layout import REQUIRED, raw_file

# What the rule of a baseline leaves behind.
RUN_FILES = multiext("results/runs/{dataset}/{protocol}/{run}/seed-{seed}/", *REQUIRED)

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
    device="|".join(get_args(Device)),
    part="|".join(get_args(Part)),
    kind="|".join(get_args(SampledKind)),


def one_of(ids):
    """Return the pattern that matches exactly these ids, and nothing if there are none."""
    return "|".join(map(re.escape, ids)) or r"(?!)"


def trained_runs():
    """Return the pattern of the runs that this package trains."""
    return one_of(run.id for run in BENCHMARK.trained_runs)


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
    """Return the command-line options that hand over sampled candidates, if there are any."""
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
    return json.dumps(measured_settings(BENCHMARK, wildcards.part), sort_keys=True)


def summarised_of_all(wildcards):
    """Return what the summary of all parts depends on besides them as JSON."""
    return json.dumps(summarised_settings(BENCHMARK), sort_keys=True)


def splits_of_part(wildcards):
    """Return the data that a part is measured on; operators and blocks need none."""
    if wildcards.part not in ON_DATA:
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


def measurement_files(device):
    """Return what was measured on a device."""
    return expand(
        f"{EFFICIENCY}/{{device}}/{{part}}/{{file}}",
        device=device,
        part=BENCHMARK.efficiency.parts,
        file=["work.parquet", "times.parquet", "machine.json"],
    )


def measurements_of_device(wildcards):
    """Return what was measured on the device of a job."""
    return measurement_files(wildcards.device)


def all_efficiency():
    """Return the measurements on every device and what they come to; nothing where nothing is measured."""
    devices = BENCHMARK.efficiency.devices if BENCHMARK.efficiency else []
    tables = expand(
        f"{EFFICIENCY}/{{device}}/{{table}}.parquet",
        device=devices,
        table=["speed", "scaling"],
    )
    return tables + [file for device in devices for file in measurement_files(device)]


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
    """Return the counts among sampled candidates of all runs whose rules can have them; lists of others cannot."""

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
        BENCHMARK.trained_runs,
    )
