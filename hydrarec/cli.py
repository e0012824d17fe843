"""The command line: sub-commands that map files to files. Snakemake's rules call nothing else.

Each command imports its room when it runs, so that planning and statistics never load torch.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast, get_args

import typer
from pydantic import TypeAdapter, ValidationError

from hydrarec.config import ConfigError, RunSettings, load, load_file
from hydrarec.config.base import explain
from hydrarec.config.benchmark import BenchmarkConfig
from hydrarec.config.datasets import DatasetConfig
from hydrarec.config.efficiency import Part
from hydrarec.progress import start_logging

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Steps of the HydraRec benchmark. `snakemake --profile local` runs them all in the right order.",
)
new = typer.Typer(no_args_is_help=True, help="Write starter files into this checkout.")
app.add_typer(new, name="new")
cluster = typer.Typer(no_args_is_help=True, help="Look after jobs on a Slurm cluster.")
app.add_typer(cluster, name="cluster")

Data = Annotated[Path, typer.Option(help="Dataset folder: results/data/<dataset>.")]
Protocol = Annotated[str, typer.Option(help="loo or gts.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the run.")]
Threads = Annotated[int, typer.Option(min=1, help="CPU threads; results are byte-identical at equal numbers.")]
Output = Annotated[Path, typer.Option(help="Folder to write into.")]
Results = Annotated[Path, typer.Option(help="Folder of all results.")]
Dataset = Annotated[str, typer.Option(help="The dataset's definition as JSON.")]
Config = Annotated[str, typer.Option(help="The comparison's configuration: a YAML file, or its content as JSON.")]


@app.command()
def download(
    dataset: Dataset, output: Output, mirror: Annotated[str, typer.Option(help="Folder or URL asked first.")] = ""
) -> None:
    """Download a dataset's file and check its hash."""
    from hydrarec.data.download import download

    download(_block(DatasetConfig, dataset), output, mirror or None)


@app.command()
def prepare(
    dataset: Dataset, output: Output, raw: Annotated[Path | None, typer.Option(help="The downloaded file.")] = None
) -> None:
    """Turn a raw file into Parquet tables and a data card."""
    from hydrarec.data.prepare import prepare

    prepare(_block(DatasetConfig, dataset), raw, output)


@app.command()
def split(data: Data, protocol: Protocol, output: Output) -> None:
    """Hold out validation and test targets."""
    from hydrarec.data.split import split

    split(data, protocol, output)


@app.command()
def train(
    settings: Annotated[str, typer.Option(help="The run's complete settings as JSON.")],
    data: Data,
    protocol: Protocol,
    seed: Seed,
    output: Output,
    threads: Threads = 1,
    runs_per_gpu: Annotated[int, typer.Option(min=1, help="Trainings that share the GPU; noted with the times.")] = 1,
) -> None:
    """Train a model; never opens the test targets."""
    from hydrarec.training.run import train

    train(
        _block(RunSettings, settings),
        data=data,
        protocol=protocol,
        seed=seed,
        threads=threads,
        output=output,
        runs_per_gpu=runs_per_gpu,
    )


@app.command()
def rank(
    model: Annotated[Path, typer.Option(help="model.safetensors of a trained run.")],
    data: Data,
    protocol: Protocol,
    output: Output,
    threads: Threads = 1,
) -> None:
    """Rank the test targets with a trained model."""
    from hydrarec.training.test import rank_test

    rank_test(model, data=data, protocol=protocol, threads=threads, output=output)


@app.command()
def baseline(
    name: Annotated[str, typer.Argument(help="Module of hydrarec/baselines.")],
    data: Data,
    protocol: Protocol,
    run: Annotated[str, typer.Option(help="Run id.")],
    seed: Seed,
    output: Output,
    options: Annotated[str, typer.Option(help="The baseline's options as JSON.")] = "{}",
    threads: Threads = 1,
) -> None:
    """Fit a baseline of this package and rank the test targets with it."""
    from hydrarec.baselines.run import run_baseline

    run_baseline(
        name,
        data=data,
        protocol=protocol,
        run=run,
        seed=seed,
        options=json.loads(options),
        threads=threads,
        output=output,
    )


@app.command()
def rank_lists(
    baseline: Annotated[str, typer.Option(help="Name of the rule file, without .smk.")],
    data: Data,
    protocol: Protocol,
    run: Annotated[str, typer.Option(help="Run id.")],
    seed: Seed,
    output: Annotated[Path, typer.Option(help="Run folder that holds recommendations.parquet and costs.json.")],
    options: Annotated[str, typer.Option(help="The baseline's options as JSON.")] = "{}",
) -> None:
    """Check recommendation lists made outside this package, and rank the test targets with them."""
    from hydrarec.ranking.external import take_in

    take_in(
        data=data,
        protocol=protocol,
        run=run,
        baseline=baseline,
        options=json.loads(options),
        seed=seed,
        output=output,
    )


@app.command()
def collect(config: Config, output: Output, results: Results = Path("results")) -> None:
    """Gather every run's metrics and times into tables, and check what must hold before they are believed."""
    from hydrarec.comparison import check_gates, collect

    benchmark = _benchmark(config)
    collect(benchmark, results, output)
    check_gates(benchmark, results, output)


@app.command()
def compare(config: Config, output: Output, results: Results = Path("results")) -> None:
    """Compare every run with the reference: paired differences with users x seeds intervals."""
    from hydrarec.comparison import compare

    compare(_benchmark(config), results, output)


@app.command()
def report(
    config: Config,
    comparison: Annotated[Path, typer.Option(help="Folder that `collect` and `compare` wrote.")],
    output: Output,
    results: Results = Path("results"),
) -> None:
    """Render the report: one self-contained page, its figures and its tables."""
    from hydrarec.report import render

    render(_benchmark(config), results, comparison, output)


@app.command()
def efficiency(
    what: Annotated[str, typer.Argument(help="operators, blocks, steps, inference; summary of what was measured.")],
    config: Config,
    output: Output,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda; a summary needs none.")] = "auto",
    results: Results = Path("results"),
) -> None:
    """Measure speed and memory in interleaved rounds, with the machine to itself."""
    from hydrarec.efficiency.measure import measure
    from hydrarec.efficiency.summary import summarise

    benchmark = _benchmark(config)
    if what == "summary":
        summarise(benchmark, output)
    else:
        measure(benchmark, _part(what), device=device, results=results, output=output)


@app.command()
def check(config: Annotated[Path, typer.Argument(help="A YAML configuration file.")]) -> None:
    """Check a configuration file and list its runs."""
    benchmark = load_file(config)
    for run_id in benchmark.run_ids:
        typer.echo(run_id)


@app.command()
def status(config: Config, folder: Annotated[Path, typer.Option(help="Where Snakemake works.")] = Path()) -> None:
    """Say how many runs are finished, which stopped, where, and what they said last."""
    from hydrarec.status import described, progress

    typer.echo(described(progress(_benchmark(config), folder)))


@app.command()
def estimate(
    config: Config,
    results: Results = Path("results"),
    epoch_s: Annotated[
        list[str] | None, typer.Option(help="<dataset>=<seconds> of an epoch, where none was measured; repeatable.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="Only what was measured on it; default: the most frequent.")
    ] = None,
) -> None:
    """Estimate the hours of all trainings from those done so far, and say how much of it is measured."""
    from hydrarec.estimate import described, estimate, seconds_of

    typer.echo(described(*estimate(_benchmark(config), results, given=seconds_of(epoch_s or []), device=device)))


@app.command()
def schema() -> None:
    """Print the JSON schema of configuration files, as committed in workflow/schemas."""
    described = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_config_schema()}
    typer.echo(json.dumps(described, indent=2))


@app.command()
def operators() -> None:
    """Print the table of operators and models without attention, as committed in docs/attention/README.md."""
    from hydrarec.report.operators import operators_page

    typer.echo(operators_page(), nl=False)


@app.command()
def reproduction(
    results: Annotated[list[Path] | None, typer.Option(help="Results folder to take in; may be repeated.")] = None,
) -> None:
    """Write docs/reproduction.md, after taking in new results; run it in the root of a checkout."""
    from hydrarec.reproduction import update

    update(Path(), results or [])


@app.command()
def bench(
    names: Annotated[list[str] | None, typer.Argument(help="Benchmarks, files of hydrarec/bench; none: all.")] = None,
    output: Output = Path("results/bench"),
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Threads = 1,
    rounds: Annotated[int | None, typer.Option(min=2, help="Measured rounds.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes, to see that everything works.")] = False,
    data: Annotated[Path, typer.Option(help="Folder of prepared data sets.")] = Path("results/data"),
) -> None:
    """Time this package against named alternatives, in interleaved rounds."""
    from hydrarec.bench.run import run

    run(names or [], output, device=device, threads=threads, rounds=rounds, quick=quick, data=data)


@app.command()
def performance(
    results: Annotated[
        list[Path] | None, typer.Option(help="Folder of `hydrarec bench` to take in; repeatable.")
    ] = None,
) -> None:
    """Write docs/performance.md, after taking in new measurements; run it in the root of a checkout."""
    from hydrarec.bench.page import update

    update(Path(), results or [])


@cluster.command()
def orphans(
    folder: Annotated[Path, typer.Option(help="Where Snakemake works.")] = Path(),
    wait: Annotated[bool, typer.Option("--wait", help="Wait until there are none.")] = False,
) -> None:
    """List the Slurm jobs of this folder, left over by a Snakemake that was killed, and say what to do about them."""
    from hydrarec.cluster import described, jobs_of, wait_for

    if wait:
        wait_for(folder)
    typer.echo(described(jobs_of(folder)))


@new.command("baseline")
def new_baseline(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and _.")],
    inside: Annotated[bool, typer.Option("--inside", help="As a file of this package, not a program.")] = False,
) -> None:
    """Write a rule, a method that works and its test; run it in the root of a checkout."""
    from hydrarec.scaffold import new_baseline

    rule, method, test = new_baseline(name, Path(), inside=inside)
    typer.echo(
        f"""wrote {rule}
wrote {method}  <- your method goes here
wrote {test}

Add this line under `runs:` in config.yaml, or in examples/demo.yaml to try it:

  - {{id: {name}, baseline: {name}, deterministic: true}}

Test it, then compute it and make the report with its row, reports/demo/index.html:

  pytest {test}{" tests/contract/test_baselines.py" if inside else ""}
  snakemake --profile local --configfile examples/demo.yaml"""
    )


def main() -> None:
    """Run the command line; a user's mistake ends in one message, not a traceback."""
    start_logging()
    try:
        app()
    except (ConfigError, ValueError, OSError, FloatingPointError) as error:
        sys.exit(f"hydrarec: {error}")


def _benchmark(config: str) -> BenchmarkConfig:
    return load(json.loads(config)) if config.lstrip().startswith("{") else load_file(Path(config))


def _block(kind: type[T], text: str) -> T:
    try:
        return TypeAdapter(kind).validate_json(text)
    except ValidationError as error:
        raise ConfigError(f"mistakes in the given JSON:\n{explain(error)}") from None


def _part(name: str) -> Part:
    if name not in get_args(Part):
        raise ValueError(f"{name!r} cannot be measured; allowed: {', '.join(get_args(Part))}, summary")
    return cast(Part, name)


def _config_schema() -> dict[str, Any]:
    """Return the schema with ids of built-in datasets allowed beside definitions."""
    from hydrarec.config.datasets import BUILT_IN

    described = BenchmarkConfig.model_json_schema()
    items = described["properties"]["datasets"]["items"]
    described["properties"]["datasets"]["items"] = {"anyOf": [{"enum": sorted(BUILT_IN)}, items]}
    return described
