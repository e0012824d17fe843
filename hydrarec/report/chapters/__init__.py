"""The chapters of the page, one a file, in the order in which they are read."""

from hydrarec.progress import bar
from hydrarec.report.blocks import Chapter
from hydrarec.report.chapters.absent import absent_runs
from hydrarec.report.chapters.beyond import beyond
from hydrarec.report.chapters.checks import checks
from hydrarec.report.chapters.contrasts import contrasts
from hydrarec.report.chapters.costs import costs
from hydrarec.report.chapters.data import data
from hydrarec.report.chapters.leaderboard import leaderboard
from hydrarec.report.chapters.parts import parts
from hydrarec.report.chapters.protocol import protocol
from hydrarec.report.chapters.provenance import provenance
from hydrarec.report.chapters.runs import runs
from hydrarec.report.chapters.scaling import scaling
from hydrarec.report.chapters.sensitivity import sensitivity
from hydrarec.report.chapters.settings import settings
from hydrarec.report.chapters.strata import strata
from hydrarec.report.chapters.variance import variance
from hydrarec.report.chapters.verdicts import verdicts
from hydrarec.report.inputs import Inputs

_ORDER = (
    verdicts,
    leaderboard,
    contrasts,
    variance,
    costs,
    scaling,
    strata,
    beyond,
    sensitivity,
    absent_runs,
    checks,
    parts,
    settings,
    data,
    protocol,
    runs,
    provenance,
)


def chapters_of(inputs: Inputs) -> list[Chapter]:
    """Return the chapters of a report; those that have nothing to show are left out."""
    made = (chapter(inputs) for chapter in bar(_ORDER, what="drawing", unit="chapter"))
    return [chapter for chapter in made if chapter is not None]
