"""The command line: sub-commands that map files to files. Snakemake's rules call nothing else.

Each command imports its room when it runs, so that planning and statistics never load torch.
"""

import sys

import typer

from hydrarec.cli import answers, cluster, new, pages, questions, steps
from hydrarec.config import ConfigError
from hydrarec.progress import start_logging

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Steps of the HydraRec benchmark. `snakemake --profile local` runs them all in the right order.",
)
for part in (steps, questions, answers, pages):
    app.add_typer(part.app)
app.add_typer(new.app, name="new")
app.add_typer(cluster.app, name="cluster")


def main() -> None:
    """Run the command line; a user's mistake ends in one message, not a traceback."""
    start_logging()
    try:
        app()
    except (ConfigError, ValueError, OSError, FloatingPointError) as error:
        sys.exit(f"hydrarec: {error}")
