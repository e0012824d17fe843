# What a Snakemake remarks on when it plans, refuses when it starts, and says when something stopped it.
import shlex
from pathlib import Path

from hydrarec.cluster import refuse_orphans
from hydrarec.formatting import several


def warn_of_claims():
    """Say, once, what claims ask for that this comparison does not have; a file of claims may serve several."""
    # Who plans has said it.
    if HYPOTHESES_FILE is None or not workflow.is_main_process:
        return
    from hydrarec.config.claims_file import unmet_requirements
    from snakemake.logging import logger

    if found := unmet_requirements(HYPOTHESES_FILE, BENCHMARK):
        others = (
            f"\n{several(len(found) - 1, 'more remark')}: hydrarec check lists them."
            if found[1:]
            else ""
        )
        logger.warning(f"{found[0]}{others}")


warn_of_claims()


def warn_of_other_settings():
    """Say, once, which data and results of other settings are made anew, and which stay for want of records."""
    if not workflow.is_main_process:
        return
    from hydrarec.plan import find_other_settings
    from snakemake.logging import logger

    def listed(found):
        more = f"\n  and {len(found) - 3} more" if found[3:] else ""
        return "\n".join(f"  {why}" for why in found[:3]) + more

    replaced, unseen = find_other_settings(BENCHMARK, Path())
    if replaced:
        logger.warning(
            f"{several(len(replaced), 'result')} of other settings than the configuration's will be gone: what is asked for of "
            "them is computed anew in the same place. To keep them, call the run or data set otherwise, or work in another "
            f"folder (--directory):\n{listed(replaced)}"
        )
    if unseen:
        logger.warning(
            f"Snakemake has no records of {several(len(unseen), 'result')} of other settings than the configuration's and "
            "repeats none for that. Where nothing else is said, delete the folder of each file and start again with "
            f"--forcerun collect:\n{listed(unseen)}"
        )


warn_of_other_settings()


def refuse_leftovers():
    """Stop if Slurm jobs of an earlier Snakemake are, or may be, still computing what this one is about to."""
    try:
        refuse_orphans(Path())
    except ValueError as error:
        raise WorkflowError(str(error)) from None


def say_where_the_report_lies():
    """Name the page, where there is one: it may be the last of many lines."""
    from snakemake.logging import logger

    page = Path("reports") / BENCHMARK.report / "index.html"
    if page.is_file():
        logger.info(f"Report: {page.resolve()}")


def say_what_stopped():
    """Say how far the comparison is, and of what stopped how far it came and what it said last."""
    # Imported here: every job parses this file, and next to none gets here.
    from hydrarec.status import FINISHED, format_preparation, format_status, progress
    from snakemake.logging import logger

    results = Path("results")
    runs = progress(BENCHMARK, results)
    logger.error(format_status(runs))
    if waiting := format_preparation(BENCHMARK, results):
        logger.error(waiting)
    logger.error("Once its cause is mended, the same command goes on from here.")
    given = workflow.overwrite_configfiles or [CHECKOUT / "config.yaml"]
    # It reads one file, and no values of the command line, and reports on nothing only to refuse it.
    if (
        len(given) == 1
        and LOCATE is not None
        and any(run.stage == FINISHED for run in runs)
    ):
        here, checkout = Path().resolve(), CHECKOUT.resolve()
        folder = f" --folder {shlex.quote(str(here))}" if here != checkout else ""
        logger.error(
            f"A report of what is finished: hydrarec partial-report --config {shlex.quote(str(given[0]))}{folder}"
        )
