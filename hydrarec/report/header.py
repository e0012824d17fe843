"""What stands above the chapters: what was compared, what is missing, what the checks say, and what made it."""

from dataclasses import dataclass

from hydrarec import __version__
from hydrarec.provenance import n_changed
from hydrarec.report import sentences
from hydrarec.report.chapters.absent import absent_runs_sentence, completeness_sentence
from hydrarec.report.chapters.checks import concerns
from hydrarec.report.inputs import Inputs


@dataclass(frozen=True)
class Header:
    """The first lines of the page."""

    lead: str
    incomplete: str
    """How much of the comparison is there; empty if all is."""
    left_out: str
    """Which runs are not."""
    gates: dict[str, int]
    """Checks by status."""
    concerns: str
    """What those are about that did not pass."""
    origin: str
    """When, and from which code, the results were made."""


def header(inputs: Inputs) -> Header:
    """Say it."""
    statuses = [gate.status for gate in inputs.gates]
    return Header(
        sentences.lead(inputs),
        completeness_sentence(inputs),
        absent_runs_sentence(inputs),
        {status: statuses.count(status) for status in ("green", "amber", "red")},
        concerns(inputs.gates),
        _origin(inputs),
    )


def _origin(inputs: Inputs) -> str:
    if not inputs.manifests:
        return f"HydraRec {__version__}."
    days = sorted({manifest["created"][:10] for _, manifest in inputs.manifests})
    commits = sorted({(code["git_commit"] or "unknown")[:10] for of_run in inputs.codes for code in of_run})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    code = f"commit {commits[0]}" if len(commits) == 1 else f"{len(commits)} commits"
    dirty = n_changed(inputs.codes)
    changed = f" with uncommitted changes ({dirty} of {len(inputs.codes)} runs)" if dirty else ""
    return f"Results of {when}, {code}{changed}; page by HydraRec {__version__}."
