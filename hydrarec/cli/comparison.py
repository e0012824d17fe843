"""Commands about a comparison and its results; none of them is a step of the pipeline."""

from pathlib import Path
from typing import Annotated

import typer

from hydrarec.cli.options import Config, Folder, benchmark_of
from hydrarec.config import load_file
from hydrarec.config.claims_file import claims_file, find_checkout, unmet_requirements
from hydrarec.config.hypotheses import load_hypotheses
from hydrarec.config.yaml_file import read_yaml
from hydrarec.layout import comparison_folder

app = typer.Typer()


@app.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="A YAML configuration file; default: config.yaml.")] = None,
    config: Annotated[Path | None, typer.Option(help="The same file, named as for other commands.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 if anything is remarked.")] = False,
) -> None:
    """Check a configuration file, the rules of its baselines, its claims and its local data, and list its runs.

    What claims ask for that this comparison does not have is remarked, but no mistake: their file may serve several. So
    are local data that cannot be had, or are not those that the configuration names, and settings for other data sets.
    """
    from hydrarec.data.download import local_troubles

    if file and config:
        raise typer.BadParameter("name one configuration file, such as config.yaml")
    path, checkout = file or config or Path("config.yaml"), find_checkout()
    baselines = sorted(path.stem for path in (checkout / "workflow/rules/baselines").glob("*.smk")) if checkout else []
    benchmark = load_file(path, baselines or None)
    claims = claims_file(benchmark)
    locate = read_yaml(path).locate
    remarks = unmet_requirements(claims, benchmark, locate(["hypotheses"])) if claims else []
    remarks += local_troubles(benchmark, locate)
    remarks += [
        f"{locate(['per_dataset', name])}: per_dataset.{name} changes nothing: it is not among the data sets"
        for name in benchmark.idle_datasets
    ]
    for remark in remarks:
        typer.echo(remark, err=True)
    for run_id in benchmark.run_ids:
        typer.echo(run_id)
    if strict and remarks:
        raise typer.Exit(1)


@app.command()
def status(config: Config = "config.yaml", folder: Folder = Path()) -> None:
    """Say how many runs are finished, which stopped, where, and what they said last."""
    from hydrarec.status import format_preparation, format_status, format_unmissed, progress

    benchmark, results = benchmark_of(config), folder / "results"
    runs = progress(benchmark, results)
    typer.echo(format_status(runs))
    for more in (format_preparation(benchmark, results), format_unmissed(benchmark, results, runs)):
        if more:
            typer.echo(more)
    if not results.is_dir():
        typer.echo(f"There is no folder {results} here; `--folder` names the one in which Snakemake works.")


@app.command()
def partial_report(config: Config = "config.yaml", folder: Folder = Path()) -> None:
    """Make a report of the runs that are finished, at any time; what is missing and why stands in it.

    The file of claims is that of the checkout at work. Apart from the complete one: in
    reports/<report>/incomplete, from tables in results/comparison/<report>/incomplete.
    """
    from hydrarec.analyses import analyse
    from hydrarec.claims import decide
    from hydrarec.comparison import collect, contrast
    from hydrarec.report import render

    benchmark, results = benchmark_of(config), folder / "results"
    claims = claims_file(benchmark)
    if claims:
        # A mistake there would else be told after all tables are made.
        load_hypotheses(claims)
    tables = comparison_folder(results, benchmark.report) / "incomplete"
    collect(benchmark, results, tables, partial=True)
    contrast(benchmark, results, tables, partial=True)
    analyse(benchmark, results, tables, partial=True)
    if claims:
        decide(benchmark, claims, results, tables, tables)
    page = folder / "reports" / benchmark.report / "incomplete"
    render(benchmark, results, tables, page, partial=True)
    typer.echo(page / "index.html")


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="Results, or the folder of a run, a data set or a split.")],
) -> None:
    """Hash results again and hold them to their manifests; exit code 1 if anything differs."""
    from hydrarec.audit.verify import format_audit, verify

    audit = verify(folder)
    typer.echo(format_audit(audit))
    if audit.problems:
        raise typer.Exit(1)


@app.command()
def reproduce(
    folder: Annotated[Path, typer.Argument(help="Folder of a finished run: results/runs/…/seed-<k>.")],
    data: Annotated[Path | None, typer.Option(help="Dataset folder; default: the one beside the run.")] = None,
    tolerance: Annotated[float, typer.Option(min=0, help="Relative difference in NDCG@10 that is tolerated.")] = 0.01,
    scratch: Annotated[Path | None, typer.Option(help="Where to work; default: the system's temporary folder.")] = None,
) -> None:
    """Repeat a run from its manifest and say whether the same comes out, and else where it parts.

    Exit codes: 0 identical; 3 within tolerance; 4 different; 1 it cannot be repeated here, and why.
    """
    from hydrarec.audit.reproduce import format_reproduction, reproduce

    reproduction = reproduce(folder, tolerance=tolerance, data=data, scratch=scratch)
    typer.echo(format_reproduction(reproduction))
    raise typer.Exit({"identical": 0, "within tolerance": 3, "different": 4}[reproduction.verdict])


@app.command()
def estimate(
    config: Config = "config.yaml",
    folder: Folder = Path(),
    epoch_s: Annotated[
        list[str] | None, typer.Option(help="<dataset>=<seconds> of an epoch, where none was measured; repeatable.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="Only what was measured on it; default: the most frequent.")
    ] = None,
) -> None:
    """Estimate the hours of all trainings from those done so far, and say how much of it is measured."""
    from hydrarec.estimate import estimate, format_estimate, seconds_of

    typer.echo(
        format_estimate(
            *estimate(benchmark_of(config), folder / "results", given=seconds_of(epoch_s or []), device=device)
        )
    )
