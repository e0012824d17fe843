"""Jobs on a cluster."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Look after jobs on a Slurm cluster.")


@app.command()
def orphans(
    folder: Annotated[Path, typer.Option(help="Where Snakemake works.")] = Path(),
    wait: Annotated[bool, typer.Option("--wait", help="Wait until there are none.")] = False,
) -> None:
    """List the Slurm jobs of this folder, left over by a Snakemake that was killed, and say what to do about them."""
    from hydrarec.cluster import described, jobs_of, wait_for

    if wait:
        wait_for(folder)
    typer.echo(described(jobs_of(folder)))
