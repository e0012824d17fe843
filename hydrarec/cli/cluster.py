"""Jobs on a cluster."""

from pathlib import Path
from typing import Annotated

import typer

from hydrarec.cli.options import Folder

app = typer.Typer(no_args_is_help=True, help="Look after jobs on a Slurm cluster.")


@app.command()
def orphans(
    folder: Folder = Path(),
    wait: Annotated[bool, typer.Option("--wait", help="Wait until there are none.")] = False,
) -> None:
    """List the Slurm jobs of this folder, left over by a Snakemake that was killed, and say what to do about them."""
    from hydrarec.cluster import NoAnswerError, format_jobs, jobs_of, wait_for

    try:
        if wait:
            wait_for(folder)
        # Waited for, there are none; to ask once more could only fail.
        typer.echo(format_jobs([] if wait else jobs_of(folder)))
    except NoAnswerError as error:
        advice = "Ask again where squeue answers; --wait asks a cluster that is away until it does."
        raise NoAnswerError(f"{error}\n{advice}") from None
