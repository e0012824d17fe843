"""What a user asks about results: two runs compared, one run's card."""

from pathlib import Path
from typing import Annotated

import typer

from hydrarec.cli.options import Config, Results, benchmark_of

app = typer.Typer()


@app.command()
def compare(
    run: Annotated[str, typer.Argument(help="Run id.")],
    reference: Annotated[str, typer.Argument(help="Run id that it is held against.")],
    dataset: Annotated[str, typer.Option(help="Dataset id.")],
    protocol: Annotated[str | None, typer.Option(help="loo or gts; default: the configuration's first.")] = None,
    config: Config = "config.yaml",
    results: Results = Path("results"),
) -> None:
    """Compare two runs, paired by user and seed; only these two need be finished."""
    from hydrarec.comparison.two import contrast_two
    from hydrarec.terminal.contrast import described

    benchmark = benchmark_of(config)
    found = contrast_two(benchmark, results, run, reference, dataset, protocol or benchmark.protocols[0])
    typer.echo(described(benchmark, found))


@app.command()
def show(
    run: Annotated[str, typer.Argument(help="Run id.")],
    config: Config = "config.yaml",
    results: Results = Path("results"),
) -> None:
    """Show a run's card: settings, metrics with intervals, times, what made it, and where its files lie."""
    from hydrarec.terminal.card import card

    typer.echo(card(benchmark_of(config), results, run))
