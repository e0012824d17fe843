"""What is committed but generated, and the benchmarks that some of it is made of."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from hydrarec.cli.options import Device, Output, Threads
from hydrarec.config.benchmark import BenchmarkConfig

app = typer.Typer()


@app.command()
def schema(
    of: Annotated[Literal["config", "hypotheses"], typer.Argument(help="Kind of file.")] = "config",
) -> None:
    """Print the JSON schema of configuration files or of files of claims, as committed in workflow/schemas."""
    from hydrarec.config.hypotheses import Hypotheses

    schemas = {"config": config_schema, "hypotheses": Hypotheses.model_json_schema}
    described = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schemas[of]()}
    typer.echo(json.dumps(described, indent=2))


@app.command()
def operators() -> None:
    """Print the table of operators and models without attention, as committed in docs/attention/README.md."""
    from hydrarec.report.operators import operators_page

    typer.echo(operators_page(), nl=False)


@app.command()
def rules(
    folder: Annotated[Path, typer.Option(help="Folder of the baselines' rules.")] = Path("workflow/rules/baselines"),
) -> None:
    """Print the graph of rules, as committed in hydrarec/report/assets; reads `snakemake --rulegraph dot`."""
    from hydrarec.report.rulegraph import parse_rulegraph

    edges = parse_rulegraph(sys.stdin.read(), {path.stem for path in folder.glob("*.smk")})
    typer.echo(json.dumps(edges, indent=1))


@app.command()
def published(
    results: Annotated[list[Path] | None, typer.Option(help="Results folder to take in; may be repeated.")] = None,
) -> None:
    """Write docs/reproduction.md, after taking in new results; run it in the root of a checkout."""
    from hydrarec.published import update

    update(Path(), results or [])


@app.command()
def bench(
    names: Annotated[list[str] | None, typer.Argument(help="Benchmarks, files of hydrarec/bench; none: all.")] = None,
    output: Output = Path("results/bench"),
    device: Device = "auto",
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


def config_schema() -> dict[str, Any]:
    """Return the schema with ids of built-in datasets, and what is like them, allowed beside definitions."""
    from hydrarec.config.built_in import BUILT_IN

    described = BenchmarkConfig.model_json_schema()
    items, names = described["properties"]["datasets"]["items"], {"enum": sorted(BUILT_IN)}
    keys = described["$defs"]["DatasetConfig"]["properties"]
    like = {
        "type": "object",
        "description": "A built-in dataset with other values of some keys.",
        "properties": {"like": names, **keys},
        "required": ["like", "id"],
        "additionalProperties": False,
    }
    described["properties"]["datasets"]["items"] = {"anyOf": [names, like, items]}
    return described
