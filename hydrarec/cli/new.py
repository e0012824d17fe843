"""Starter files."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Write starter files into this checkout.")


@app.command("baseline")
def new_baseline(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and _.")],
    inside: Annotated[bool, typer.Option("--inside", help="As a file of this package, not a program.")] = False,
) -> None:
    """Write a rule, a method that works and its test; run it in the root of a checkout."""
    from hydrarec.scaffold import write_baseline

    rule, method, test = write_baseline(name, Path(), inside=inside)
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
