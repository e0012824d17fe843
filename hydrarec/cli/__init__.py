"""The command line: sub-commands that map files to files. Snakemake's rules call nothing else.

Each command imports its room when it runs, so that planning and statistics never load torch.
"""

import logging
import sys
from typing import Annotated

import typer

from hydrarec.cli import cluster, comparison, new, pages, runs, steps
from hydrarec.cli.message import message_of
from hydrarec.progress import start_logging

log = logging.getLogger(__name__)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Steps of the HydraRec benchmark. `snakemake --profile local` runs them all in the right order.",
)
for part in (steps, comparison, runs, pages):
    app.add_typer(part.app)
app.add_typer(new.app, name="new")
app.add_typer(cluster.app, name="cluster")


def _say_version(asked: bool) -> None:
    if asked:
        from hydrarec.sources import code_name, code_state

        typer.echo(code_name(code_state()))
        raise typer.Exit


@app.callback()
def _common(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of what goes wrong; may stand anywhere.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which version and commit.")
    ] = False,
) -> None:
    log.setLevel(logging.DEBUG if debug else logging.INFO)


def main() -> None:
    """Run the command line; what goes wrong ends in one message of a few lines, and under --debug in a traceback."""
    start_logging()
    log.setLevel(logging.INFO)
    try:
        # Wherever it stands; the parser knows it only before the command.
        code = app(sorted(sys.argv[1:], key="--debug".__ne__), prog_name="hydrarec", standalone_mode=False)
    except typer.Abort:
        sys.exit("hydrarec: aborted")
    except Exception as error:
        log.debug("what went wrong:", exc_info=True)
        sys.stderr.write(f"hydrarec: {message_of(error)}\n")
        code = getattr(error, "exit_code", 1)
    sys.exit(code)
