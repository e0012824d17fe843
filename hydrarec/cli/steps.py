"""Steps of the pipeline: what the rules call."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from hydrarec.cli.options import (
    Config,
    Data,
    Dataset,
    Device,
    Output,
    Protocol,
    Results,
    Seed,
    Threads,
    benchmark_of,
    block_of,
    dataset_of,
    json_of,
)
from hydrarec.config import RunSettings
from hydrarec.config.efficiency import Part
from hydrarec.config.protocol import SampledKind

app = typer.Typer()

Candidates = Annotated[list[Path] | None, typer.Option(help="Sampled candidates to rank among as well; repeatable.")]


@app.command()
def download(
    dataset: Dataset, output: Output, mirror: Annotated[str, typer.Option(help="Folder or URL asked first.")] = ""
) -> None:
    """Download a dataset's file and check its hash."""
    from hydrarec.data.download import download

    download(dataset_of(dataset), output, mirror or None)


@app.command()
def prepare(
    dataset: Dataset, output: Output, raw: Annotated[Path | None, typer.Option(help="The downloaded file.")] = None
) -> None:
    """Turn a raw file into Parquet tables and a data card."""
    from hydrarec.data.prepare import prepare

    prepare(dataset_of(dataset), raw, output)


@app.command()
def split(data: Data, protocol: Protocol, output: Output) -> None:
    """Hold out validation and test targets."""
    from hydrarec.data.split import split

    split(data, protocol, output)


@app.command()
def candidates(
    kind: Annotated[SampledKind, typer.Argument(help="How they are drawn, and how many.")],
    data: Data,
    protocol: Protocol,
    output: Annotated[Path, typer.Option(help="The Parquet file to write.")],
) -> None:
    """Draw candidates for every test target, once for all runs."""
    from hydrarec.data.sampled_candidates import sample_candidates

    sample_candidates(data, protocol, kind, output)


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
        block_of(RunSettings, settings),
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
    candidates: Candidates = None,
) -> None:
    """Rank the test targets with a trained model."""
    from hydrarec.training.inference import rank_test

    rank_test(model, data=data, protocol=protocol, threads=threads, output=output, candidates=candidates or [])


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
    candidates: Candidates = None,
) -> None:
    """Fit a baseline of this package and rank the test targets with it."""
    from hydrarec.baselines.run import run_baseline

    run_baseline(
        name,
        data=data,
        protocol=protocol,
        run=run,
        seed=seed,
        options=json_of("--options", options),
        threads=threads,
        output=output,
        candidates=candidates or [],
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
    from hydrarec.ranking.external import import_lists

    import_lists(
        data=data,
        protocol=protocol,
        run=run,
        baseline=baseline,
        options=json_of("--options", options),
        seed=seed,
        output=output,
    )


@app.command()
def collect(config: Config, output: Output, results: Results = Path("results")) -> None:
    """Gather every run's metrics and times into tables, and check what must hold before they are believed."""
    from hydrarec.comparison import collect

    collect(benchmark_of(config), results, output)


@app.command()
def contrast(config: Config, output: Output, results: Results = Path("results")) -> None:
    """Compare every run with the reference and with every other one, paired by user and seed."""
    from hydrarec.comparison import contrast

    contrast(benchmark_of(config), results, output)


@app.command()
def verdicts(
    config: Config,
    hypotheses: Annotated[Path, typer.Option(help="The file of claims.")],
    comparison: Annotated[Path, typer.Option(help="Folder that `collect` and `contrast` wrote.")],
    output: Output,
    results: Results = Path("results"),
) -> None:
    """Decide the claims of a file, which should be older than the results."""
    from hydrarec.claims import decide

    decide(benchmark_of(config), hypotheses, results, comparison, output)


@app.command()
def analyse(config: Config, output: Output, results: Results = Path("results")) -> None:
    """Measure every run in other ways, and what its lists are like besides accurate; no claim rests on these."""
    from hydrarec.analyses import analyse

    analyse(benchmark_of(config), results, output)


@app.command()
def report(
    config: Config,
    comparison: Annotated[Path, typer.Option(help="Folder that `collect` and `contrast` wrote.")],
    output: Output,
    results: Results = Path("results"),
) -> None:
    """Render the report: one self-contained page, its figures and its tables."""
    from hydrarec.report import render

    render(benchmark_of(config), results, comparison, output)


@app.command()
def efficiency(
    what: Annotated[Literal[Part, "summary"], typer.Argument(help="What is measured, or summary of what was.")],
    config: Config,
    output: Output,
    device: Device = "auto",
    results: Results = Path("results"),
) -> None:
    """Measure speed and memory in interleaved rounds, with the machine to itself."""
    from hydrarec.efficiency.measure import measure
    from hydrarec.efficiency.summary import summarise

    benchmark = benchmark_of(config)
    if what == "summary":
        summarise(benchmark, output)
    else:
        measure(benchmark, what, device=device, results=results, output=output)
