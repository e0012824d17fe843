"""Commands about runs: two compared, the card of one, where its training spends its time."""

import os
from pathlib import Path
from typing import Annotated

import typer

from hydrarec.cli.options import Config, Folder, Threads, benchmark_of
from hydrarec.config import BenchmarkConfig
from hydrarec.config.protocol import Protocol

app = typer.Typer()

OneDataset = Annotated[str | None, typer.Option(help="Dataset id; default: the configuration's only one.")]


@app.command()
def compare(
    run: Annotated[str, typer.Argument(help="Run, by its id or label.")],
    reference: Annotated[str, typer.Argument(help="Run that it is held against.")],
    dataset: OneDataset = None,
    protocol: Annotated[
        Protocol | None, typer.Option(help="How targets are held out; default: the configuration's first.")
    ] = None,
    config: Config = "config.yaml",
    folder: Folder = Path(),
) -> None:
    """Compare two runs, paired by user and seed; only these two need be finished."""
    from hydrarec.comparison.two import contrast_two
    from hydrarec.terminal.contrast import format_contrast

    benchmark = benchmark_of(config)
    dataset = dataset or _only_dataset(benchmark)
    run, reference = benchmark.run_id(run), benchmark.run_id(reference)
    found = contrast_two(benchmark, folder / "results", run, reference, dataset, protocol or benchmark.protocols[0])
    typer.echo(format_contrast(benchmark, found))


@app.command()
def show(
    run: Annotated[str, typer.Argument(help="Run, by its id or label.")],
    config: Config = "config.yaml",
    folder: Folder = Path(),
) -> None:
    """Show a run's card: settings, metrics with intervals, times, what made it, and where its files lie."""
    from hydrarec.terminal.card import card

    benchmark = benchmark_of(config)
    typer.echo(card(benchmark, folder / "results", benchmark.run_id(run)))


@app.command()
def profile(
    run: Annotated[str, typer.Argument(help="Trained run, by its id or label.")],
    dataset: OneDataset = None,
    steps: Annotated[int, typer.Option(min=1, help="Training steps to watch.")] = 16,
    trace: Annotated[
        Path | None, typer.Option(help="File to write every call to, for ui.perfetto.dev or chrome://tracing.")
    ] = None,
    threads: Threads = 1,
    config: Config = "config.yaml",
    folder: Folder = Path(),
) -> None:
    """Watch training steps of a run: which operations take the time, and how much of it lies between them.

    On a GPU that is waiting: for launches, for Python, for data. The data set must be prepared.
    """
    # What watches says in the terminal when it begins and ends.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    from hydrarec.comparison.two import restrict
    from hydrarec.efficiency.profile import profile
    from hydrarec.terminal.profile import format_profile

    benchmark = benchmark_of(config)
    dataset, run = dataset or _only_dataset(benchmark), benchmark.run_id(run)
    # Refuses unknown names before anything is read.
    restrict(benchmark, [run], dataset, benchmark.protocols[0])
    found = profile(benchmark, folder / "results", run, dataset, steps=steps, threads=threads, trace=trace)
    typer.echo(format_profile(**vars(found)))


def _only_dataset(config: BenchmarkConfig) -> str:
    ids = [dataset.id for dataset in config.datasets]
    if len(ids) > 1:
        raise ValueError(f"--dataset: must be given where there are several; allowed: {', '.join(ids)}")
    return ids[0]
